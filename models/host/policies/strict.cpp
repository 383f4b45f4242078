// Linux's strict mode (domain type DMA): each unmap invalidates its range and waits before it returns
// (iommu_iotlb_sync).
#include "models/host/domain.h"
#include "models/host/invalidation_policy.h"

namespace iommusim::host {

namespace {

class Strict final : public InvalidationPolicy {
 public:
  explicit Strict(const Services& services) : s_(services) {}

  void unmapped(CpuCore& core, IovaRange range, bool tables_freed) override {
    const std::uint64_t releases = s_.domain.table_releases;
    ++s_.stats.range_flushes;
    s_.queue.invalidate(core, {invalidation_of(s_.domain.id, range, s_.config.leaf_hint && !tables_freed, s_.config)});
    s_.release_tables(core, releases);
    s_.release(range);
  }
  void flush(CpuCore&) override {}

 private:
  const Services s_;
};

const InvalidationPolicies::Entry entry("strict", "each unmap invalidates its range and waits",
                                        [](const InvalidationPolicy::Services& s) {
                                          return std::make_unique<Strict>(s);
                                        });

}  // namespace

}  // namespace iommusim::host
