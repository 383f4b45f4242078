// Distributions of workloads. Each draws from a RandomStream given at the call; all are portable (random/math.h).
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/random/stream.h"
#include "models/base/types.h"

namespace iommusim::base {

/// Exponential with the given mean, by inversion.
double exponential(RandomStream& random, double mean);
/// Exponential gap rounded to the nearest picosecond.
Time exponential_time(RandomStream& random, Time mean);

/// Pareto: P(X > x) = (scale/x)^shape for x >= scale. Preconditions: scale > 0, shape > 0. The mean is infinite for
/// shape <= 1.
double pareto(RandomStream& random, double scale, double shape);
/// Pareto cut off at `upper` by conditioning (the bounded Pareto distribution), not by clamping.
double bounded_pareto(RandomStream& random, double scale, double shape, double upper);

/// Zipf over ranks 0..n-1: P(rank k) proportional to 1/(k+1)^exponent. Rejection-inversion (Hoermann and Derflinger,
/// ACM TOMACS 6(3), 1996): constant memory and constant expected time for any n up to 2^53. Preconditions: n > 0,
/// exponent >= 0.
class Zipf {
 public:
  Zipf(std::uint64_t n, double exponent);
  std::uint64_t operator()(RandomStream& random) const;

 private:
  double integral(double x) const;  // of x^-exponent, from 1
  double integral_inverse(double y) const;
  double weight(double x) const;  // x^-exponent
  std::uint64_t n_;
  double exponent_;
  double low_, high_, accept_;
};

/// Index i with probability weight[i] / sum. Preconditions: not empty, weights >= 0 with a positive sum.
class Discrete {
 public:
  explicit Discrete(const std::vector<double>& weights);
  std::size_t operator()(RandomStream& random) const;

 private:
  std::vector<double> cumulative_;
};

}  // namespace iommusim::base
