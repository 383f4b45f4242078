// Static re-reference interval prediction with 2 bits and hit priority (Jaleel et al., ISCA 2010): fills predict a long
// interval (2), hits a near one (0), the lowest way with a distant prediction (3) goes, after ageing all until there is
// one.
#include <algorithm>
#include <vector>

#include "models/base/policies/replacement.h"

namespace iommusim::base {
namespace {

class Srrip final : public Replacement {
 public:
  explicit Srrip(const PolicyShape& shape)
      : ways_(shape.ways), interval_(std::size_t{shape.sets} * shape.ways, distant) {}
  void on_fill(std::uint32_t set, std::uint32_t way) override { at(set, way) = distant - 1; }
  void on_hit(std::uint32_t set, std::uint32_t way) override { at(set, way) = 0; }
  void on_invalidate(std::uint32_t set, std::uint32_t way) override { at(set, way) = distant; }
  std::uint32_t victim(std::uint32_t set, WayMask allowed) override {
    std::uint32_t best = ways_;
    for (std::uint32_t way = 0; way < ways_; ++way)
      if (is_allowed(allowed, way) && (best == ways_ || at(set, way) > at(set, best))) best = way;
    const auto step = static_cast<std::uint8_t>(distant - at(set, best));
    if (step != 0)  // a way outside `allowed` may be more distant than the best inside
      for (std::uint32_t way = 0; way < ways_; ++way)
        at(set, way) = static_cast<std::uint8_t>(std::min(at(set, way) + step, distant + 0));
    return best;
  }

 private:
  static constexpr std::uint8_t distant = 3;
  static bool is_allowed(WayMask allowed, std::uint32_t way) {
    return allowed == all_ways || (allowed >> way & 1) != 0;
  }
  std::uint8_t& at(std::uint32_t set, std::uint32_t way) { return interval_[std::size_t{set} * ways_ + way]; }
  std::uint32_t ways_;
  std::vector<std::uint8_t> interval_;
};

const ReplacementRegistry::Entry entry("srrip", "static re-reference interval prediction, 2 bits",
                                       [](const PolicyShape& s) { return std::make_unique<Srrip>(s); });

}  // namespace
}  // namespace iommusim::base
