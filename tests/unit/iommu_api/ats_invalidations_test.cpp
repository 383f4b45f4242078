#include "models/iommu/api/ats_invalidations.h"

#include <gtest/gtest.h>

#include "models/iommu/api/messages.h"

namespace iommusim::iommu {
namespace {

constexpr SourceId kDevice{0x18}, kOther{0x20};

TEST(AtsInvalidations, ThereAre32Tags) {
  AtsInvalidations a;
  for (unsigned i = 0; i < AtsInvalidations::kTags; ++i) EXPECT_EQ(a.issue(kDevice, false), i);
  EXPECT_FALSE(a.issue(kDevice, false));
  EXPECT_EQ(a.outstanding(), 32u);
  EXPECT_TRUE(a.complete(kDevice, false, 1u << 7, 1));
  EXPECT_EQ(a.issue(kOther, false), 7);
}

TEST(AtsInvalidations, ADeviceMayAnswerInSeveralCompletions) {
  AtsInvalidations a;
  a.issue(kDevice, true);
  EXPECT_TRUE(a.complete(kDevice, true, 1, 2));
  EXPECT_EQ(a.outstanding(), 1u);
  EXPECT_TRUE(a.complete(kDevice, true, 1, 2));
  EXPECT_EQ(a.outstanding(), 0u);
}

TEST(AtsInvalidations, OneCompletionMayNameSeveralTagsButOnlyTheDevicesOwn) {
  AtsInvalidations a;
  a.issue(kDevice, false);
  a.issue(kDevice, false);
  a.issue(kOther, false);
  EXPECT_FALSE(a.complete(kDevice, false, 7, 1)) << "tag 2 is another's";
  EXPECT_FALSE(a.complete(kDevice, true, 1, 1)) << "another segment";
  EXPECT_FALSE(a.complete(kDevice, false, 8, 1)) << "tag 3 is not in use";
  EXPECT_EQ(a.outstanding(), 3u);
  EXPECT_TRUE(a.complete(kDevice, false, 3, 1));
  EXPECT_EQ(a.outstanding(), 1u);
}

TEST(AtsInvalidations, ATimeOutFreesTheTagAndIsToldOnce) {
  AtsInvalidations a;
  a.issue(kDevice, false);
  EXPECT_FALSE(a.take_timed_out());
  a.time_out(1);
  EXPECT_EQ(a.outstanding(), 0u);
  EXPECT_TRUE(a.take_timed_out());
  EXPECT_FALSE(a.take_timed_out());
}

TEST(PageRequests, AStopMarkerIsALastRequestForNothing) {
  PageRequest p;
  p.last = true;
  EXPECT_TRUE(p.stop_marker());
  p.read = true;
  EXPECT_FALSE(p.stop_marker());
  EXPECT_EQ(page_response_body(SourceId(0x1234abcd), PageResponseCode::failure, 0x1ff), 0xabcdf1ff00000000u);
}

}  // namespace
}  // namespace iommusim::iommu
