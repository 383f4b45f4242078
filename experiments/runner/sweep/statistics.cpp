#include "experiments/runner/sweep/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace iommusim::runner {

Sample sample_of(const std::vector<double>& values) {
  Sample s;
  double squares = 0;
  for (const double v : values) {  // Welford: no loss of digits when the spread is small beside the mean
    const double before = v - s.mean;
    s.mean += before / static_cast<double>(++s.count);
    squares += before * (v - s.mean);
  }
  if (s.count > 1) s.deviation = std::sqrt(squares / static_cast<double>(s.count - 1));
  return s;
}

double half_width(const Sample& s, double confidence) {
  if (s.count < 2) return std::numeric_limits<double>::infinity();
  const boost::math::students_t_distribution<double> t(static_cast<double>(s.count - 1));
  return boost::math::quantile(complement(t, (1 - confidence) / 2)) * s.deviation /
         std::sqrt(static_cast<double>(s.count));
}

double welch_p(const Sample& a, const Sample& b) {
  if (a.count < 2 || b.count < 2) return std::numeric_limits<double>::quiet_NaN();
  const double na = static_cast<double>(a.count), nb = static_cast<double>(b.count);
  const double va = a.deviation * a.deviation / na, vb = b.deviation * b.deviation / nb;
  if (va + vb == 0) return a.mean == b.mean ? 1 : 0;
  const double freedom = (va + vb) * (va + vb) / (va * va / (na - 1) + vb * vb / (nb - 1));
  const boost::math::students_t_distribution<double> t(freedom);
  return 2 * cdf(complement(t, std::fabs(a.mean - b.mean) / std::sqrt(va + vb)));
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted = p;
  double least = 0;  // a later test is never more certain than an earlier one
  for (std::size_t i = 0; i < order.size(); ++i) {
    least = std::max(least, std::min(1.0, static_cast<double>(order.size() - i) * p[order[i]]));
    adjusted[order[i]] = least;
  }
  return adjusted;
}

}  // namespace iommusim::runner
