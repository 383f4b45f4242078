// Parameters of a remapping unit that no architecture fixes: caches, ports, walkers, latencies.
#pragma once

#include <cstdint>

#include "models/base/config/fields.h"
#include "models/base/types.h"
#include "models/iommu/core/cache_configs.h"
#include "models/iommu/core/command_queue_config.h"
#include "models/iommu/core/invalidation.h"
#include "models/iommu/core/prefetch.h"
#include "models/iommu/core/walker_pool_config.h"

namespace iommusim::iommu {

/// What happens behind a request that needs a walker while none is free.
enum class Service {
  in_order,     ///< it waits at the head of the lookup pipeline and everything behind it waits too
  out_of_order  ///< it steps aside; later requests are looked up meanwhile
};

/// In which order non-posted requests of one requester leave.
enum class ReadOrder {
  any,     ///< each as soon as it is resolved: hits pass earlier misses
  arrival  ///< oldest first: a hit waits for the walks of earlier misses
};

struct RemappingUnitConfig {
  Service service = Service::in_order;
  ReadOrder read_order = ReadOrder::any;
  unsigned read_window = 0;    ///< `arrival`: reads of a requester looked up and not left at most; 0: no limit
  base::Time lookup_interval;  ///< spacing of two lookups on the (shared) IOTLB's port
  base::Time context_latency = base::Time::ns(1);  ///< context-cache lookup, paid by every request
  base::Time process_latency = base::Time::ns(1);  ///< process-cache lookup, paid by requests that need one
  base::Time iotlb_latency = base::Time::ns(2);    ///< IOTLB lookup, paid by requests that are to be translated
  unsigned walkers = 6;
  base::Time walk_overhead;      ///< fixed part of a walk, besides its memory reads
  base::Time walk_step_latency;  ///< between a table read's data and the next step
  base::Time register_latency;
  base::Time command_latency;  ///< decode and execution of one command, besides its fetch
  bool merge_misses = true;    ///< a miss joins the walk that is already fetching its page
  WalkerPoolConfig walker_pool;
  PrefetchConfig prefetch;
  CommandQueueConfig command_queue;
  InvalidationConfig invalidation;
  UnitCacheConfig context_cache{64, 0};
  UnitCacheConfig process_cache{64, 0};
  IotlbConfig iotlb;
  UnitCacheConfig interrupt_cache{64, 0};
  WalkCachesConfig walk_caches;
  bool stale_hit_oracle = false;  ///< compare each translation used with the tables in memory
  static const base::Fields<RemappingUnitConfig>& fields();
};

}  // namespace iommusim::iommu
