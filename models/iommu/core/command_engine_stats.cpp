// Metrics of the command queue, and its part of the configuration.
#include "models/iommu/core/command_engine.h"

namespace iommusim::iommu {

const base::Fields<CommandQueueConfig>& CommandQueueConfig::fields() {
  static const base::Fields<CommandQueueConfig> f =
      base::Fields<CommandQueueConfig>("command_queue", "Fetching commands, and waiting for devices they name")
          .field("fetch_batch", &CommandQueueConfig::fetch_batch,
                 "Entries fetched by one memory read at most, within a 64-byte line")
          .range(1, 4)
          .source("assumed: no vendor publishes it; 1 is the slowest hardware there can be")
          .field("device_timeout", &CommandQueueConfig::device_timeout,
                 "How long a device may take to answer an ATS invalidation request")
          .range(base::Time::ns(1), base::Time::ms(1000000))
          .source("PCIe 6.0 section 10.3.1: one minute, and half of it as tolerance");
  return f;
}

void CommandEngine::register_stats(base::Group& group) {
  static const char* const kName[] = {"context_cache",   "iotlb_global", "iotlb_domain", "iotlb_page",    "device_tlb",
                                      "interrupt_entry", "wait",         "pasid_cache",  "page_response", "other"};
  static const char* const kText[] = {"Context-cache invalidations",
                                      "Global IOTLB invalidations",
                                      "Domain-selective IOTLB invalidations",
                                      "Page-selective IOTLB invalidations",
                                      "Device-TLB invalidations",
                                      "Interrupt-entry-cache invalidations",
                                      "Wait commands",
                                      "PASID-cache invalidations",
                                      "Page request group responses",
                                      "Other commands, illegal ones included"};
  for (unsigned i = 0; i < commands.size(); ++i) group.add(kName[i], commands[i], "1", kText[i]);
  group.add("fetches", fetches, "1", "Memory reads of queue entries");
  group.add("dropped", dropped, "1", "Entries fetched and not carried out: the queue stopped or was turned off");
  group.add("depth", meter_.depth, "1", "Commands in the queue, the one being carried out included");
  group.add("latency", latency, "ps", "Invalidations: from the read that fetched them to their effect");
  group.add("wait_latency", wait_latency, "ps", "Wait commands: from the tail write that submitted them to their end");
  device_invalidations_.register_stats(group.group("device"));
}

}  // namespace iommusim::iommu
