// Tells the stale-hit oracle of a remapping unit when the operating system's calls that take mappings away begin and
// return.
#pragma once

#include "models/host/iommu_driver.h"
#include "models/iommu/core/stale_hit_oracle.h"

namespace iommusim::platforms {

class StaleHitWatch final : public host::MappingObserver {
 public:
  explicit StaleHitWatch(iommu::StaleHitOracle& oracle) : oracle_(oracle) {}
  void unmap_begins(const host::DmaDomain& domain, host::IovaRange range) override {
    oracle_.unmap_begins(domain.id.value(), domain.sources, range.first, range.bytes);
  }
  void unmap_ends(const host::DmaDomain& domain, host::IovaRange range) override {
    oracle_.unmap_ends(domain.id.value(), range.first, range.bytes);
  }
  void detach_begins(const host::DmaDomain&, base::SourceId source) override {
    oracle_.unmap_begins(detached(source), {source}, base::Iova(), iommu::StaleHitOracle::kEverything);
  }
  void detach_ends(const host::DmaDomain&, base::SourceId source) override {
    oracle_.unmap_ends(detached(source), base::Iova(), iommu::StaleHitOracle::kEverything);
  }

 private:
  /// Not the number of a domain.
  static std::uint64_t detached(base::SourceId source) { return std::uint64_t{1} << 32 | source.value(); }
  iommu::StaleHitOracle& oracle_;
};

}  // namespace iommusim::platforms
