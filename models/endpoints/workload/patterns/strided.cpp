// A fixed step between units, modulo the window. A step that shares a factor with the number of units visits only part
// of it, as a strided walk over a matrix column does.
#include "models/base/config/variants.h"
#include "models/endpoints/workload/address_pattern.h"

namespace iommusim::ep {
namespace {

class Strided final : public AddressPattern {
 public:
  Strided(std::uint64_t units, std::uint64_t step) : units_(units), step_(step % units) {}
  std::uint64_t next(base::RandomStream&) override {
    const std::uint64_t unit = at_;
    at_ = at_ >= units_ - step_ ? at_ - (units_ - step_) : at_ + step_;
    return unit;
  }

 private:
  std::uint64_t units_, step_;
  std::uint64_t at_ = 0;
};

struct StridedConfig final : AddressPatternConfig {
  std::uint64_t stride = 64;
  static const base::Fields<StridedConfig>& fields() {
    static const auto f = base::Fields<StridedConfig>("strided", "A fixed step between units, modulo the window")
                              .field("stride", &StridedConfig::stride, "Step in units of the stream")
                              .range(1, 1u << 30);
    return f;
  }
  std::unique_ptr<AddressPattern> make(std::uint64_t units) const override {
    return std::make_unique<Strided>(units, stride);
  }
};

const base::Variants<AddressPatternConfig>::Entry<StridedConfig> entry("strided", "a fixed step, modulo the window");

}  // namespace
}  // namespace iommusim::ep
