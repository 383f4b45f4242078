#include "models/base/config/variants.h"
#include "models/endpoints/workload/size_distribution.h"

namespace iommusim::ep {
namespace {

class Uniform final : public SizeDistribution {
 public:
  Uniform(std::uint32_t smallest, std::uint32_t largest) : smallest_(smallest), largest_(largest) {}
  std::uint32_t draw(base::RandomStream& random) const override {
    return static_cast<std::uint32_t>(random.between(smallest_, largest_));
  }
  std::uint32_t largest() const override { return largest_; }

 private:
  std::uint32_t smallest_, largest_;
};

struct UniformConfig final : SizeDistributionConfig {
  base::Bytes smallest{64};
  base::Bytes largest{4096};
  static const base::Fields<UniformConfig>& fields() {
    static const auto f =
        base::Fields<UniformConfig>("uniform", "Every size between two, both included, equally likely")
            .field("smallest", &UniformConfig::smallest, "Smallest DMA")
            .range("1 B", "1 GiB")
            .field("largest", &UniformConfig::largest, "Largest DMA")
            .range("1 B", "1 GiB")
            .check([](const UniformConfig& c, base::Report& r) {
              if (c.largest < c.smallest) r.error("largest", "is less than smallest (" + to_text(c.smallest) + ")");
            });
    return f;
  }
  std::shared_ptr<const SizeDistribution> make() const override {
    return std::make_shared<Uniform>(static_cast<std::uint32_t>(smallest.value()),
                                     static_cast<std::uint32_t>(largest.value()));
  }
};

const base::Variants<SizeDistributionConfig>::Entry<UniformConfig> entry("uniform",
                                                                         "between two sizes, equally likely");

}  // namespace
}  // namespace iommusim::ep
