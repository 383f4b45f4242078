// A PCIe tree with requesters at its leaves, memory behind the root complex and a CPU: root ports, switches, bridges
// and devices from a description. Buses are numbered depth first; each device has one window of registers.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/base/bdf.h"
#include "models/interconnect/router.h"
#include "models/pcie/bridge.h"
#include "models/pcie/device.h"
#include "models/pcie/link.h"
#include "models/pcie/root_complex.h"
#include "models/pcie/switch.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/requester.h"

namespace iommusim::test {

/// 1 ns per byte, nothing for the data-link layer, 5 ns of wire: Gen1 has 4 ns per byte and lane.
inline pcie::LinkConfig nanosecond_per_byte(unsigned width = 4) {
  pcie::LinkConfig c;
  c.generation = 1;
  c.width = width;
  c.ack_interval = c.fc_interval = c.skip_interval = base::Bytes(0);
  c.propagation = base::Time::ns(5);
  return c;
}

/// A node and what is below it.
struct FabricSpec {
  enum Kind { device, bridge, pcie_switch } kind = device;
  pcie::LinkConfig link = nanosecond_per_byte();  ///< above the node
  pcie::ReceiveBuffer buffer;                     ///< a device's
  pcie::BridgeConfig bridge_config;
  unsigned bridged = 1;  ///< devices behind a bridge
  pcie::SwitchConfig switch_config;
  std::vector<pcie::SwitchPortConfig> ports;  ///< of a switch, as many as children
  std::vector<FabricSpec> below;
};

inline FabricSpec switch_of(std::vector<FabricSpec> below, const pcie::SwitchConfig& config = {},
                            const pcie::LinkConfig& link = nanosecond_per_byte()) {
  FabricSpec s;
  s.kind = FabricSpec::pcie_switch;
  s.switch_config = config;
  s.link = link;
  s.ports.resize(below.size());
  s.below = std::move(below);
  return s;
}

class Fabric {
 public:
  static constexpr std::uint64_t kMemory = std::uint64_t{1} << 32;  ///< 24-byte request headers
  static constexpr std::uint64_t kWindows = 0xe0000000, kWindow = 0x10000;
  static constexpr unsigned kDram = 0, kBars = 1;

  /// A device, or one behind a bridge.
  struct Leaf {
    std::unique_ptr<Requester> dma;
    std::unique_ptr<FixedMemory> registers;
    base::Bdf bdf;
    std::uint64_t window = 0;
    base::SourceId source() const { return base::make_source_id(0, bdf); }
  };

  /// One tree per root port. `name` begins those of all modules.
  Fabric(tlm::Simulation& simulation, const std::string& name, const pcie::RootComplexConfig& config,
         const std::vector<FabricSpec>& trees, base::Time memory_latency = base::Time::ns(100),
         base::Time register_latency = base::Time::ns(10))
      : sim(simulation),
        rc((name + "rc").c_str(), sim.context, config, static_cast<unsigned>(trees.size())),
        memory((name + "memory").c_str(), sim.context, memory_latency),
        host((name + "host").c_str(), sim.context, map(), static_cast<unsigned>(trees.size()) + 1, 2),
        cpu((name + "cpu").c_str(), sim.context),
        unit((name + "unit").c_str(), sim.context),
        name_(name),
        register_latency_(register_latency) {
    rc.set_physical();
    for (unsigned i = 0; i < trees.size(); ++i) {
      rc.to_host(i).bind(host.input(i));
      const Below b = build(trees[i], rc.root_port(i));
      rc.set_buses(b.first_bus, b.last_bus, i);
      rc.add_window(base::Hpa(b.base()), b.bytes(), i);
    }
    cpu.port.bind(host.input(static_cast<unsigned>(trees.size())));
    unit.port.bind(rc.from_unit);
    host.output(kDram).bind(memory.port());
    host.output(kBars).bind(rc.from_cpu);
  }

  tlm::Simulation& sim;
  pcie::RootComplex rc;
  FixedMemory memory;
  interconnect::Router host;
  Requester cpu, unit;
  std::vector<Leaf> leaves;
  std::vector<std::unique_ptr<pcie::Switch>> switches;  ///< depth first
  std::vector<std::unique_ptr<pcie::Bridge>> bridges;
  std::vector<std::unique_ptr<pcie::Device>> devices;
  std::vector<std::unique_ptr<pcie::Link>> links;  ///< below the nodes, in the order they are finished: leaves first
  std::vector<std::pair<pcie::LinkPort*, pcie::LinkPort*>> ends;  ///< of `links`, upper and lower

