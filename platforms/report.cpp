#include "platforms/report.h"

#include <fmt/format.h>

#include "models/base/bdf.h"

namespace iommusim::platforms {
namespace {

using base::to_text;

std::string cache_text(const base::CacheConfig& c) {
  if (c.entries == 0) return "none";
  return fmt::format("{} entries, {}", c.entries,
                     c.ways == 0 ? std::string("fully associative") : fmt::format("{} ways", c.ways));
}

std::string iotlb_text(const iommu::IotlbConfig& c) {
  std::string text = cache_text(c);
  if (c.split == iommu::IotlbConfig::Split::by_size)
    text += fmt::format("; from 2 MiB {}; from 1 GiB {}", cache_text(c.size_2m), cache_text(c.size_1g));
  if (c.per_port.entries != 0) text += fmt::format("; before it, per root port: {}", cache_text(c.per_port));
  return text;
}

std::string iommu_text(const PlatformConfig& c) {
  if (!c.has_iommu()) return "├── iommu: none\n";
  const IommuConfig& i = *c.iommu;
  return fmt::format("├── iommu: {}, {} walkers, {}\n",
                     base::Variants<iommu::ArchitectureConfig>::name_of(*i.architecture), i.unit.walkers,
                     i.unit.service == iommu::Service::in_order ? "in order" : "out of order") +
         fmt::format("│   ├── iotlb: {}\n", iotlb_text(i.unit.iotlb)) +
         fmt::format("│   ├── context_cache: {}\n", cache_text(i.unit.context_cache)) +
         fmt::format("│   ├── walk_caches: level 1 {}; level 2 {}; level 3 {}; level 4 {}\n",
                     cache_text(i.unit.walk_caches.level1), cache_text(i.unit.walk_caches.level2),
                     cache_text(i.unit.walk_caches.level3), cache_text(i.unit.walk_caches.level4)) +
         fmt::format("│   └── driver: {} levels, pages up to {}, interrupt remapping {}\n", i.driver.levels,
                     to_text(i.driver.max_page), i.driver.interrupt_remapping ? "on" : "off");
}

std::string link_text(const pcie::LinkConfig& l) { return fmt::format("Gen{} x{}", l.generation, l.width); }

std::string node_text(const PlatformConfig& c, const Topology& t, const TopologyNode& node) {
  const std::string buses = fmt::format("buses {:02x}-{:02x}", node.first_bus, node.last_bus);
  switch (node.kind) {
    case TopologyNode::Kind::pcie_switch: {
      const SwitchUseConfig& s = c.switches[node.index];
      return fmt::format("{} {}: switch, {}, {}, {} ports below", to_text(node.bdf), node.name, link_text(s.link),
                         buses, node.below.size());
    }
    case TopologyNode::Kind::bridge: {
      const BridgeUseConfig& b = c.bridges[node.index];
      return fmt::format("{} {}: bridge to conventional PCI, {}, {}, requesters behind it appear as {}",
                         to_text(node.bdf), node.name, link_text(b.link), buses,
                         to_text(base::make_bdf(node.first_bus + 1, 0, 0)));
    }
    case TopologyNode::Kind::endpoint: break;
  }
  const EndpointConfig& e = c.endpoints[node.index];
  const bool conventional = node.above && t.nodes[*node.above].kind == TopologyNode::Kind::bridge;
  std::string text =
      fmt::format("{} {}: {}, MPS {}, MRRS {}, {} tags", to_text(node.bdf), e.name,
                  conventional ? std::string("conventional PCI") : link_text(e.link), to_text(e.link.mps),
                  to_text(e.link.mrrs), e.dma.tags == 0 ? "all" : std::to_string(e.dma.tags));
  const auto functions = pcie::places_of(node.bdf, e.device);
  if (functions.size() > 1) {
    text += fmt::format(", {} functions up to {}", functions.size(), to_text(functions.back().bdf));
  }
  return text;
}

std::string below_text(const PlatformConfig& c, const Topology& t, const std::vector<std::size_t>& nodes,
                       const std::string& indent) {
  std::string text;
  for (const std::size_t n : nodes) {
    const bool last = n == nodes.back();
    text += indent + (last ? "└── " : "├── ") + node_text(c, t, t.nodes[n]) + "\n" +
            below_text(c, t, t.nodes[n].below, indent + (last ? "    " : "│   "));
  }
  return text;
}

}  // namespace

std::string platform_text(const PlatformConfig& c) {
  base::Bytes memory;
  for (const mem::MemoryRange& range : c.memory.ranges) memory = memory + range.size;
  std::string text = "platform\n";
  text += fmt::format("├── memory: {}, {} DRAM channels, last-level cache {}\n", to_text(memory),
                      c.memory.dram.channels, c.memory.llc.size.value() == 0 ? "none" : to_text(c.memory.llc.size));
  for (const CoreConfig& core : c.cores) text += fmt::format("├── {}: CPU core\n", core.name);
  text += iommu_text(c);
  const Topology t = topology_of(c);
  text += fmt::format("└── root_complex: {} root port{}\n", t.roots.size(), t.roots.size() == 1 ? "" : "s");
  return text + below_text(c, t, t.roots, "    ");
}

std::string groups_text(const PlatformConfig& c, const std::vector<WorkloadUseConfig>& workloads) {
  const Topology t = topology_of(c);
  std::string text;
  for (unsigned group = 0; group < t.groups; ++group) {
    for (const TopologyFunction& f : t.functions) {
      if (f.group != group) continue;
      std::string use = "idle";
      for (const WorkloadUseConfig& w : workloads) {
        if (w.endpoint != f.name) continue;
        use = fmt::format("{}, buffer {} in pages of {}, {}, {}",
                          c.has_iommu() ? host::to_text(w.domain.type) : "no IOMMU", to_text(w.buffer.size),
                          to_text(w.buffer.page_size), w.buffer.mapping,
                          base::Variants<ep::WorkloadConfig>::name_of(*w.traffic));
      }
      const std::string alias = f.requester == f.bdf ? "" : fmt::format(" (as {})", to_text(f.requester));
      text += fmt::format("group {}: {}{} {}: {}\n", group, to_text(f.bdf), alias, f.name, use);
    }
  }
  return text;
}

}  // namespace iommusim::platforms
