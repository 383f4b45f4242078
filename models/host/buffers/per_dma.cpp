// Each DMA's pages are mapped before it and unmapped after it by tasks of the core (Linux's dma_map_page and
// dma_unmap_page around each transfer): what makes strict mode expensive.
#include "models/host/buffer_policy.h"

namespace iommusim::host {

namespace {

class PerDma final : public BufferPolicy {
 public:
  explicit PerDma(const Site& site) : s_(site), layout_(site.buffer) {
    base::Group& stats = s_.stats.group("mapping");
    stats.add("wait", wait_, "ps",
              "From the wish to start a DMA to its buffer being mapped, queueing for the core included");
    stats.add("buffers", mapped_, "1", "Buffers mapped, waiting to be unmapped included");
  }
  void acquire(std::uint64_t offset, std::uint64_t bytes, iommu::Rights rights, Ready ready) override {
    const base::Time asked = s_.driver.context().scheduler.now();
    s_.core.submit([this, offset, bytes, rights, asked, ready = std::move(ready)](CpuCore& core) {
      const Iova iova = s_.driver.map(core, s_.domain, layout_.pages(offset, bytes), rights);
      core.fence();
      mapped_.add(core.now());
      wait_.add(core.now() - asked);
      ready(iova + (offset & 4095));
    });
  }
  void release(Iova iova, std::uint64_t bytes) override {
    s_.core.submit([this, iova, bytes](CpuCore& core) {
      s_.driver.unmap_buffer(core, s_.domain, iova, bytes);
      mapped_.sub(core.now());
    });
  }

 private:
  const Site s_;
  const BufferLayout layout_;
  base::Histogram wait_;
  base::Occupancy mapped_;
};

const BufferPolicies::Entry entry("per_dma", "each DMA's pages are mapped before it and unmapped after it",
                                  [](const BufferPolicy::Site& site) { return std::make_unique<PerDma>(site); });

}  // namespace

}  // namespace iommusim::host
