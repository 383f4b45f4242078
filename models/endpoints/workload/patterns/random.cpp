// Each unit equally likely, independent of the last.
#include "models/base/config/variants.h"
#include "models/endpoints/workload/address_pattern.h"

namespace iommusim::ep {
namespace {

class Random final : public AddressPattern {
 public:
  explicit Random(std::uint64_t units) : units_(units) {}
  std::uint64_t next(base::RandomStream& random) override { return random.below(units_); }

 private:
  std::uint64_t units_;
};

struct RandomConfig final : AddressPatternConfig {
  static const base::Fields<RandomConfig>& fields() {
    static const base::Fields<RandomConfig> f("random", "Each unit equally likely, independent of the last");
    return f;
  }
  std::unique_ptr<AddressPattern> make(std::uint64_t units) const override { return std::make_unique<Random>(units); }
};

const base::Variants<AddressPatternConfig>::Entry<RandomConfig> entry("random", "uniform over the window");

}  // namespace
}  // namespace iommusim::ep
