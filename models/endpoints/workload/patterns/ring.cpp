// A descriptor ring: the window is `entries` slots, each slot's units are used in turn before the next slot begins, and
// the ring starts again after the last. With one entry per unit it is sequential; with pages as entries it re-uses each
// page entirely.
#include <algorithm>

#include "models/base/config/variants.h"
#include "models/endpoints/workload/address_pattern.h"

namespace iommusim::ep {
namespace {

class RingPattern final : public AddressPattern {
 public:
  RingPattern(std::uint64_t units, std::uint64_t entries, std::uint64_t uses)
      : entries_(std::min(entries, units)), spacing_(units / entries_), uses_(uses) {}
  std::uint64_t next(base::RandomStream&) override {
    const std::uint64_t unit = entry_ * spacing_ + use_ % spacing_;
    if (++use_ == uses_) {
      use_ = 0;
      entry_ = entry_ + 1 == entries_ ? 0 : entry_ + 1;
    }
    return unit;
  }

 private:
  std::uint64_t entries_, spacing_, uses_;
  std::uint64_t entry_ = 0, use_ = 0;
};

struct RingConfig final : AddressPatternConfig {
  std::uint64_t entries = 256;
  std::uint64_t uses = 1;
  static const base::Fields<RingConfig>& fields() {
    static const auto f =
        base::Fields<RingConfig>("ring", "A ring of buffers evenly spaced over the window, taken in turn")
            .field("entries", &RingConfig::entries, "Buffers of the ring; at most one per unit of the window")
            .range(1, 1u << 24)
            .field("uses", &RingConfig::uses, "DMAs to a buffer, unit after unit, before the next buffer")
            .range(1, 1u << 24);
    return f;
  }
  std::unique_ptr<AddressPattern> make(std::uint64_t units) const override {
    return std::make_unique<RingPattern>(units, entries, uses);
  }
};

const base::Variants<AddressPatternConfig>::Entry<RingConfig> entry("ring", "a ring of buffers taken in turn");

}  // namespace
}  // namespace iommusim::ep
