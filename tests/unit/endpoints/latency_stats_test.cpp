#include "models/endpoints/latency_stats.h"

#include <gtest/gtest.h>

namespace iommusim::ep {
namespace {

using base::Time;
using F = tlm::DmaFields;

TEST(LatencyStats, ABoundaryNotPassedTakesTheTimeOfTheOneBefore) {
  LatencyStats s;
  LatencyStats::Stamps stamps{};
  stamps[F::intended] = Time::ns(10);
  stamps[F::issued] = Time::ns(13);
  stamps[F::memory_start] = Time::ns(50);  // no remapping unit on the way
  stamps[F::completed] = Time::ns(90);
  ASSERT_TRUE(s.add(stamps, Time::ns(100)));
  EXPECT_EQ(Time::ns(90).ps(), s.total().max());
  EXPECT_EQ(Time::ns(3).ps(), s.part(F::issued - 1).max());
  EXPECT_EQ(0u, s.part(F::lookup_done - 1).max());
  EXPECT_EQ(Time::ns(37).ps(), s.part(F::memory_start - 1).max());
  EXPECT_EQ(Time::ns(40).ps(), s.part(F::completed - 1).max());
  EXPECT_EQ(Time::ns(10).ps(), s.part(LatencyStats::part_count - 1).max());
  EXPECT_STREQ("to_memory", LatencyStats::part_name(F::memory_start - 1));
  EXPECT_STREQ("engine", LatencyStats::part_name(LatencyStats::part_count - 1));
}

TEST(LatencyStats, RefusesTimesThatRunBackward) {
  LatencyStats s;
  LatencyStats::Stamps stamps{};
  stamps[F::issued] = Time::ns(20);
  stamps[F::unit_in] = Time::ns(19);
  EXPECT_FALSE(s.add(stamps, Time::ns(100)));
  stamps[F::unit_in] = Time::ns(101);
  EXPECT_FALSE(s.add(stamps, Time::ns(100)));
}

}  // namespace
}  // namespace iommusim::ep
