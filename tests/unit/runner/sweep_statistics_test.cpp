#include "experiments/runner/sweep/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "experiments/runner/sweep/replications.h"
#include "experiments/runner/sweep/schedule.h"

namespace iommusim::runner {
namespace {

TEST(Statistics, HalfWidthsAreThoseOfStudentsT) {
  // scipy.stats.t.ppf(0.975, 4) * sd / sqrt(5), scipy.stats.t.ppf(0.995, 2) * sd / sqrt(3)
  EXPECT_NEAR(half_width(sample_of({1, 2, 3, 4, 5}), 0.95), 1.9632431614775607, 1e-12);
  EXPECT_NEAR(half_width(sample_of({10, 12, 14}), 0.99), 11.46022178742975, 1e-10);
  EXPECT_TRUE(std::isinf(half_width(sample_of({7}), 0.95))) << "one value has no spread to judge by";
  EXPECT_EQ(half_width(sample_of({7, 7}), 0.95), 0);
}

TEST(Statistics, ASmallSpreadBesideALargeMeanIsNotLost) {
  EXPECT_NEAR(sample_of({1e9 + 1, 1e9 + 2, 1e9 + 3}).deviation, 1, 1e-9);
}

TEST(Statistics, WelchsTestAgreesWithScipy) {
  const Sample a =
      sample_of({27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4});
  const Sample b =
      sample_of({27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4});
  EXPECT_NEAR(welch_p(a, b), 0.021378001462866985, 1e-12);  // scipy.stats.ttest_ind(a, b, equal_var=False)
  EXPECT_TRUE(std::isnan(welch_p(sample_of({1}), b)));
  EXPECT_EQ(welch_p(sample_of({1, 1}), sample_of({1, 1})), 1);
  EXPECT_EQ(welch_p(sample_of({1, 1}), sample_of({2, 2})), 0);
}

TEST(Replications, TheRuleIsAskedAtEndsOfBatchesOnly) {
  const ReplicationRule rule{3, true, 0.1, 0.95, 2, 8};
  EXPECT_EQ(replications_planned(rule, {}), 3u);
  EXPECT_EQ(replications_planned(rule, {10, 10}), 3u);
  EXPECT_EQ(replications_planned(rule, {10, 10, 10}), 3u) << "known well enough";
  EXPECT_EQ(replications_planned(rule, {5, 10, 15}), 5u);
  EXPECT_EQ(replications_planned(rule, {5, 10, 15, 10}), 5u) << "the batch is not whole";
  EXPECT_EQ(replications_planned(rule, {5, 10, 15, 5, 15}), 7u);
  EXPECT_EQ(replications_planned(rule, {5, 10, 15, 5, 15, 5, 15}), 8u) << "no more than at_most";
  EXPECT_EQ(replications_planned(rule, {5, 10, 15, 5, 15, 5, 15, 5}), 8u);
  EXPECT_EQ(replications_planned(rule, {10, 10, 10, 99, 99}), 3u) << "values after the end do not count";
}

TEST(Replications, AFailedRunEndsItsPoint) {
  EXPECT_EQ(replications_planned({2, true, 0.1, 0.95, 2, 8}, {10, std::nan("")}), 2u);
}

/// The runs of a schedule whose processes end in an order drawn from `seed`.
std::vector<std::vector<unsigned>> simulate(unsigned processes, unsigned seed) {
  const ReplicationRule rule{3, true, 0.05, 0.95, 4, 40};
  const auto value = [](RunId id) {  // some points need many, some few
    std::mt19937 random(static_cast<unsigned>(id.point * 1000 + id.replication));
    return 100 + (static_cast<double>(random() % 1000) / 1000 - 0.5) * 20 * static_cast<double>(id.point);
  };
  Schedule schedule(rule, {0, 1, 2, 3, 4}, [](RunId, double&) { return false; });
  std::vector<std::vector<unsigned>> ran(5);
  std::vector<RunId> running;
  std::mt19937 random(seed);
  while (!schedule.empty() || !running.empty()) {
    while (running.size() < processes && !schedule.empty()) running.push_back(schedule.next());
    const std::size_t i = random() % running.size();
    const RunId id = running[i];
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    ran[id.point].push_back(id.replication);
    schedule.ended(id, value(id));
  }
  for (auto& r : ran) std::sort(r.begin(), r.end());
  return ran;
}

TEST(Statistics, HolmCorrectsForTheNumberOfTests) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto p = holm({0.01, none, 0.04, 0.03, 0.005});
  EXPECT_DOUBLE_EQ(p[0], 0.03);
  EXPECT_TRUE(std::isnan(p[1]));
  EXPECT_DOUBLE_EQ(p[2], 0.06) << "no more certain than the one before it";
  EXPECT_DOUBLE_EQ(p[3], 0.06);
  EXPECT_DOUBLE_EQ(p[4], 0.02);
  EXPECT_DOUBLE_EQ(holm({0.9, 0.8})[0], 1);
  EXPECT_TRUE(holm({}).empty());
}

TEST(Statistics, SamplesWithoutSpreadDifferForCertainOrNotAtAll) {
  EXPECT_EQ(welch_p(sample_of({3, 3, 3}), sample_of({3, 3, 3})), 1);
  EXPECT_EQ(welch_p(sample_of({3, 3, 3}), sample_of({4, 4})), 0);
  EXPECT_EQ(welch_p(sample_of({1, 2, 3}), sample_of({1, 2, 3})), 1);
  EXPECT_TRUE(std::isnan(welch_p(sample_of({3}), sample_of({4, 5}))));
}

TEST(Schedule, WhichRunsThereAreDoesNotDependOnProcessesOrTheirOrder) {
  const auto alone = simulate(1, 0);
  EXPECT_EQ(alone[0].size(), 3u) << "no spread";
  EXPECT_GT(alone[4].size(), alone[1].size());
  for (unsigned processes : {2u, 3u, 8u, 64u})
    for (unsigned seed = 0; seed < 20; ++seed) EXPECT_EQ(simulate(processes, seed), alone) << processes << " " << seed;
}

TEST(Schedule, WhatExistsIsNotRunAgainAndStillDecides) {
  const ReplicationRule rule{2, true, 0.05, 0.95, 2, 8};
  Schedule schedule(rule, {7}, [](RunId id, double& value) {
    value = id.replication % 2 == 0 ? 90 : 110;
    return id.replication < 3;
  });
  EXPECT_EQ(schedule.existing(), 3u);
  EXPECT_EQ(schedule.planned(), 4u) << "two exist and spread too much, so a second batch was planned";
  const RunId id = schedule.next();
  EXPECT_EQ(id.point, 7u);
  EXPECT_EQ(id.replication, 3u);
  EXPECT_TRUE(schedule.empty());
}

}  // namespace
}  // namespace iommusim::runner
