// What a request's context refuses before any table is read (Intel VT-d specification rev. 4.0, sections 3.4, 3.6, 3.14
// and 4.2).
#pragma once

#include <optional>

#include "models/iommu/arch/vtd/contexts.h"
#include "models/iommu/arch/vtd/faults.h"

namespace iommusim::iommu::vtd {

/// Legacy mode: request type, address width, interrupt range of translated requests.
std::optional<Reason> check_legacy(const Context& context, const Request& request, const VtdConfig& config);
/// Scalable mode, once its device context is known; and again with the PASID entry.
std::optional<Reason> check_scalable(const Context& context, const Request& request, const VtdConfig& config);
/// Scalable mode: a request that goes on untranslated.
std::optional<Reason> check_untranslated(const Context& context, const Request& request, const VtdConfig& config);

}  // namespace iommusim::iommu::vtd
