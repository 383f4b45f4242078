#include "platforms/address_plan.h"

#include <gtest/gtest.h>

namespace iommusim::platforms {
namespace {

AddressRange range(const char* name, std::uint64_t base, std::uint64_t bytes) {
  return {name, RangeKind::bar, Hpa(base), base::Bytes(bytes), 0};
}

TEST(AddressPlan, NeighboursDoNotOverlap) {
  AddressPlan plan;
  plan.add(range("a", 0x1000, 0x1000), "a");
  plan.add(range("b", 0x2000, 0x1000), "b");
  EXPECT_TRUE(plan.conflicts(46).empty());
  EXPECT_EQ(plan.map().ranges().size(), 2u);
}

TEST(AddressPlan, OverlapOfOneByteBlamesTheLaterRange) {
  AddressPlan plan;
  plan.add(range("a", 0x1000, 0x1001), "key.a");
  plan.add(range("b", 0x2000, 0x1000), "key.b");
  const auto conflicts = plan.conflicts(46);
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].setting, "key.b");
  EXPECT_EQ(conflicts[0].message, "b (0x2000-0x2fff) overlaps a (0x1000-0x2000)");
}

TEST(AddressPlan, RangeMayEndExactlyAtTheWidthOfAddresses) {
  AddressPlan plan;
  plan.add(range("top", (1ull << 36) - 0x1000, 0x1000), "top");
  EXPECT_TRUE(plan.conflicts(36).empty());
  plan.add(range("over", (1ull << 36) - 0x2000, 0x3000), "over");
  ASSERT_EQ(plan.conflicts(36).size(), 1u);
  EXPECT_EQ(plan.conflicts(36)[0].setting, "over");
}

TEST(AddressPlan, FreePlaceIsTheLowestAlignedOne) {
  AddressPlan plan;
  plan.add(range("a", 0x10000, 0x1000), "a");
  EXPECT_EQ(plan.find_free(Hpa(0x10000), Hpa(0x40000), 0x10000), Hpa(0x20000));
  EXPECT_EQ(plan.find_free(Hpa(0x10000), Hpa(0x40000), 0x1000), Hpa(0x11000));
  EXPECT_EQ(plan.find_free(Hpa(0x10000), Hpa(0x20000), 0x10000), Hpa(0));
}

}  // namespace
}  // namespace iommusim::platforms
