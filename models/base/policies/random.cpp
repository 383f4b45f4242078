// A uniformly random allowed way, from the stream "<cache name>.replacement".
#include "models/base/policies/replacement.h"
#include "models/base/random/stream.h"

namespace iommusim::base {
namespace {

class RandomReplacement final : public Replacement {
 public:
  explicit RandomReplacement(const PolicyShape& shape)
      : ways_(shape.ways), random_(shape.seed, shape.name + ".replacement") {}
  void on_fill(std::uint32_t, std::uint32_t) override {}
  void on_hit(std::uint32_t, std::uint32_t) override {}
  void on_invalidate(std::uint32_t, std::uint32_t) override {}
  std::uint32_t victim(std::uint32_t, WayMask allowed) override {
    if (allowed == all_ways) return static_cast<std::uint32_t>(random_.below(ways_));
    auto skip = random_.below(static_cast<std::uint64_t>(__builtin_popcountll(allowed)));
    for (; skip > 0; --skip) allowed &= allowed - 1;
    return static_cast<std::uint32_t>(__builtin_ctzll(allowed));
  }

 private:
  std::uint32_t ways_;
  RandomStream random_;
};

const ReplacementRegistry::Entry entry("random", "uniformly random, from a named stream",
                                       [](const PolicyShape& s) { return std::make_unique<RandomReplacement>(s); });

}  // namespace
}  // namespace iommusim::base
