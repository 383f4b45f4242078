// Confidence intervals and tests of means (Student, Welch).
#pragma once

#include <cstddef>
#include <vector>

namespace iommusim::runner {

/// Of a sample: its size, mean and standard deviation (n - 1 in the denominator; 0 for one value).
struct Sample {
  std::size_t count = 0;
  double mean = 0, deviation = 0;
};
Sample sample_of(const std::vector<double>& values);

/// Half the width of the confidence interval of the mean, Student's t with n - 1 degrees of freedom. `confidence` is 0
/// to 1, exclusive. Infinite for fewer than two values.
double half_width(const Sample& sample, double confidence);

/// Two-sided probability that two means differ as much by chance: Welch's t-test, degrees of freedom by Satterthwaite.
/// NaN for fewer than two values of either; 0 or 1 when neither varies.
double welch_p(const Sample& a, const Sample& b);

/// Adjusts p-values of as many tests so that all of them hold together (Holm's step-down procedure); NaN stays NaN and
/// counts as no test.
std::vector<double> holm(const std::vector<double>& p);

}  // namespace iommusim::runner
