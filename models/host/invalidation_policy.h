// When unmapped addresses are invalidated in the remapping unit, and when they may be used again. A policy is one
// source file under policies/ that registers itself; a domain has its own instance.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/config/fields.h"
#include "models/base/registry.h"
#include "models/base/stats/metrics.h"
#include "models/base/types.h"
#include "models/base/units.h"
#include "models/host/cpu_core.h"
#include "models/host/invalidation_queue.h"

namespace iommusim::host {

using base::Iova;
struct DmaDomain;

struct InvalidationConfig {
  std::uint32_t flush_queue_entries = 256;
  base::Time flush_queue_timeout = base::Time::ms(10);
  base::Bytes max_range{std::uint64_t{1} << 30};
  bool leaf_hint = true;
  static const base::Fields<InvalidationConfig>& fields();
};

/// Counters of all domains together.
struct PolicyStats {
  base::Counter range_flushes, overflow_flushes, timer_flushes;
  base::Occupancy deferred;
  void register_with(base::Group& group);
};

/// [first, first + bytes), multiples of 4 KiB.
struct IovaRange {
  Iova first;
  std::uint64_t bytes = 0;
};

class InvalidationPolicy {
 public:
  /// What a policy works with. `wake_up` calls timer() of the policy at a time, in a task of the core.
  struct Services {
    DmaDomain& domain;
    InvalidationQueue& queue;
    const InvalidationConfig& config;
    PolicyStats& stats;
    std::function<void(InvalidationPolicy&, CpuCore&, base::Time)> wake_up;
    /// Ends the use of a range: no translation of it can be cached any more.
    std::function<void(IovaRange)> release;
    /// Memory of page tables unmapped before the moment `table_releases` had this value may be used again.
    std::function<void(CpuCore&, std::uint64_t table_releases)> release_tables;
  };

  static const char* registry_kind() { return "invalidation policy"; }
  virtual ~InvalidationPolicy() = default;

  /// The range has just been cleared in the page tables, which are unlocked; `tables_freed`: tables above the leaves
  /// went too. Runs in the unmapping task of `core`; the unmap returns when this does.
  virtual void unmapped(CpuCore& core, IovaRange range, bool tables_freed) = 0;
  /// Carries out all that was put off.
  virtual void flush(CpuCore& core) = 0;
  /// The time asked for has come.
  virtual void timer(CpuCore& core) { (void)core; }
};

using InvalidationPolicies = base::Registry<InvalidationPolicy, const InvalidationPolicy::Services&>;

/// The page-selective invalidation that covers a range: the smallest naturally aligned power of two around it, the
/// whole domain where that is larger than `config.max_range` (Linux: iommu_flush_iotlb_psi in
/// drivers/iommu/intel/iommu.c).
iommu::Invalidation invalidation_of(base::DomainId domain, IovaRange range, bool leaf_only,
                                    const InvalidationConfig& config);

}  // namespace iommusim::host
