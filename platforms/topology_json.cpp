#include "platforms/topology_json.h"

#include <nlohmann/json.hpp>

#include "models/base/bdf.h"
#include "platforms/topology.h"

namespace iommusim::platforms {
namespace {

using base::to_text;
using nlohmann::ordered_json;

const char* kind_text(TopologyNode::Kind kind) {
  switch (kind) {
    case TopologyNode::Kind::pcie_switch: return "switch";
    case TopologyNode::Kind::bridge: return "bridge";
    case TopologyNode::Kind::endpoint: break;
  }
  return "endpoint";
}

ordered_json node_json(const TopologyNode& n) {
  return {{"name", n.name},        {"kind", kind_text(n.kind)},
          {"bdf", to_text(n.bdf)}, {"above", n.above ? ordered_json(*n.above) : ordered_json()},
          {"port", n.port},        {"first_bus", n.first_bus},
          {"last_bus", n.last_bus}};
}

ordered_json domain_of(const PlatformConfig& c, const std::vector<WorkloadUseConfig>& workloads,
                       const std::string& function) {
  for (const WorkloadUseConfig& w : workloads) {
    if (w.endpoint == function) return c.has_iommu() ? host::to_text(w.domain.type) : "none";
  }
  return {};
}

std::string lines(const std::vector<ordered_json>& rows) {
  std::string out;
  for (std::size_t i = 0; i < rows.size(); ++i) out += (i == 0 ? "\n" : ",\n") + rows[i].dump();
  return out;
}

}  // namespace

std::string topology_json(const PlatformConfig& config, const std::vector<WorkloadUseConfig>& workloads) {
  const Topology t = topology_of(config);
  std::vector<ordered_json> nodes, functions;
  for (const TopologyNode& n : t.nodes) nodes.push_back(node_json(n));
  for (const TopologyFunction& f : t.functions) {
    functions.push_back({{"name", f.name},
                         {"endpoint", config.endpoints[f.endpoint].name},
                         {"bdf", to_text(f.bdf)},
                         {"requester", to_text(f.requester)},
                         {"group", f.group},
                         {"domain", domain_of(config, workloads, f.name)}});
  }
  return "{\"schema\": 1, \"nodes\": [" + lines(nodes) + "\n], \"functions\": [" + lines(functions) + "\n]}\n";
}

}  // namespace iommusim::platforms
