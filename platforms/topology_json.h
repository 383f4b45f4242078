// The PCIe tree as data for drawings: what follows from a description (bus numbers, IOMMU groups, requester IDs) and is
// therefore not written in it.
#pragma once

#include <string>
#include <vector>

#include "platforms/config/platform_config.h"
#include "platforms/config/workload_use_config.h"

namespace iommusim::platforms {

/// {"schema": 1, "nodes": [{name, kind: switch|bridge|endpoint, bdf, above: index or null, port, first_bus, last_bus}],
///  "functions": [{name, endpoint, bdf, requester, group, domain: text or null}]}, one of either per line. A node comes
/// after the one it is behind; `domain` is the type its workload asks for, "none" without an IOMMU, null if idle.
std::string topology_json(const PlatformConfig& config, const std::vector<WorkloadUseConfig>& workloads);

}  // namespace iommusim::platforms
