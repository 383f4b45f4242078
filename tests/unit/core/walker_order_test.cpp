// Who gets a walker, and what waits for one.
#include <nlohmann/json.hpp>

#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

constexpr base::SourceId kOther{32};
constexpr Time kStart = Time::us(5);

// Contexts of two requesters are cached from the start; all happens at and after kStart. A walk is one read of 100 ns.
struct Contest : Bench {
  explicit Contest(const RemappingUnitConfig& config) : Bench(config) {
    set_context(32, 3, false);
    requester.read(Time::ns(10), 0x1000);
    requester.read(Time::us(1), 0x2000, kOther);
  }
  std::size_t miss(unsigned page, base::SourceId source = base::SourceId(8), Time later = Time()) {
    return requester.read(kStart + later, std::uint64_t{page} << 12, source);
  }
  /// When it left, in ns since kStart.
  std::uint64_t left_after(std::size_t i) const { return (left(i) - kStart).ps() / 1000; }
  double metric(const std::string& name) {
    return simulation.stats.to_json(simulation.scheduler.now())["unit"][name]["value"].get<double>();
  }
};
RemappingUnitConfig aside(unsigned walkers) {
  RemappingUnitConfig c;
  c.service = Service::out_of_order;
  c.walkers = walkers;
  return c;
}

TEST(WalkersPerRequester, LeaveOneForAnotherRequester) {
  for (const unsigned limit : {1u}) {
    auto config = aside(2);
    config.walker_pool.per_requester = limit;
    Contest b(config);
    const auto first = b.miss(10), second = b.miss(11);
    const auto other = b.miss(12, kOther, Time::ns(1));
    b.run();
    EXPECT_EQ(b.left_after(first), 103u);
    EXPECT_EQ(b.left_after(second), 203u) << "one at a time, though a walker was free";
    EXPECT_EQ(b.left_after(other), 104u);
  }
}

TEST(WalkersPerRequester, WithoutALimitTheFirstRequesterTakesAll) {
  Contest b(aside(2));
  b.miss(10);
  const auto second = b.miss(11);
  const auto other = b.miss(12, kOther, Time::ns(1));
  b.run();
  EXPECT_EQ(b.left_after(second), 103u);
  EXPECT_EQ(b.left_after(other), 203u);
}

TEST(WalkersPerRequester, KeepABlockedPipelineBlocked) {
  auto config = aside(2);
  config.service = Service::in_order;
  config.walker_pool.per_requester = 1;
  Contest b(config);
  b.miss(10);
  const auto second = b.miss(11);
  const auto other = b.miss(12, kOther, Time::ns(1));
  b.run();
  EXPECT_EQ(b.left_after(second), 203u);
  EXPECT_EQ(b.left_after(other), 203u) << "it is looked up when the one before it has a walker, at 103 ns";
}

TEST(WalkerOrder, FirstComeFirstServedByDefault) {
  Contest b(aside(1));
  for (unsigned page = 10; page < 13; ++page) b.miss(page);
  const auto other = b.miss(13, kOther, Time::ns(1));
  b.run();
  EXPECT_EQ(b.left_after(other), 403u);
}

TEST(WalkerOrder, FairServesRequestersInTurn) {
  auto config = aside(1);
  config.walker_pool.order = WalkerOrder::fair;
  Contest b(config);
  for (unsigned page = 10; page < 12; ++page) b.miss(page);
  const auto last = b.miss(12);
  const auto other = b.miss(13, kOther, Time::ns(1));
  b.run();
  EXPECT_EQ(b.left_after(other), 303u) << "after one of those of the first requester that wait";
  EXPECT_EQ(b.left_after(last), 403u);
}

class MissQueue : public ::testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Entries, MissQueue, ::testing::Values(0u, 1u));

TEST_P(MissQueue, LetsHitsPassMissesThatWaitForAWalkerWhileItHasRoom) {
  auto config = aside(1);
  config.service = Service::in_order;
  config.walker_pool.miss_queue = GetParam();
  Contest b(config);
  b.miss(10);
  const auto waiting = b.miss(11);
  const auto hit = b.miss(1, base::SourceId(8), Time::ns(2));
  const auto third = b.miss(12, base::SourceId(8), Time::ns(3));
  const auto behind = b.miss(1, base::SourceId(8), Time::ns(4));
  b.run();
  EXPECT_EQ(b.left_after(waiting), 203u);
  EXPECT_EQ(b.left_after(hit), GetParam() == 0 ? 103u : 5u);
  EXPECT_EQ(b.left_after(third), 303u);
  EXPECT_EQ(b.left_after(behind), GetParam() == 0 ? 203u : 103u) << "the third fills the queue, or stalls";
}

TEST(MergeLimit, OneMoreWaitsForTheWalkToEnd) {
  auto config = aside(2);
  config.walker_pool.merges_per_miss = 1;
  Contest b(config);
  for (unsigned i = 0; i < 3; ++i) b.miss(10);
  b.run();
  EXPECT_EQ(b.metric("merged"), 1);
  EXPECT_EQ(b.metric("stalls"), 1);
  EXPECT_EQ(b.walk_reads(), 2u + 2u + 1u) << "contexts and pages before, then one walk";
}

TEST(WalkCacheLatency, IsPaidOncePerWalkThatLooks) {
  RemappingUnitConfig config;
  config.walker_pool.cache_latency = Time::ns(7);
  Bench b(config, 3);
  const auto cold = b.requester.read(Time::ns(10), 0x3000);
  const auto warm = b.requester.read(Time::us(1), 0x4000);
  b.run();
  EXPECT_EQ(b.left(cold).ps(), Time::ns(10 + 3 + 100 + 7 + 300).ps());
  EXPECT_EQ(b.left(warm).ps(), Time::ns(1000 + 3 + 7 + 100).ps());
}

}  // namespace
}  // namespace iommusim::test
