// How many replications a point gets.
#pragma once

#include <vector>

namespace iommusim::runner {

constexpr unsigned kMostReplications = 100000;  ///< of a point

struct ReplicationRule {
  unsigned count = 1;  ///< replications before the rule is first asked
  bool until = false;  ///< the rest applies
  double within = 0, confidence = 0.95;
  unsigned batch = 1, at_most = 1;
};

/// How many replications a point has in all as far as `values` tell: those of the metric at replications 0, 1, ... that
/// are done without a gap. The rule is asked at ends of whole batches only and in the order of seeds, so that the
/// answer does not depend on which run finished first. A value that is no number ends the point.
unsigned replications_planned(const ReplicationRule& rule, const std::vector<double>& values);

}  // namespace iommusim::runner
