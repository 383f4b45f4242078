#include "models/iommu/core/config.h"

namespace iommusim::iommu {

using base::Fields;
using base::Time;

const Fields<WalkCachesConfig>& WalkCachesConfig::fields() {
  static const char* const kSizes =
      "assumed: vendors publish no sizes; 64 entries of 2 MiB are the guess of Fast & Safe (SOSP 2024)";
  static const Fields<WalkCachesConfig> f =
      Fields<WalkCachesConfig>("walk_caches", "Page-walk caches, one per table level (VT-d 4.1 section 6.2.4)")
          .object("level1", &WalkCachesConfig::level1,
                  "Pointers to level-1 tables, each covering 2 MiB: a hit leaves one memory read")
          .source(kSizes)
          .object("level2", &WalkCachesConfig::level2, "Pointers to level-2 tables, each covering 1 GiB")
          .source(kSizes)
          .object("level3", &WalkCachesConfig::level3, "Pointers to level-3 tables, each covering 512 GiB")
          .source(kSizes)
          .object("level4", &WalkCachesConfig::level4,
                  "Pointers to level-4 tables of five-level walks, each covering 256 TiB")
          .source(kSizes);
  return f;
}

const Fields<RemappingUnitConfig>& RemappingUnitConfig::fields() {
  static const char* const kHyperTrio = "HyperTRIO (ISCA 2020), constants of the HyperSIO source";
  static const char* const kZero = "zero until a measurement separates it from the latencies around it";
  static const Fields<RemappingUnitConfig> f =
      Fields<RemappingUnitConfig>("remapping_unit",
                                  "IOMMU between root complex and memory: caches, lookup port, walkers")
          .field("service", &RemappingUnitConfig::service,
                 "What happens behind a miss while no walker is free: wait, or step aside",
                 {{"in_order", Service::in_order}, {"out_of_order", Service::out_of_order}})
          .source(
              "in_order fits the pcie-bench Broadwell curve better (misfit 2.6 % against 4.1 %; Neugebauer et al., "
              "SIGCOMM 2018, data set)")
          .field("lookup_interval", &RemappingUnitConfig::lookup_interval,
                 "Spacing of two lookups on the port; 0: unlimited rate")
          .range(Time(), Time::us(10))
          .source(kZero)
          .field("context_latency", &RemappingUnitConfig::context_latency,
                 "Context-cache lookup, paid by every request")
          .range(Time(), Time::us(10))
          .source(kHyperTrio)
          .field("iotlb_latency", &RemappingUnitConfig::iotlb_latency,
                 "IOTLB lookup, paid by requests that are to be translated")
          .range(Time(), Time::us(10))
          .source(kHyperTrio)
          .field("walkers", &RemappingUnitConfig::walkers, "Page walks in flight at most")
          .range(1, 4096)
          .source("4 to 6 derived from pcie-bench data on Intel E5 v1 to v4: rate of misses times their latency")
          .field("walk_overhead", &RemappingUnitConfig::walk_overhead, "Fixed part of a walk, besides its memory reads")
          .range(Time(), Time::us(100))
          .source(kZero)
          .field("walk_step_latency", &RemappingUnitConfig::walk_step_latency,
                 "From a table read's data to the walk's next step")
          .range(Time(), Time::us(100))
          .source(kZero)
          .field("register_latency", &RemappingUnitConfig::register_latency, "Service time of a register access")
          .range(Time(), Time::us(100))
          .source(kZero)
          .field("command_latency", &RemappingUnitConfig::command_latency,
                 "Decoding and carrying out one queue entry, besides fetching it")
          .range(Time(), Time::ms(1))
          .source(kZero)
          .object("context_cache", &RemappingUnitConfig::context_cache, "Device contexts")
          .source("assumed: no vendor publishes a size")
          .object("iotlb", &RemappingUnitConfig::iotlb, "Translations, of all page sizes")
          .source("128 entries derived from pcie-bench data on Intel E5 v1 and v2 with one DMA outstanding")
          .object("interrupt_cache", &RemappingUnitConfig::interrupt_cache, "Interrupt remapping entries")
          .source("assumed: no vendor publishes a size")
          .object("walk_caches", &RemappingUnitConfig::walk_caches, "Page-walk caches");
  return f;
}

}  // namespace iommusim::iommu
