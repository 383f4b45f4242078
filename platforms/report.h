// A description as text for people: what `iommusim check` prints.
#pragma once

#include <string>
#include <vector>

#include "platforms/config/platform_config.h"
#include "platforms/config/workload_use_config.h"

namespace iommusim::platforms {

/// The tree of modules with their main figures; one line each, no empty lines.
std::string platform_text(const PlatformConfig& config);
/// IOMMU groups with their endpoints and domains.
std::string groups_text(const PlatformConfig& config, const std::vector<WorkloadUseConfig>& workloads);

}  // namespace iommusim::platforms
