// Tree pseudo-LRU: one bit per inner node of a binary tree over the ways points to the half used less recently.
#include <vector>

#include "models/base/policies/replacement.h"

namespace iommusim::base {
namespace {

class TreePlru final : public Replacement {
 public:
  explicit TreePlru(const PolicyShape& shape) : ways_(shape.ways), cold_right_(std::size_t{shape.sets} * shape.ways) {
    if ((ways_ & (ways_ - 1)) != 0)
      throw UserError("policy tree_plru needs a power of two of ways, not " + std::to_string(ways_));
  }
  void on_fill(std::uint32_t set, std::uint32_t way) override { on_hit(set, way); }
  void on_hit(std::uint32_t set, std::uint32_t way) override {
    // Heap order: node 1 is the root, leaf of way w is node ways + w.
    for (std::uint32_t node = ways_ + way; node > 1; node /= 2)
      cold_right_[std::size_t{set} * ways_ + node / 2] = node % 2 == 0;
  }
  void on_invalidate(std::uint32_t, std::uint32_t) override {}  // the container prefers free ways itself
  std::uint32_t victim(std::uint32_t set, WayMask allowed) override {
    std::uint32_t node = 1, first = 0, span = ways_;
    while (node < ways_) {
      span /= 2;
      bool right = cold_right_[std::size_t{set} * ways_ + node];
      if (allowed != all_ways && !any(allowed, first + (right ? span : 0), span)) right = !right;
      if (right) first += span;
      node = 2 * node + right;
    }
    return node - ways_;
  }

 private:
  static bool any(WayMask allowed, std::uint32_t first, std::uint32_t span) {
    return (allowed >> first & ((WayMask{1} << span) - 1)) != 0;  // span < 64: a half of at most 64 ways
  }
  std::uint32_t ways_;
  std::vector<bool> cold_right_;
};

const ReplacementRegistry::Entry entry("tree_plru", "tree pseudo-LRU, a power of two of ways",
                                       [](const PolicyShape& s) { return std::make_unique<TreePlru>(s); });

}  // namespace
}  // namespace iommusim::base
