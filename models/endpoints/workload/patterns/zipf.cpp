// Popular and rare units. Ranks are scattered over the window by a fixed bijection, since popular records do not lie
// side by side; `scatter: false` keeps rank 0 at the start.
#include "models/base/config/variants.h"
#include "models/base/random/distributions.h"
#include "models/endpoints/workload/address_pattern.h"

namespace iommusim::ep {
namespace {

/// A bijection of [0, units): an odd multiplier is one modulo the next power of two, and results outside are put
/// through again until they fall inside (cycle walking). At most two steps on average.
class Scatter {
 public:
  explicit Scatter(std::uint64_t units) : units_(units) {
    while (mask_ + 1 < units) mask_ = mask_ * 2 + 1;
  }
  std::uint64_t operator()(std::uint64_t rank) const {
    do {
      rank = (rank * 0x9e3779b97f4a7c15 + 0x7f4a7c15) & mask_;  // 2^64 / golden ratio, odd
    } while (rank >= units_);
    return rank;
  }

 private:
  std::uint64_t units_;
  std::uint64_t mask_ = 0;
};

class ZipfPattern final : public AddressPattern {
 public:
  ZipfPattern(std::uint64_t units, double exponent, bool scatter)
      : zipf_(units, exponent), place_(units), scatter_(scatter) {}
  std::uint64_t next(base::RandomStream& random) override {
    const std::uint64_t rank = zipf_(random);
    return scatter_ ? place_(rank) : rank;
  }

 private:
  base::Zipf zipf_;
  Scatter place_;
  bool scatter_;
};

struct ZipfConfig final : AddressPatternConfig {
  double exponent = 0.99;
  bool scatter = true;
  static const base::Fields<ZipfConfig>& fields() {
    static const auto f =
        base::Fields<ZipfConfig>(
            "zipf", "Popular and rare units: the k-th most popular has probability proportional to 1/k^exponent")
            .field("exponent", &ZipfConfig::exponent, "0 is uniform; larger is more uneven")
            .range(0.0, 5.0)
            .source("0.99: YCSB (SoCC 2010)")
            .field("scatter", &ZipfConfig::scatter,
                   "Popular units are spread over the window instead of lying at its start");
    return f;
  }
  std::unique_ptr<AddressPattern> make(std::uint64_t units) const override {
    return std::make_unique<ZipfPattern>(units, exponent, scatter);
  }
};

const base::Variants<AddressPatternConfig>::Entry<ZipfConfig> entry("zipf", "popular and rare units");

}  // namespace
}  // namespace iommusim::ep
