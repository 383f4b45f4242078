#include "experiments/runner/sweep/claim.h"

#include <gtest/gtest.h>

namespace iommusim::runner {
namespace {

ClaimResult check(const Claim& claim, const std::vector<double>& values) {
  return evaluate(
      claim, [&](std::size_t p) { return values[p]; }, [](std::size_t p) { return "p" + std::to_string(p); });
}

Claim of_points(std::size_t n) {
  Claim c;
  for (std::size_t p = 0; p < n; ++p) c.rows.push_back({p, std::nullopt, std::nullopt});
  return c;
}

TEST(Claim, LimitsHoldOrNotAtTheirVeryValue) {
  Claim c = of_points(1);
  c.less_than = 5;
  EXPECT_EQ(check(c, {5}).status, ClaimStatus::fail);
  EXPECT_EQ(check(c, {4.999}).status, ClaimStatus::pass);
  c = of_points(1);
  c.at_most = 5;
  c.at_least = 5;
  EXPECT_EQ(check(c, {5}).status, ClaimStatus::pass);
  EXPECT_EQ(check(c, {4.9}).status, ClaimStatus::fail);
  c = of_points(1);
  c.greater_than = 5;
  EXPECT_EQ(check(c, {5}).status, ClaimStatus::fail);
}

TEST(Claim, OfSeveralPointsTheWorstIsNamed) {
  Claim c = of_points(3);
  c.at_most = 5;
  const ClaimResult failed = check(c, {4, 9, 6});
  EXPECT_EQ(failed.status, ClaimStatus::fail);
  EXPECT_EQ(failed.value, 9);
  EXPECT_EQ(failed.figures, "9 at p1, limit <= 5");
  const ClaimResult held = check(c, {3, 4.5, 4});
  EXPECT_EQ(held.status, ClaimStatus::pass);
  EXPECT_EQ(held.figures, "4.5 at p1, limit <= 5") << "the one nearest to its limit";
}

TEST(Claim, MeansAndExtremesAreOfAllPoints) {
  Claim c = of_points(3);
  c.equals = 4;
  c.tolerance = 0.01;
  c.of = Reduce::mean;
  EXPECT_EQ(check(c, {1, 4, 7}).status, ClaimStatus::pass);
  c.of = Reduce::max;
  EXPECT_EQ(check(c, {1, 4, 7}).figures, "7 greatest of 3 points, expected 4, +75 % (tolerance 0.01)");
  c.of = Reduce::min;
  EXPECT_EQ(check(c, {4, 5, 7}).status, ClaimStatus::pass);
}

TEST(Claim, TolerancesAreSharesOrInTheColumnsUnit) {
  Claim c = of_points(1);
  c.equals = 200;
  c.tolerance = 0.05;
  c.relative = true;
  EXPECT_EQ(check(c, {209}).status, ClaimStatus::pass);
  EXPECT_EQ(check(c, {189}).status, ClaimStatus::fail);
  c.relative = false;
  EXPECT_EQ(check(c, {200.06}).status, ClaimStatus::fail);
}

TEST(Claim, ReferencesAreComparedPointByPoint) {
  Claim c = of_points(3);
  c.reference = "ref.csv: gbps";
  c.tolerance = 0.1;
  c.relative = true;
  c.rows[0].expected = 10;
  c.rows[2].expected = 30;  // the second is not published
  EXPECT_EQ(check(c, {10.5, 99, 32}).figures, "32 at p2, expected 30, +6.7 % (tolerance 10 %)");
  EXPECT_EQ(check(c, {10.5, 99, 34}).status, ClaimStatus::fail);
}

TEST(Claim, RatiosAndDifferencesAreToThePartner) {
  Claim c = of_points(2);
  c.rows[0].base = 2;
  c.rows[1].base = 3;
  c.ratio = true;
  c.at_least = 0.5;
  EXPECT_EQ(check(c, {6, 8, 10, 10}).status, ClaimStatus::pass);
  EXPECT_EQ(check(c, {4, 8, 10, 10}).figures, "0.4 at p0, limit >= 0.5");
  c.ratio = false;
  EXPECT_EQ(check(c, {10.6, 11, 10, 10}).status, ClaimStatus::pass);
  EXPECT_EQ(check(c, {10.4, 11, 10, 10}).status, ClaimStatus::fail);
}

TEST(Claim, MonotoneLooksAtNeighbours) {
  Claim c = of_points(4);
  c.monotone = Monotone::falling;
  c.chains = {{0, 1, 2, 3}};
  EXPECT_EQ(check(c, {9, 7, 7, 1}).status, ClaimStatus::pass);
  EXPECT_EQ(check(c, {9, 7, 8, 1}).figures, "turns: 8 at p2 after 7 at p1");
  c.tolerance = 0.2;
  c.relative = true;
  EXPECT_EQ(check(c, {9, 7, 8, 1}).status, ClaimStatus::pass);
  c.monotone = Monotone::rising;
  EXPECT_EQ(check(c, {9, 7, 8, 1}).status, ClaimStatus::fail);
}

TEST(Claim, AMissingValueIsNeitherPassNorFail) {
  Claim c = of_points(2);
  c.at_most = 5;
  const ClaimResult result = check(c, {1, kNoFigure});
  EXPECT_EQ(result.status, ClaimStatus::missing);
  EXPECT_EQ(result.figures, "no value at p1");
}

TEST(Claim, ReadsBackFromJsonAsItWas) {
  Claim c = of_points(3);
  c.rows[0].base = 2;
  c.rows[1].expected = 4.5;
  c.of = Reduce::max;
  c.ratio = true;
  c.less_than = 1;
  c.at_least = -2;
  c.equals = 3;
  c.tolerance = 0.25;
  c.relative = true;
  c.monotone = Monotone::falling;
  c.chains = {{0, 1}, {2}};
  EXPECT_EQ(to_json(claim_from_json(to_json(c))), to_json(c));
}

}  // namespace
}  // namespace iommusim::runner
