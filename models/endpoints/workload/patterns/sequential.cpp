// Unit after unit, from the first again after the last.
#include "models/base/config/variants.h"
#include "models/endpoints/workload/address_pattern.h"

namespace iommusim::ep {
namespace {

class Sequential final : public AddressPattern {
 public:
  explicit Sequential(std::uint64_t units) : units_(units) {}
  std::uint64_t next(base::RandomStream&) override {
    const std::uint64_t unit = at_;
    at_ = at_ + 1 == units_ ? 0 : at_ + 1;
    return unit;
  }

 private:
  std::uint64_t units_;
  std::uint64_t at_ = 0;
};

struct SequentialConfig final : AddressPatternConfig {
  static const base::Fields<SequentialConfig>& fields() {
    static const base::Fields<SequentialConfig> f("sequential", "Unit after unit, from the start again after the last");
    return f;
  }
  std::unique_ptr<AddressPattern> make(std::uint64_t units) const override {
    return std::make_unique<Sequential>(units);
  }
};

const base::Variants<AddressPatternConfig>::Entry<SequentialConfig> entry("sequential", "unit after unit");

}  // namespace
}  // namespace iommusim::ep
