#include "models/iommu/api/caches.h"

#include <gtest/gtest.h>

namespace iommusim::iommu {
namespace {

TEST(CacheSet, HoldsWhatWasPutIn) {
  constexpr CacheSet none;
  EXPECT_TRUE(none.empty());
  constexpr CacheSet two = CacheSet().with(CacheKind::iotlb).with(CacheKind::walk);
  EXPECT_TRUE(two.has(CacheKind::iotlb));
  EXPECT_TRUE(two.has(CacheKind::walk));
  EXPECT_FALSE(two.has(CacheKind::context));
  EXPECT_FALSE(two.has(CacheKind::interrupt_entry));
  EXPECT_FALSE(two.empty());
}

TEST(Match, ComparesWhereTheMaskHasOnes) {
  EXPECT_TRUE(Match()(0));
  EXPECT_TRUE(Match()(~std::uint64_t{0})) << "the default selects everything";
  EXPECT_TRUE(Match::exactly(7)(7));
  EXPECT_FALSE(Match::exactly(7)(7 | std::uint64_t{1} << 63));
  EXPECT_TRUE((Match{0x18, 0xf8}(0x1f)));
  EXPECT_FALSE((Match{0x18, 0xf8}(0x20)));
}

TEST(RangeTag, IsTheAlignedRangeAroundAnAddress) {
  const RangeTag t = range_around(3, 0x12345678, 21, 1, 2);
  EXPECT_EQ(t.base, 0x12200000u);
  EXPECT_EQ(t.space, 3u);
  EXPECT_EQ(t.stage, 1);
  EXPECT_EQ(t.level, 2);
  EXPECT_EQ(range_around(0, ~std::uint64_t{0}, 64).base, 0u);
  EXPECT_EQ(range_around(0, 0x12345678, 0).base, 0x12345678u);
  EXPECT_FALSE(range_around(3, 0x1000, 12) == range_around(4, 0x1000, 12));
}

TEST(InvalidationScope, ComparesNoBitsInsideAnEntrysOwnRange) {
  InvalidationScope s;
  s.address = Match{0x40123000, ~std::uint64_t{0xfff}};
  EXPECT_TRUE(s.selects(range_around(1, 0x40123000, 12)));
  EXPECT_FALSE(s.selects(range_around(1, 0x40124000, 12)));
  EXPECT_TRUE(s.selects(range_around(1, 0x40123000, 16))) << "a 64 KiB entry that holds the page";
  EXPECT_TRUE(s.selects(range_around(1, 0x40123000, 30)));
  EXPECT_FALSE(s.selects(range_around(1, 0x80000000, 30)));
  EXPECT_TRUE(s.selects(range_around(1, 0, 64)));
  s.space = Match::exactly(2);
  EXPECT_FALSE(s.selects(range_around(1, 0x40123000, 12)));
}

}  // namespace
}  // namespace iommusim::iommu