  /// All requests of all requesters answered, all links idle.
  bool drained() const {
    for (const Leaf& l : leaves) {
      for (const auto& s : l.dma->sent)
        if (!s.answered) return false;
    }
    for (const Requester* r : {&cpu, &unit}) {
      for (const auto& s : r->sent)
        if (!s.answered) return false;
    }
    for (const auto& link : links)
      if (!link->idle()) return false;
    return true;
  }
  std::string holding() const {
    std::string text;
    for (const auto& link : links) text += link->holding();
    return text;
  }
  /// The first link whose ends do not agree on what has crossed it; "" if there is none.
  std::string lost() const {
    for (std::size_t i = 0; i < links.size(); ++i) {
      const auto& up = links[i]->up_stats();
      const auto& down = links[i]->down_stats();
      if (up.requests.value() != ends[i].first->received_requests() ||
          up.completions.value() != ends[i].first->received_completions() ||
          down.requests.value() != ends[i].second->received_requests() ||
          down.completions.value() != ends[i].second->received_completions())
        return links[i]->name();
    }
    return "";
  }

 private:
  struct Below {
    unsigned first_bus, last_bus, first_leaf, last_leaf;  // leaves: half open
    std::uint64_t base() const { return kWindows + first_leaf * kWindow; }
    std::uint64_t bytes() const { return (last_leaf - first_leaf) * kWindow; }
  };

  static interconnect::AddressMap map() {
    interconnect::AddressMap m;
    m.add({"bars", interconnect::RangeKind::bar, base::Hpa(kWindows), base::Bytes(0x10000000), kBars});
    m.add({"dram", interconnect::RangeKind::dram, base::Hpa(kMemory), base::Bytes(kMemory * 16), kDram});
    return m;
  }
  std::string next_name(const char* what) { return name_ + what + std::to_string(modules_++); }

  Leaf& add_leaf(base::Bdf bdf) {
    Leaf l;
    l.dma = std::make_unique<Requester>(next_name("dma").c_str(), sim.context);
    l.registers = std::make_unique<FixedMemory>(next_name("registers").c_str(), sim.context, register_latency_);
    l.bdf = bdf;
    l.window = kWindows + leaves.size() * kWindow;
    leaves.push_back(std::move(l));
    return leaves.back();
  }
  void add_link(const FabricSpec& spec, pcie::LinkPort& upper, pcie::LinkPort& lower) {
    links.push_back(std::make_unique<pcie::Link>(next_name("link").c_str(), sim.context, spec.link, upper, lower));
    ends.push_back({&upper, &lower});
  }

  Below build(const FabricSpec& spec, pcie::LinkPort& upper) {
    Below b{next_bus_++, 0, static_cast<unsigned>(leaves.size()), 0};
    if (spec.kind == FabricSpec::pcie_switch) {
      switches.push_back(
          std::make_unique<pcie::Switch>(next_name("switch").c_str(), sim.context, spec.switch_config, spec.ports));
      pcie::Switch& s = *switches.back();
      for (unsigned i = 0; i < spec.below.size(); ++i) {
        const Below child = build(spec.below[i], s.downstream_port(i));
        s.set_buses(child.first_bus, child.last_bus, i);
        s.add_window(base::Hpa(child.base()), child.bytes(), i);
      }
      add_link(spec, upper, s.upstream_port());
    } else if (spec.kind == FabricSpec::bridge) {
      const unsigned secondary = next_bus_++;
      bridges.push_back(std::make_unique<pcie::Bridge>(next_name("bridge").c_str(), sim.context, spec.bridge_config,
                                                       secondary, spec.bridged));
      pcie::Bridge& bridge = *bridges.back();
      for (unsigned i = 0; i < spec.bridged; ++i) {
        Leaf& l = add_leaf(base::make_bdf(secondary, i, 0));
        l.dma->port.bind(bridge.from_device(i));
        bridge.to_device(i).bind(l.registers->port());
        bridge.add_window(base::Hpa(l.window), kWindow, i);
        bridge.add_function(l.bdf, i);
      }
      add_link(spec, upper, bridge.link_port);
    } else {
      Leaf& l = add_leaf(base::make_bdf(b.first_bus, 0, 0));
      devices.push_back(std::make_unique<pcie::Device>(next_name("device").c_str(), sim.context, spec.buffer,
                                                       pcie::DeviceConfig(), l.bdf));
      l.dma->port.bind(devices.back()->from_function());
      devices.back()->to_function().bind(l.registers->port());
      devices.back()->add_window(base::Hpa(l.window), kWindow);
      add_link(spec, upper, devices.back()->link_port);
    }
    b.last_bus = next_bus_ - 1;
    b.last_leaf = static_cast<unsigned>(leaves.size());
    return b;
  }

  const std::string name_;
  const base::Time register_latency_;
  unsigned next_bus_ = 1, modules_ = 0;
};

}  // namespace iommusim::test
