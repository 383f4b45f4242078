#include "models/base/random/distributions.h"

#include <algorithm>
#include <stdexcept>

#include "models/base/random/math.h"

namespace iommusim::base {

double exponential(RandomStream& random, double mean) { return -mean * portable_log(random.real_positive()); }

Time exponential_time(RandomStream& random, Time mean) {
  return Time::ps(static_cast<std::uint64_t>(exponential(random, static_cast<double>(mean.ps())) + 0.5));
}

double pareto(RandomStream& random, double scale, double shape) {
  return scale * portable_pow(random.real_positive(), -1 / shape);
}

double bounded_pareto(RandomStream& random, double scale, double shape, double upper) {
  const double tail = portable_pow(scale / upper, shape);  // P(X > upper)
  return std::min(upper, scale * portable_pow(1 - random.real() * (1 - tail), -1 / shape));
}

namespace {
// (e^x - 1)/x and log(1+x)/x, by series where the quotient would cancel.
double exp_minus_1_over(double x) {
  if (x > -1e-4 && x < 1e-4) return 1 + x / 2 * (1 + x / 3 * (1 + x / 4));
  return (portable_exp(x) - 1) / x;
}
double log_plus_1_over(double x) {
  if (x > -1e-4 && x < 1e-4) return 1 - x * (0.5 - x * (1.0 / 3 - x * 0.25));
  return portable_log(1 + x) / x;
}
}  // namespace

Zipf::Zipf(std::uint64_t n, double exponent) : n_(n), exponent_(exponent) {
  if (n == 0 || n > (std::uint64_t{1} << 53) || !(exponent >= 0))
    throw std::logic_error("Zipf: n must be 1 to 2^53, the exponent >= 0");
  low_ = integral(1.5) - 1;
  high_ = integral(static_cast<double>(n) + 0.5);
  accept_ = 2 - integral_inverse(integral(2.5) - weight(2));
}
double Zipf::integral(double x) const {
  const double l = portable_log(x);
  return exp_minus_1_over((1 - exponent_) * l) * l;
}
double Zipf::integral_inverse(double y) const {
  const double t = std::max(-1 + 1e-16, y * (1 - exponent_));
  return portable_exp(log_plus_1_over(t) * y);
}
double Zipf::weight(double x) const { return portable_pow(x, -exponent_); }

std::uint64_t Zipf::operator()(RandomStream& random) const {
  for (;;) {
    const double u = high_ + random.real() * (low_ - high_);
    const double x = integral_inverse(u);
    const double k =
        std::min(std::max(static_cast<double>(static_cast<std::uint64_t>(x + 0.5)), 1.0), static_cast<double>(n_));
    if (k - x <= accept_ || u >= integral(k + 0.5) - weight(k)) return static_cast<std::uint64_t>(k) - 1;
  }
}

Discrete::Discrete(const std::vector<double>& weights) {
  double sum = 0;
  for (const double w : weights) {
    if (!(w >= 0)) throw std::logic_error("Discrete: a weight is negative");
    cumulative_.push_back(sum += w);
  }
  if (!(sum > 0)) throw std::logic_error("Discrete: the weights have no positive sum");
}
std::size_t Discrete::operator()(RandomStream& random) const {
  const double u = random.real() * cumulative_.back();
  // upper_bound skips entries of weight 0; rounding may give u == back(), then the last positive weight is meant.
  auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), u);
  if (at == cumulative_.end()) at = std::lower_bound(cumulative_.begin(), cumulative_.end(), cumulative_.back());
  return static_cast<std::size_t>(at - cumulative_.begin());
}

}  // namespace iommusim::base
