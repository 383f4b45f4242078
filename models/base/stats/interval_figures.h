// Figures of stretches of a measurement window, from metrics that only know the whole of it: what a time line shows.
//
// A counter gives what it gained, a mean or histogram the mean of the samples of the stretch (none: NaN), an occupancy
// its time-weighted mean, a formula and a ratio what they would have given over the stretch alone. Leaves out:
// percentiles of a stretch, as a histogram keeps no copies of itself.
#pragma once

#include <string>
#include <vector>

#include "models/base/stats/group.h"

namespace iommusim::base {

class IntervalFigures {
 public:
  struct Column {
    std::string path;  ///< as in result.json: "nfp.dma.throughput", "nfp.dma.read.latency.mean"
    std::string unit, description;
  };

  /// `paths`: which figures, in this order; empty: every rate, ratio, occupancy and latency of the tree. Throws
  /// UserError for a path that the tree has no figure for, naming one that it has. Metrics registered later are not
  /// seen.
  IntervalFigures(const Group& root, const std::vector<std::string>& paths);

  const std::vector<Column>& columns() const { return columns_; }
  /// A stretch begins: at the start, and after each reset of the tree.
  void restart(Time now);
  /// The stretch since restart() or the last call: a figure per column, NaN where there is none. A stretch begins.
  /// Precondition: time has passed.
  const std::vector<double>& take(Time now);

 private:
  struct Source {
    Group::Metric metric;          // a copy: a group moves its own when it gets more
    double amount = 0, whole = 0;  ///< so far at the stretch's start; `whole`: samples, or a ratio's denominator
  };
  struct Totals;
  Totals totals(const Source& source, Time now) const;

  const Group& root_;
  std::vector<Column> columns_;
  std::vector<Source> sources_;
  std::vector<double> figures_;
  Time start_;
};

}  // namespace iommusim::base
