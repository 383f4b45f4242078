#include "models/iommu/core/config.h"

namespace iommusim::iommu {

using base::Fields;
using base::Time;

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
          .field("read_order", &RemappingUnitConfig::read_order,
                 "Reads of one requester leave as soon as they are resolved, or in order of arrival",
                 {{"any", ReadOrder::any}, {"arrival", ReadOrder::arrival}})
          .source(
              "any: PCIe 6.0 section 2.4.1; arrival explains more of pcie-bench, see experiments/iotlb_effective_size")
          .field("read_window", &RemappingUnitConfig::read_window,
                 "With read_order `arrival`: reads of a requester that may be looked up before the oldest has left")
          .range(0, 65536)
          .word("unlimited", 0)
          .source(
              "unlimited: no vendor publishes a size; 8 fits the Broadwell host, see experiments/iotlb_effective_size")
          .field("lookup_interval", &RemappingUnitConfig::lookup_interval,
                 "Spacing of two lookups on the port of the IOTLB, or of the pipeline that leads to it; with a first "
                 "level only lookups that miss it count here; 0: unlimited rate")
          .range(Time(), Time::us(10))
          .source(kZero)
          .field("context_latency", &RemappingUnitConfig::context_latency,
                 "Context-cache lookup, paid by every request")
          .range(Time(), Time::us(10))
          .source(kHyperTrio)
          .field("process_latency", &RemappingUnitConfig::process_latency,
                 "Process-cache lookup, paid by requests whose PASID needs a process context")
          .range(Time(), Time::us(10))
          .source("assumed: as the context cache")
          .field("iotlb_latency", &RemappingUnitConfig::iotlb_latency,
                 "IOTLB lookup, paid by requests that are to be translated; with a first level, by those that miss it")
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
          .field("merge_misses", &RemappingUnitConfig::merge_misses,
                 "A miss joins the walk that is already fetching its page; else it takes a walker of its own")
          .source("on: a unit that walks one page twice at a time would gain nothing from it")
          .object("walker_pool", &RemappingUnitConfig::walker_pool, "Who gets a walker, and what it has to look up")
          .object("prefetch", &RemappingUnitConfig::prefetch, "Translations fetched before they are asked for")
          .object("command_queue", &RemappingUnitConfig::command_queue, "Fetching commands, and waiting for devices")
          .object("invalidation", &RemappingUnitConfig::invalidation,
                  "What invalidation commands really drop, and what that takes")
          .object("context_cache", &RemappingUnitConfig::context_cache, "Device contexts")
          .source("assumed: no vendor publishes a size")
          .object("process_cache", &RemappingUnitConfig::process_cache, "Process contexts: what a PASID adds")
          .source("assumed: as the context cache")
          .object("iotlb", &RemappingUnitConfig::iotlb, "Translations, of all page sizes")
          .source("128 entries derived from pcie-bench data on Intel E5 v1 and v2 with one DMA outstanding")
          .object("interrupt_cache", &RemappingUnitConfig::interrupt_cache, "Interrupt remapping entries")
          .source("assumed: no vendor publishes a size")
          .object("walk_caches", &RemappingUnitConfig::walk_caches, "Page-walk caches")
          .field("stale_hit_oracle", &RemappingUnitConfig::stale_hit_oracle,
                 "Compare each translation used with the tables in memory, and count those that software has cleared: "
                 "metrics stale_hits and stale_walks. Changes nothing else; runs take longer")
          .source("off: it costs a walk of the simulator's own per request")
          .check([](const RemappingUnitConfig& c, base::Report& r) {
            using By = PartitionConfig::By;
            // What chooses the array must be known at the lookup.
            if (c.context_cache.partition.by == By::domain || c.context_cache.partition.by == By::pasid)
              r.error("context_cache.partition.by", "a device context is looked up by its device alone: only `device`");
            if (c.process_cache.partition.by == By::domain)
              r.error("process_cache.partition.by",
                      "a process context is looked up by device and PASID: `device` or `pasid`");
            if (c.interrupt_cache.partition.by == By::domain || c.interrupt_cache.partition.by == By::pasid)
              r.error("interrupt_cache.partition.by",
                      "an interrupt entry is looked up by a request of a device alone: only `device`");
            if (c.walker_pool.order == WalkerOrder::fair && c.service == Service::in_order)
              r.error("walker_pool.order", "`fair` needs `service: out_of_order`: a pipeline in order has no choice");
            if (c.walker_pool.miss_queue != 0 && c.service == Service::out_of_order)
              r.error("walker_pool.miss_queue", "a limit needs `service: in_order`: out of order, any number waits");
            if (c.read_window != 0 && (c.read_order != ReadOrder::arrival || c.service != Service::in_order))
              r.error("read_window", "a limit needs `read_order: arrival` and `service: in_order`");
          });
  return f;
}

}  // namespace iommusim::iommu
