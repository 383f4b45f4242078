// The whole buffer is mapped once, at boot: a DMA needs no software (user-space drivers, registered memory, static
// rings).
#include "models/host/buffer_policy.h"

namespace iommusim::host {

namespace {

class Premapped final : public BufferPolicy {
 public:
  explicit Premapped(const Site& site)
      : base_(site.boot != nullptr ? site.driver.map(*site.boot, site.domain, site.buffer, iommu::kReadWrite)
                                   : site.driver.map(site.domain, site.buffer, iommu::kReadWrite)) {}
  std::optional<Iova> fixed() const override { return base_; }
  void acquire(std::uint64_t offset, std::uint64_t, iommu::Rights, Ready ready) override { ready(base_ + offset); }
  void release(Iova, std::uint64_t) override {}

 private:
  const Iova base_;
};

const BufferPolicies::Entry entry("premapped", "the whole buffer is mapped once, at boot",
                                  [](const BufferPolicy::Site& site) { return std::make_unique<Premapped>(site); });

}  // namespace

}  // namespace iommusim::host
