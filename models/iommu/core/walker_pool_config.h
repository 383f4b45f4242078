// Parameters of the walkers beside their number: who gets one, and what looking into the walk caches takes.
#pragma once

#include "models/base/config/fields.h"
#include "models/base/types.h"

namespace iommusim::iommu {

/// Which of the requests that wait for a walker gets the next.
enum class WalkerOrder {
  fifo,  ///< the oldest whose requester may have one more
  fair   ///< requesters in turn, the oldest of each
};

struct WalkerPoolConfig {
  unsigned per_requester = 0;  ///< walkers that one requester holds at most; 0: all
  WalkerOrder order = WalkerOrder::fifo;
  unsigned miss_queue = 0;       ///< in_order: misses that wait for a walker aside before the pipeline stalls
  unsigned merges_per_miss = 0;  ///< requests that join a walk in flight at most; 0: no limit
  base::Time cache_latency;      ///< looking up the walk caches of all levels, which is done at once
  static const base::Fields<WalkerPoolConfig>& fields();
};

}  // namespace iommusim::iommu
