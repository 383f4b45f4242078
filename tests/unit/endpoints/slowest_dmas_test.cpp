#include "models/endpoints/slowest_dmas.h"

#include <gtest/gtest.h>

#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;
using F = tlm::DmaFields;

// A DMA that was meant to begin at `start` and took `length`.
void add(SlowestDmas& s, std::uint64_t iova, Time start, Time length) {
  LatencyStats::Stamps stamps{};
  stamps[F::intended] = start;
  s.add(read_of(iova, 64), {}, stamps, start + length);
}

TEST(SlowestDmas, KeepTheSlowestInWhateverOrderTheyCome) {
  SlowestDmas s;
  for (unsigned i = 0; i < 100; ++i) add(s, i, Time::ns(i), Time::ns(1 + 37 * i % 101));  // 101 is prime: all differ
  const auto list = s.sorted();
  ASSERT_EQ(SlowestDmas::kept, list.size());
  Time before = Time::max();
  for (const SlowDma& d : list) {
    EXPECT_LT(d.latency(), before);
    before = d.latency();
  }
  EXPECT_EQ(Time::ns(101), list.front().latency());
  EXPECT_GT(list.back().latency(), Time::ns(80));
}

TEST(SlowestDmas, OfEquallySlowOnesTheEarlierStay) {
  SlowestDmas s;
  for (unsigned i = 0; i < 30; ++i) add(s, i, Time::ns(i), Time::ns(5));
  const auto list = s.sorted();
  for (unsigned i = 0; i < SlowestDmas::kept; ++i) EXPECT_EQ(i, list[i].iova.value());
}

TEST(SlowestDmas, OfAnEngineBeginAnewWithTheWindow) {
  EngineBench b;
  b.engine.submit(read_of(high, 512));
  b.run(Time::us(10));
  ASSERT_EQ(1u, b.engine.slowest().sorted().size());
  b.sim.stats.reset(Time::us(10));
  EXPECT_TRUE(b.engine.slowest().sorted().empty());
  b.engine.submit(read_of(high + 4096, 64, Time::us(10)));
  b.run(Time::us(20));
  const auto list = b.engine.slowest().sorted();
  ASSERT_EQ(1u, list.size());
  EXPECT_EQ(high + 4096, list[0].iova.value());
  EXPECT_EQ(b.engine.counters().read_latency.total().max(), list[0].latency().ps());
}

}  // namespace
}  // namespace iommusim::ep
