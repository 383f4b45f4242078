#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "models/base/random/distributions.h"
#include "models/base/random/math.h"

namespace iommusim::base {
namespace {

// The expected numbers come from an independent implementation (Python's hashlib and arbitrary-precision integers).
TEST(RandomStream, GivesTheSameNumbersEverywhere) {
  RandomStream a(1, "dma0.addresses"), b(1, "dma1.addresses"), c(2, "dma0.addresses");
  for (const std::uint64_t x : std::initializer_list<std::uint64_t>{0xbfadf84ca7e9fafb, 0xbc63b8bf8d1d50dd,
                                                                    0xde51a28a7001d2a5, 0x3f1cfa8cf4e705ce})
    EXPECT_EQ(a.next(), x);
  for (const std::uint64_t x : std::initializer_list<std::uint64_t>{0xc81003ce11205b00, 0x6f37493b44f950df,
                                                                    0x4619be113d93a930, 0xaddce3007e0b8d61})
    EXPECT_EQ(b.next(), x);
  for (const std::uint64_t x : std::initializer_list<std::uint64_t>{0xa3586c394ef5b257, 0xf2f8537625b64a60,
                                                                    0x0dbea5e4b3fb3432, 0x35a3872d27fb2e97})
    EXPECT_EQ(c.next(), x);
  RandomStream d(1, "dma0.addresses");
  for (const std::uint64_t x : std::initializer_list<std::uint64_t>{748, 735, 868, 246, 971, 559})
    EXPECT_EQ(d.below(1000), x);
}

TEST(RandomStream, DrawingFromOneDoesNotMoveAnother) {
  RandomStream a(7, "a"), b(7, "b"), alone(7, "b");
  for (int i = 0; i < 100; ++i) {
    a.next();
    EXPECT_EQ(b.next(), alone.next());
  }
}

TEST(RandomStream, StreamsOfOneSeedAreUncorrelated) {
  RandomStream a(7, "dma0"), b(7, "dma1");
  double sum = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) sum += (a.real() - 0.5) * (b.real() - 0.5);
  EXPECT_NEAR(sum / n * 12, 0, 4 / std::sqrt(n));
}

TEST(RandomStream, BoundedIntegersAreEquallyLikely) {
  RandomStream r(3, "x");
  std::vector<int> count(7);
  for (int i = 0; i < 70000; ++i) ++count[r.below(7)];
  for (const int c : count) EXPECT_NEAR(c, 10000, 5 * std::sqrt(10000.0 * 6 / 7));
  // A range of 3/4 of 2^64: without rejection the lower half of each pair would come twice as often.
  const std::uint64_t n = 3ull << 62;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += r.below(n) < n / 3;
  EXPECT_NEAR(low, 10000, 5 * std::sqrt(30000 * 2.0 / 9));
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t x = r.between(5, 6);
    EXPECT_TRUE(x == 5 || x == 6);
  }
  EXPECT_EQ(r.between(9, 9), 9u);
  EXPECT_EQ(r.below(1), 0u);
  r.between(0, ~0ull);
}

TEST(PortableMath, IsAsGoodAsTheLibraryWithinTenToTheMinus14) {
  for (double x = 1e-300; x < 1e300; x *= 1.37)
    EXPECT_NEAR(portable_log(x), std::log(x), 1e-14 * (1 + std::abs(std::log(x)))) << x;
  for (double x = 0.5; x < 2; x += 0.001)
    EXPECT_NEAR(portable_log(x), std::log(x), 1e-15 + 1e-15 * std::abs(std::log(x))) << x;
  EXPECT_EQ(portable_log(1), 0.0);
  for (double x = -690; x < 690; x += 0.77) EXPECT_NEAR(portable_exp(x) / std::exp(x), 1, 1e-14) << x;
  EXPECT_EQ(portable_exp(0), 1.0);
  EXPECT_NEAR(portable_pow(10, 9), 1e9, 1e9 * 1e-13);
  EXPECT_EQ(portable_pow(5, 0), 1.0);
}

