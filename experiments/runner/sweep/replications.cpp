#include "experiments/runner/sweep/replications.h"

#include <algorithm>
#include <cmath>

#include "experiments/runner/sweep/statistics.h"

namespace iommusim::runner {

unsigned replications_planned(const ReplicationRule& rule, const std::vector<double>& values) {
  unsigned planned = rule.count;
  if (!rule.until) return planned;
  while (values.size() >= planned && planned < rule.at_most) {
    const Sample sample = sample_of({values.begin(), values.begin() + planned});
    if (!std::isfinite(sample.mean) || half_width(sample, rule.confidence) <= rule.within * std::fabs(sample.mean))
      return planned;
    planned = std::min(planned + rule.batch, rule.at_most);
  }
  return planned;
}

}  // namespace iommusim::runner
