#include "models/host/invalidation_policy.h"

namespace iommusim::host {

const base::Fields<InvalidationConfig>& InvalidationConfig::fields() {
  static const base::Fields<InvalidationConfig> f =
      base::Fields<InvalidationConfig>("driver_invalidation", "How unmapped addresses are invalidated")
          .field("flush_queue_entries", &InvalidationConfig::flush_queue_entries,
                 "Lazy: ring of unmapped ranges per CPU; one entry stays free, so a full one holds one less")
          .range(2u, 65536u)
          .source("IOVA_FQ_SIZE 256 (Linux drivers/iommu/dma-iommu.c)")
          .field("flush_queue_timeout", &InvalidationConfig::flush_queue_timeout,
                 "Lazy: a range waits no longer for its flush")
          .range("1 ns", "10 s")
          .source("IOVA_FQ_TIMEOUT 10 ms (Linux drivers/iommu/dma-iommu.c)")
          .field("max_range", &InvalidationConfig::max_range,
                 "Strict: a larger range (after alignment) takes an invalidation of the domain")
          .range("4 KiB", "1 TiB")
          .power_of_two()
          .source("maximum address mask value 18 in the capability register of Intel server parts and of QEMU's unit")
          .field("leaf_hint", &InvalidationConfig::leaf_hint,
                 "Strict: tell the unit when only leaf entries changed, so that it keeps its walk caches")
          .source("set by Linux 6.12, never by 6.1");
  return f;
}

void PolicyStats::register_with(base::Group& group) {
  group.add("range_flushes", range_flushes, "1", "Synchronous invalidations of an unmapped range");
  group.add("overflow_flushes", overflow_flushes, "1", "Domain flushes because a flush queue was full");
  group.add("timer_flushes", timer_flushes, "1", "Domain flushes because the flush timer expired");
  group.add("deferred_ranges", deferred, "1", "Unmapped ranges whose addresses wait for a flush");
}

iommu::Invalidation invalidation_of(base::DomainId domain, IovaRange range, bool leaf_only,
                                    const InvalidationConfig& config) {
  iommu::Invalidation i;
  i.domain = domain;
  const std::uint64_t last = range.first.value() + range.bytes - 1;
  std::uint8_t size_log2 = 12;
  while (size_log2 < 64 && (range.first.value() >> size_log2) != (last >> size_log2)) ++size_log2;
  if (size_log2 >= 64 || (std::uint64_t{1} << size_log2) > config.max_range.value()) {
    i.kind = iommu::Invalidation::Kind::iotlb_domain;
    return i;
  }
  i.kind = iommu::Invalidation::Kind::iotlb_pages;
  i.address = range.first.align_down(std::uint64_t{1} << size_log2);
  i.size_log2 = size_log2;
  i.leaf_only = leaf_only;
  return i;
}

}  // namespace iommusim::host