TEST(PortableMath, HasFixedBits) {
  // Equal on every machine, whatever its libm does: change these only with the algorithm.
  RandomStream r(1, "golden");
  for (const double x : {0x1.f5eeac1776859p-2, 0x1.2a435d8407e21p+0, 0x1.ffe13026c0298p-1, 0x1.f7a67ee320f75p+1})
    EXPECT_EQ(exponential(r, 1), x);
}

TEST(Distributions, ExponentialHasItsMeanAndVariance) {
  RandomStream r(1, "exp");
  double sum = 0, squares = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double x = exponential(r, 5);
    ASSERT_GE(x, 0);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 5, 5 * 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n - 25, 25, 1.5);
}

TEST(Distributions, ParetoHasItsTail) {
  RandomStream r(1, "pareto");
  int above = 0, bounded_above = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double x = pareto(r, 2, 1.5);
    ASSERT_GE(x, 2);
    above += x > 8;
    const double y = bounded_pareto(r, 2, 1.5, 32);
    ASSERT_GE(y, 2);
    ASSERT_LE(y, 32);
    bounded_above += y > 8;
  }
  EXPECT_NEAR(above, n * std::pow(0.25, 1.5), 5 * std::sqrt(n * 0.125));
  const double cut = std::pow(1.0 / 16, 1.5);
  EXPECT_NEAR(bounded_above, n * (0.125 - cut) / (1 - cut), 5 * std::sqrt(n * 0.125));
}

TEST(Distributions, ZipfMatchesItsProbabilities) {
  for (const double s : {0.0, 0.5, 0.99, 1.0, 1.2, 3.0}) {
    RandomStream r(1, "zipf");
    const std::uint64_t n = 100;
    const Zipf zipf(n, s);
    std::vector<double> expected(n), count(n);
    double sum = 0;
    for (std::uint64_t k = 0; k < n; ++k) sum += expected[k] = std::pow(static_cast<double>(k + 1), -s);
    const int draws = 200000;
    for (int i = 0; i < draws; ++i) ++count.at(zipf(r));
    double chi2 = 0;
    for (std::uint64_t k = 0; k < n; ++k) {
      const double e = draws * expected[k] / sum;
      chi2 += (count[k] - e) * (count[k] - e) / e;
    }
    EXPECT_LT(chi2, 99 + 5 * std::sqrt(2.0 * 99)) << s;
  }
}

TEST(Distributions, ZipfOverABillionItemsNeedsNoTable) {
  static_assert(sizeof(Zipf) <= 64);
  RandomStream r(1, "zipf");
  const Zipf zipf(1000000000, 0.99);
  std::uint64_t largest = 0, first = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t k = zipf(r);
    ASSERT_LT(k, 1000000000u);
    largest = std::max(largest, k);
    first += k == 0;
  }
  EXPECT_GT(largest, 900000000u);
  // P(0) = 1/H with H(1e9, 0.99) ~ 0.577 + (1e9^0.01 - 1)/0.01 = 23.6
  EXPECT_NEAR(static_cast<double>(first), 100000 / 23.6, 350);
  EXPECT_EQ(Zipf(1, 1.0)(r), 0u);
}

TEST(Distributions, DiscreteFollowsItsWeightsAndSkipsZeros) {
  RandomStream r(1, "sizes");
  const Discrete d({0, 1, 0, 3, 0});
  std::vector<int> count(5);
  for (int i = 0; i < 40000; ++i) ++count[d(r)];
  EXPECT_EQ(count[0] + count[2] + count[4], 0);
  EXPECT_NEAR(count[1], 10000, 5 * std::sqrt(7500.0));
  EXPECT_THROW(Discrete({}), std::logic_error);
  EXPECT_THROW(Discrete({0, 0}), std::logic_error);
  EXPECT_THROW(Discrete({1, -1}), std::logic_error);
}

}  // namespace
}  // namespace iommusim::base
