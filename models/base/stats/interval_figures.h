// Figures of stretches of a measurement window, from metrics that only know the whole of it: what a time line shows.
//
// A counter gives what it gained, a mean or histogram the mean of the samples of the stretch (none: NaN), an occupancy
// its time-weighted mean, a formula and a ratio what they would have given over the stretch alone. Leaves out:
// percentiles of a stretch, as a histogram keeps no copies of itself.
#pragma once

#include <optional>
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

  /// `paths`: which figures, in this order; empty: every rate, ratio, occupancy and latency that the tree has now. Some
  /// metrics appear with what they count (those of a requester): see resolve().
  IntervalFigures(const Group& root, const std::vector<std::string>& paths);
  /// Looks for figures asked for that the tree had not before.
  void resolve();
  /// Throws UserError for a path that the tree has no figure for, naming one that it has.
  void require() const;

  const std::vector<Column>& columns() const { return columns_; }
  /// A stretch begins: at the start, and after each reset of the tree.
  void restart(Time now);
  /// The stretch since restart() or the last call: a figure per column, NaN where there is none. A stretch begins.
  /// Precondition: time has passed.
  const std::vector<double>& take(Time now);
  /// The stretch that the last take() ended at `now`, again, with what has happened at that very time since.
  const std::vector<double>& retake(Time now);

 private:
  struct Source {
    std::optional<Group::Metric> metric;  // a copy: a group moves its own when it gets more; none: not there yet
    double amount = 0, whole = 0;         ///< so far at the stretch's start; `whole`: samples, or a ratio's denominator
    double amount_before = 0, whole_before = 0;  ///< the same of the stretch before it
  };
  struct Totals;
  template <class F>
  void for_each_figure(const F& visit) const;
  Totals totals(const Source& source, Time now) const;

  const Group& root_;
  std::vector<Column> columns_;
  std::vector<Source> sources_;
  std::vector<double> figures_;
  Time start_, start_before_;
};

}  // namespace iommusim::base
