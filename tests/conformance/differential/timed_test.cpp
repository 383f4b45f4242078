// The same random tests on the timed unit of the core with small caches of random shapes: many requests in flight,
// table reads that come back out of order, invalidations through the command queue as the driver encodes them. While
// one is under way old or new is right; after its wait only new. Where it is the new one that is seen, timed and
// untimed must agree on outcome, address and fault kind, and on the fault's reason when nothing is changing.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/conformance/differential/effort.h"
#include "tests/conformance/differential/world.h"

namespace iommusim::test::differential {
namespace {

struct Timed : ::testing::TestWithParam<std::tuple<Variant, std::uint64_t>> {};

TEST_P(Timed, EveryRequestGetsTheAnswerOfAStateItMaySee) {
  const auto& [variant, usual_seed] = GetParam();
  const std::uint64_t seed = seed_asked_for() != 0 ? seed_asked_for() : usual_seed;
  tlm::Simulation simulation(seed);
  const RemappingUnitConfig unit = random_unit(seed);
  World world("world", simulation.context, variant, unit, seed);
  const RequestNumber requests = effort(40000);
  world.run(requests);
  ASSERT_EQ(world.wrong(), "") << "IOMMUSIM_SEED=" << seed << " on " << variant.name << ": " << to_text(unit);

  std::printf(
      "%llu requests: %llu translated, %llu passed, %llu faults; %llu compared with the untimed unit; %llu during a "
      "change, of which %llu saw the old state; %llu invalidations waited for\n",
      static_cast<unsigned long long>(requests), static_cast<unsigned long long>(world.translated),
      static_cast<unsigned long long>(world.passed), static_cast<unsigned long long>(world.faults),
      static_cast<unsigned long long>(world.compared), static_cast<unsigned long long>(world.overtaken),
      static_cast<unsigned long long>(world.seen_old), static_cast<unsigned long long>(world.invalidations));
  EXPECT_EQ(world.translated + world.passed + world.faults, requests);
  EXPECT_GT(world.translated, requests / 4) << "or the test shows little";
  EXPECT_EQ(world.compared + world.seen_old, requests);
  EXPECT_GT(world.overtaken, requests / 20);
  EXPECT_GT(world.seen_old, 0u);
  EXPECT_GT(world.invalidations, requests / 1000);
  const StaleHitOracle& oracle = *world.unit().stale_hit_oracle();
  EXPECT_EQ(oracle.hits.after_unmap.value(), 0u) << "software waits for each invalidation before it ends the call";
  EXPECT_EQ(oracle.walks.after_unmap.value(), 0u);
  EXPECT_GT(oracle.hits.during_unmap.value() + oracle.walks.during_unmap.value(), 0u);
  EXPECT_EQ(simulation.pool.live(), 0u) << simulation.pool.leak_report();
}

INSTANTIATE_TEST_SUITE_P(Differential, Timed,
                         ::testing::Combine(::testing::ValuesIn(variants()), ::testing::Range<std::uint64_t>(1, 9)),
                         [](const auto& v) {
                           return std::get<0>(v.param).name + "_seed" + std::to_string(std::get<1>(v.param));
                         });

}  // namespace
}  // namespace iommusim::test::differential
