// The PCIe tree of a platform: what hangs from which port, its bus numbers, requester IDs and IOMMU groups. Follows
// from the description alone.
//
// Buses are numbered depth first from each root port, as firmware and Linux do (PCIe 5.0 section 7.5.1.3: secondary and
// subordinate bus numbers of a port hold everything below it). A BDF written down for an endpoint with a root port of
// its own is taken as it is, so that a recorded machine keeps its numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/base/types.h"
#include "models/pcie/switch.h"

namespace iommusim::base {
class Report;
}

namespace iommusim::platforms {

struct PlatformConfig;

/// A switch, bridge or endpoint of the tree.
struct TopologyNode {
  enum class Kind : std::uint8_t { pcie_switch, bridge, endpoint };
  Kind kind = Kind::endpoint;
  std::size_t index = 0;  ///< in its list of the description
  std::string name;
  std::string path;                      ///< "switches[0]", for messages
  std::optional<std::size_t> above;      ///< the node it is behind; none: it has a root port of its own
  unsigned port = 0;                     ///< number of the downstream port (or root port) it is linked to
  std::vector<std::size_t> below;        ///< nodes behind it, by port
  unsigned first_bus = 0, last_bus = 0;  ///< secondary and subordinate bus of that port
  base::Bdf bdf;                         ///< function 0; a switch's upstream port
};

/// A requester: a function of an endpoint.
struct TopologyFunction {
  std::string name;  ///< "nic" for function 0, "nic.f1" for the others, "nic.vf0" for virtual ones
  std::size_t endpoint = 0;
  unsigned number = 0;  ///< of the endpoint's functions: physical ones first
  base::Bdf bdf;
  base::Bdf requester;  ///< what the remapping unit sees: the bridge's alias behind a PCIe-to-PCI bridge
  unsigned group = 0;   ///< IOMMU group

  /// Where its parts and metrics are: "nic", "nic.f1", "nic.vf0", "nic.f1_vf0".
  std::string path() const;
};

struct Topology {
  std::vector<TopologyNode> nodes;  ///< a node comes after the one it is behind
  std::vector<std::size_t> roots;   ///< nodes with root ports, by number of the root port
  std::vector<TopologyFunction> functions;
  unsigned groups = 0;

  /// Index of an endpoint's node.
  std::size_t node_of_endpoint(std::size_t endpoint) const;
  /// The function of that name, or null.
  const TopologyFunction* find(const std::string& name) const;
  /// The number of the root port that a node is below.
  unsigned root_port_of(std::size_t node) const;
};

/// The downstream port of a switch that a node is linked to, as described: its own settings, and what `isolate` of the
/// switch adds. Precondition: the node is behind a switch.
pcie::SwitchPortConfig port_of(const PlatformConfig& config, const Topology& topology, const TopologyNode& node);

/// True if requests of `from` to the memory of `to` stay below the root complex: the switch where their ways part sends
/// them to the peer.
bool reaches_directly(const PlatformConfig& config, const Topology& topology, const TopologyFunction& from,
                      const TopologyFunction& to);

/// Reports what does not fit together ("behind" of nobody or in a circle, buses or BDFs given twice); the result is
/// complete only if nothing was reported.
Topology topology_of(const PlatformConfig& config, base::Report* report = nullptr);

}  // namespace iommusim::platforms
