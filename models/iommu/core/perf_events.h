// The unit's counters once more, under the names by which users of hardware know them: those of the perf events of
// Linux's intel_iommu PMU (drivers/iommu/intel/perfmon.c) and the event identifiers of the RISC-V IOMMU's performance
// monitor. Computed at export from the counters the unit has anyway. What each means and how it differs from hardware:
// METRICS.md. Leaves out events without a counterpart in the model: iommu_clocks, iommu_mem_blocked, hpt_*,
// int_cache_hit_posted.
#pragma once

#include "models/base/stats/group.h"
#include "models/iommu/core/caches.h"
#include "models/iommu/core/command_engine.h"
#include "models/iommu/core/lookup.h"
#include "models/tlm/context.h"

namespace iommusim::iommu {

/// Where the numbers come from; all outlive the group.
struct PerfSources {
  const tlm::Context& context;
  const base::Counter& requests;
  const base::Counter& page_requests;
  const base::Counter& ats_blocked;
  const Caches& caches;
  const Lookup& lookup;
  const CommandEngine& commands;
};

/// Fills the group `perf` (names of perf events).
void register_perf_events(base::Group& group, const PerfSources& sources);

}  // namespace iommusim::iommu
