#include "models/iommu/core/walker_pool_config.h"

namespace iommusim::iommu {

const base::Fields<WalkerPoolConfig>& WalkerPoolConfig::fields() {
  static const base::Fields<WalkerPoolConfig> f =
      base::Fields<WalkerPoolConfig>("walker_pool", "Who gets a walker, and what it has to look up")
          .field("per_requester", &WalkerPoolConfig::per_requester,
                 "Walkers that one requester holds at most; 0: all of them")
          .range(0, 4096)
          .source("no limit: no vendor documents one")
          .field("order", &WalkerPoolConfig::order,
                 "Who of those that wait gets the next walker: the oldest, or requesters in turn",
                 {{"fifo", WalkerOrder::fifo}, {"fair", WalkerOrder::fair}})
          .source("assumed")
          .field("miss_queue", &WalkerPoolConfig::miss_queue,
                 "With `service: in_order`: misses that wait for a walker beside the pipeline before it stalls")
          .range(0, 65536)
          .source("0: the pipeline stalls at once, which fits the pcie-bench Broadwell curve (SIGCOMM 2018, data set)")
          .field("merges_per_miss", &WalkerPoolConfig::merges_per_miss,
                 "Requests that may join a walk in flight; one more waits as if no walker were free. 0: no limit")
          .range(0, 65536)
          .source("assumed")
          .field("cache_latency", &WalkerPoolConfig::cache_latency,
                 "Looking up the page-walk caches, those of all levels at once")
          .range(base::Time(), base::Time::us(10))
          .source("zero until a measurement separates it from the reads that follow");
  return f;
}

}  // namespace iommusim::iommu
