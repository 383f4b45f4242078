#include "models/base/config/variants.h"
#include "models/endpoints/workload/size_distribution.h"

namespace iommusim::ep {
namespace {

class Fixed final : public SizeDistribution {
 public:
  explicit Fixed(std::uint32_t bytes) : bytes_(bytes) {}
  std::uint32_t draw(base::RandomStream&) const override { return bytes_; }
  std::uint32_t largest() const override { return bytes_; }

 private:
  std::uint32_t bytes_;
};

struct FixedConfig final : SizeDistributionConfig {
  base::Bytes bytes{64};
  static const base::Fields<FixedConfig>& fields() {
    static const auto f = base::Fields<FixedConfig>("fixed", "Every DMA of the same size")
                              .field("bytes", &FixedConfig::bytes, "Size of a DMA")
                              .range("1 B", "1 GiB");
    return f;
  }
  std::shared_ptr<const SizeDistribution> make() const override {
    return std::make_shared<Fixed>(static_cast<std::uint32_t>(bytes.value()));
  }
};

const base::Variants<SizeDistributionConfig>::Entry<FixedConfig> entry("fixed", "every DMA of the same size");

}  // namespace
}  // namespace iommusim::ep
