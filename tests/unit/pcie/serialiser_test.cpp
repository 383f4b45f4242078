#include "models/pcie/serialiser.h"

#include <gtest/gtest.h>

namespace iommusim::pcie {
namespace {

using base::PsRatio;
using base::Time;

// Gen3 x8 without any overhead: 130/128 bits per bit at 8 GT/s on 8 lanes is 126.953125 ps per byte = 8125/64.
constexpr base::PsRatio gen3_x8{8125, 64};

TEST(Serialiser, ATlpLeavesAfterItsBytesRoundedUpToAPicosecond) {
  Serialiser s(gen3_x8);
  const auto slot = s.take(Time::ps(1000), 24);
  EXPECT_EQ(1000u, slot.start.ps());
  EXPECT_EQ(4047u, slot.end.ps());  // 1000 + 24 x 126.953125 = 4046.875
}

TEST(Serialiser, BackToBackTlpsDoNotLoseTheFractionOfAPicosecond) {
  Serialiser s(gen3_x8);
  Time end;
  for (int i = 0; i < 64; ++i) end = s.take(Time::ps(0), 1).end;
  EXPECT_EQ(8125u, end.ps());  // exactly 64 bytes; rounding each up would give 64 x 127 = 8128
}

TEST(Serialiser, AnIdleGapForgetsTheFraction) {
  Serialiser s(gen3_x8);
  EXPECT_EQ(127u, s.take(Time::ps(0), 1).end.ps());
  EXPECT_EQ(254u, s.take(Time::ps(127), 1).end.ps());  // starts at 127, not at 126.953125: 253.953125
  EXPECT_EQ(381u, s.take(Time::ps(253), 1).end.ps());  // was still sending: 380.90625
}

TEST(Serialiser, ATlpWaitsForTheOnesBeforeIt) {
  Serialiser s({1000, 1});
  s.take(Time::ps(0), 4);
  const auto slot = s.take(Time::ps(1), 2);
  EXPECT_EQ(4000u, slot.start.ps());
  EXPECT_EQ(6000u, slot.end.ps());
  EXPECT_EQ(6u, s.bytes());
}

TEST(Serialiser, AFastLinkKeepsItsRateOverAMillionTlps) {
  // Gen5 x16: 130/128 at 32 GT/s on 16 lanes is 15.869140625 ps per byte = 8125/512.
  Serialiser s({8125, 512});
  Time end;
  for (int i = 0; i < 1000000; ++i) end = s.take(Time::ps(0), 88).end;
  EXPECT_EQ(1396484375u, end.ps());  // 88e6 x 8125 / 512
}

TEST(FlitClock, WithoutFlitsBytesAreUsableWhenTheyHaveCome) {
  EXPECT_EQ(1234u, FlitClock().complete(Time::ps(1234)).ps());
  EXPECT_EQ(1234u, FlitClock({0, 1}).complete(Time::ps(1234)).ps());
}

TEST(FlitClock, ATlpIsUsableWhenItsFlitIsComplete) {
  const FlitClock gen6_x16({2000, 1});
  EXPECT_EQ(2000u, gen6_x16.complete(Time::ps(1)).ps());
  EXPECT_EQ(2000u, gen6_x16.complete(Time::ps(136)).ps());
  EXPECT_EQ(2000u, gen6_x16.complete(Time::ps(2000)).ps()) << "its last byte is the FLIT's last";
  EXPECT_EQ(4000u, gen6_x16.complete(Time::ps(2001)).ps());
}

// Gen5 x16 in FLIT mode: 4062.5 ps each.
TEST(FlitClock, FlitsOfAFractionOfAPicosecondDoNotDrift) {
  const FlitClock clock({8125, 2});
  EXPECT_EQ(4063u, clock.complete(Time::ps(4063)).ps()) << "the last byte leaves at 4062.5, which is 4063 in time";
  EXPECT_EQ(8125u, clock.complete(Time::ps(4064)).ps());
  EXPECT_EQ(8125u, clock.complete(Time::ps(8125)).ps());
  EXPECT_EQ(4062500000u, clock.complete(Time::ps(4062500000)).ps()) << "a million FLITs";
  EXPECT_EQ(4062504063u, clock.complete(Time::ps(4062500001)).ps());
}

// A stream of full FLITs: what the serialiser sends and what the clock completes stay together for ever.
TEST(FlitClock, FullFlitsArriveWhenTheirLastByteDoes) {
  const PsRatio byte{187625, 22066};  // Gen6 x16 with its SKIP ordered sets
  Serialiser s(byte);
  const FlitClock clock(PsRatio::of(187625ull * 236, 22066));
  for (int i = 0; i < 100000; ++i) {
    const Time end = s.take(Time(), 236).end;
    ASSERT_EQ(end, clock.complete(end)) << i;
  }
}

}  // namespace
}  // namespace iommusim::pcie
