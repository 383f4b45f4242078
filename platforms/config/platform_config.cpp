#include "platforms/config/platform_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "models/base/bdf.h"

namespace iommusim::platforms {
namespace {

/// Of a node; empty if it has none.
mem::MemoryRange largest_range(const PlatformConfig& c, unsigned node) {
  mem::MemoryRange largest;
  for (const mem::MemoryRange& range : c.memory.ranges) {
    if (range.node == node && largest.size < range.size) largest = range;
  }
  return largest;
}

void check_names(const PlatformConfig& c, base::Report& r) {
  // The names of the platform's own modules, which share the level of results with endpoints and cores.
  std::map<std::string, std::string> used = {{"memory", "the memory"},
                                             {"root_complex", "the root complex"},
                                             {"iommu", "the IOMMU"},
                                             {"interrupts", "the interrupt region"},
                                             {"router", "the router"},
                                             {"scheduler", "the scheduler"},
                                             {"iommu_driver", "the IOMMU driver"},
                                             {"replay", "the trace player"},
                                             {kChipset, "the endpoint that a replay adds"}};
  const auto take = [&](const std::string& name, const std::string& where) {
    const auto [it, fresh] = used.emplace(name, where);
    if (!fresh) r.error(where + ".name", fmt::format("'{}' is already the name of {}", name, it->second));
  };
  for (std::size_t i = 0; i < c.cores.size(); ++i) take(c.cores[i].name, fmt::format("cores[{}]", i));
  for (std::size_t i = 0; i < c.switches.size(); ++i) take(c.switches[i].name, fmt::format("switches[{}]", i));
  for (std::size_t i = 0; i < c.bridges.size(); ++i) take(c.bridges[i].name, fmt::format("bridges[{}]", i));
  for (std::size_t i = 0; i < c.endpoints.size(); ++i) take(c.endpoints[i].name, fmt::format("endpoints[{}]", i));
}

// Where everything is in the tree, and that its buses have room in configuration space.
void check_topology(const PlatformConfig& c, base::Report& r) {
  const Topology topology = topology_of(c, &r);
  const std::uint64_t buses = c.address_map.ecam_size.value() >> 20;
  for (const TopologyNode& node : topology.nodes) {
    if (node.kind == TopologyNode::Kind::endpoint && node.last_bus >= buses) {
      r.error(node.path + ".bdf", fmt::format("bus {:02x} lies beyond the {} buses that address_map.ecam_size holds",
                                              node.last_bus, buses));
    }
  }
}

void check_memory(const PlatformConfig& c, base::Report& r) {
  if (largest_range(c, c.io_node).size.value() < 16u << 20) {
    r.error("memory.ranges", c.memory.nodes == 1
                                 ? "no range has 16 MiB, the least that drivers and buffers need"
                                 : fmt::format("no range of node {}, the IOMMU's, has 16 MiB, the least that "
                                               "drivers and buffers need",
                                               c.io_node));
  }
}

void check_nodes(const PlatformConfig& c, base::Report& r) {
  const auto check = [&](unsigned node, const std::string& path) {
    if (node >= c.memory.nodes)
      r.error(path, fmt::format("there is no node {}: memory.nodes is {}, counted from 0", node, c.memory.nodes));
  };
  check(c.io_node, "io_node");
  for (std::size_t i = 0; i < c.cores.size(); ++i) check(c.cores[i].node, fmt::format("cores[{}].node", i));
}

void check_map(const PlatformConfig& c, base::Report& r) {
  std::vector<std::string> homeless;
  const AddressPlan plan = address_plan_of(c, &homeless);
  for (const MapConflict& conflict : plan.conflicts(c.address_map.address_bits))
    r.error(conflict.setting, conflict.message);
  for (const std::string& setting : homeless) {
    r.error(setting,
            setting.find(".memory") != std::string::npos
                ? "no room for the memory of this endpoint between address_map.device_memory and the end of the "
                  "address space "
                  "(address_map.address_bits)"
                : "no room for the registers of this endpoint in address_map.bars; make address_map.bars_size larger");
  }
  const std::uint64_t window_end = c.address_map.bars.value() + c.address_map.bars_size.value();
  for (std::size_t i = 0; i < c.endpoints.size(); ++i) {
    const EndpointConfig& e = c.endpoints[i];
    if (e.bar.value() != 0 && (e.bar < c.address_map.bars || e.bar.value() + register_window(e).value() > window_end)) {
      r.error(fmt::format("endpoints[{}].bar", i),
              fmt::format("lies outside the window address_map.bars (0x{:x}-0x{:x})", c.address_map.bars.value(),
                          window_end - 1));
    }
  }
}

}  // namespace

namespace {

std::uint64_t table_bytes(const mem::MemoryRange& whole) {
  const std::uint64_t wanted = std::max<std::uint64_t>(whole.size.value() / 16, 4u << 20);
  return std::min(wanted, whole.size.value() / 2) & ~std::uint64_t{4095};
}

}  // namespace

mem::MemoryRange buffer_range(const PlatformConfig& c, unsigned node) {
  const mem::MemoryRange whole = largest_range(c, node);
  if (node != c.io_node) return whole;
  return {whole.base, whole.size - base::Bytes(table_bytes(whole)), node};
}

mem::MemoryRange table_range(const PlatformConfig& c) {
  const mem::MemoryRange whole = largest_range(c, c.io_node);
  const std::uint64_t bytes = table_bytes(whole);
  return {whole.base + (whole.size.value() - bytes), base::Bytes(bytes), c.io_node};
}

base::Bytes register_window(const EndpointConfig& e) {
  std::uint64_t bytes = e.bar_size.value();
  while (bytes < e.bar_size.value() * pcie::places_of(base::Bdf(), e.device).size()) bytes *= 2;
  return base::Bytes(bytes);
}

std::uint64_t memory_window(const EndpointConfig& e) {
  std::uint64_t bytes = e.memory.size.value() == 0 ? 0 : 4096;
  while (bytes < e.memory.size.value()) bytes *= 2;
  return bytes;
}

AddressPlan address_plan_of(const PlatformConfig& c, std::vector<std::string>* homeless) {
  AddressPlan plan;
  for (std::size_t i = 0; i < c.memory.ranges.size(); ++i) {
    const mem::MemoryRange& range = c.memory.ranges[i];
    const std::string name = fmt::format("memory.ranges[{}]", i);
    plan.add({name, RangeKind::dram, range.base, range.size, to_memory}, name);
  }
  plan.add({"interrupts", RangeKind::interrupt, Hpa(host::InterruptRegion::kBase),
            base::Bytes(host::InterruptRegion::kBytes), to_interrupts},
           "address_map");
  plan.add({"ecam", RangeKind::ecam, c.address_map.ecam, c.address_map.ecam_size, to_root_complex}, "address_map.ecam");
  if (c.has_iommu()) {
    plan.add({"iommu.registers", RangeKind::registers, c.iommu->registers, base::Bytes(c.iommu->register_bytes()),
              to_iommu_registers},
             "iommu.registers");
  }
  const auto add_bar = [&](std::size_t i, Hpa at) {
    const EndpointConfig& e = c.endpoints[i];
    plan.add({e.name + ".bar", RangeKind::bar, at, register_window(e), to_root_complex},
             fmt::format("endpoints[{}].bar", i));
  };
  for (std::size_t i = 0; i < c.endpoints.size(); ++i) {
    if (c.endpoints[i].bar.value() != 0) add_bar(i, c.endpoints[i].bar);
  }
  const Hpa window_end = c.address_map.bars + c.address_map.bars_size.value();
  for (std::size_t i = 0; i < c.endpoints.size(); ++i) {
    if (c.endpoints[i].bar.value() != 0) continue;
    const Hpa at = plan.find_free(c.address_map.bars, window_end, register_window(c.endpoints[i]).value());
    if (at.value() != 0) {
      add_bar(i, at);
    } else if (homeless != nullptr) {
      homeless->push_back(fmt::format("endpoints[{}].bar_size", i));
    }
  }
  for (std::size_t i = 0; i < c.endpoints.size(); ++i) {
    const std::uint64_t bytes = memory_window(c.endpoints[i]);
    if (bytes == 0) continue;
    const Hpa limit(std::uint64_t{1} << c.address_map.address_bits);
    const Hpa at = plan.find_free(c.address_map.device_memory, limit, bytes);
    if (at.value() != 0) {
      plan.add({c.endpoints[i].name + ".memory", RangeKind::bar, at, base::Bytes(bytes), to_root_complex},
               fmt::format("endpoints[{}].memory", i));
    } else if (homeless != nullptr) {
      homeless->push_back(fmt::format("endpoints[{}].memory", i));
    }
  }
  return plan;
}

const base::Fields<PlatformConfig>& PlatformConfig::fields() {
  static const base::Fields<PlatformConfig> f =
      base::Fields<PlatformConfig>("platform", "A machine: memory, cores, root complex, IOMMU, endpoints")
          .object("memory", &PlatformConfig::memory, "Main memory and last-level cache")
          .list("cores", &PlatformConfig::cores, "CPU cores; the first one runs the IOMMU driver")
          .items_between(1, kMaxCores)
          .object("root_complex", &PlatformConfig::root_complex, "Root ports and their latencies")
          .field("io_node", &PlatformConfig::io_node, "Memory node (socket) that root complex and IOMMU belong to")
          .range(0, 63)
          .object("interrupts", &PlatformConfig::interrupts, "Delivery of message-signalled interrupts")
          .optional_object("iommu", &PlatformConfig::iommu, "IOMMU; null: none")
          .list("switches", &PlatformConfig::switches, "PCIe switches")
          .items_between(0, kMaxEndpoints)
          .list("bridges", &PlatformConfig::bridges, "Bridges to conventional PCI, which alias requester IDs")
          .items_between(0, kMaxEndpoints)
          .list("endpoints", &PlatformConfig::endpoints,
                "PCIe endpoints, behind switches or each with a root port of its own")
          .items_between(0, kMaxEndpoints)
          .object("address_map", &PlatformConfig::address_map,
                  "Placement of registers in the host physical address space")
          .check(check_names)
          .check(check_topology)
          .check(check_nodes)
          .check(check_memory)
          .check(check_map);
  return f;
}

}  // namespace iommusim::platforms
