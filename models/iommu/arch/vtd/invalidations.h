// What invalidation descriptors ask of the unit's caches, its devices and its queue (Intel VT-d specification rev. 4.0,
// section 6.5), and the descriptors a driver writes.
#pragma once

#include <optional>
#include <utility>

#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/descriptors.h"

namespace iommusim::iommu::vtd {

/// What the unit must do for a legal descriptor.
Command command_for(const Descriptor& d, const VtdConfig& config, bool scalable);
/// The entries an invalidation drops, shared with the register-based ones; a second set where one does not express it.
std::pair<InvalidationScope, std::optional<InvalidationScope>> scope_for(const Descriptor& d, const VtdConfig& config,
                                                                         bool scalable);
/// The descriptor a driver of a unit in `config`'s mode writes for a request. Throws std::logic_error for what its mode
/// does not have.
Descriptor descriptor_for(const Invalidation& i, const VtdConfig& config);

}  // namespace iommusim::iommu::vtd
