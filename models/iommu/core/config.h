// Parameters of a remapping unit that no architecture fixes: caches, ports, walkers, latencies.
#pragma once

#include <cstdint>

#include "models/base/cache_config.h"
#include "models/base/config/fields.h"
#include "models/base/types.h"

namespace iommusim::iommu {

/// What happens behind a request that needs a walker while none is free.
enum class Service {
  in_order,     ///< it waits at the head of the lookup pipeline and everything behind it waits too
  out_of_order  ///< it steps aside; later requests are looked up meanwhile
};

/// Page-walk caches: `levelN` holds entries that point to a level-N table (level 1 maps 4 KiB pages), so a hit in
/// level 1 leaves one memory read. 0 entries: no such cache.
struct WalkCachesConfig {
  base::CacheConfig level1{64, 0};
  base::CacheConfig level2{32, 0};
  base::CacheConfig level3{16, 0};
  base::CacheConfig level4{4, 0};
  static const base::Fields<WalkCachesConfig>& fields();
};

struct RemappingUnitConfig {
  Service service = Service::in_order;
  base::Time lookup_interval;                      ///< spacing of two lookups on the port
  base::Time context_latency = base::Time::ns(1);  ///< context-cache lookup, paid by every request
  base::Time iotlb_latency = base::Time::ns(2);    ///< IOTLB lookup, paid by requests that are to be translated
  unsigned walkers = 6;
  base::Time walk_overhead;      ///< fixed part of a walk, besides its memory reads
  base::Time walk_step_latency;  ///< between a table read's data and the next step
  base::Time register_latency;
  base::Time command_latency;  ///< decode and execution of one command, besides its fetch
  base::CacheConfig context_cache{64, 0};
  base::CacheConfig iotlb{128, 0};
  base::CacheConfig interrupt_cache{64, 0};
  WalkCachesConfig walk_caches;
  static const base::Fields<RemappingUnitConfig>& fields();
};

}  // namespace iommusim::iommu
