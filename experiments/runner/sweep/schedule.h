// In which order a sweep runs what: points in the study's order, each with as many replications as its rule asks for.
#pragma once

#include <cmath>
#include <deque>
#include <functional>
#include <vector>

#include "experiments/runner/sweep/layout.h"
#include "experiments/runner/sweep/replications.h"

namespace iommusim::runner {

/// Decides from results alone, not from when they come, so that the runs of a sweep are the same for every number of
/// processes.
class Schedule {
 public:
  /// `existing(id, value)`: whether a run has a result already, and the value its rule asks for.
  Schedule(const ReplicationRule& rule, std::vector<std::size_t> points,
           std::function<bool(RunId, double& value)> existing);

  bool empty() const { return queue_.empty(); }
  RunId next();
  /// A run of this schedule is done; `value` is what the rule asks for (NaN: the run failed).
  void ended(RunId id, double value);
  /// Puts a failed run at the end of the queue again.
  void again(RunId id) { queue_.push_back(id); }

  std::size_t planned() const { return planned_; }    ///< runs known of so far, those that exist included
  std::size_t existing() const { return existing_; }  ///< of them: had a result already

 private:
  struct Point {
    unsigned planned = 0, ended = 0;
    std::vector<double> values;
  };
  void extend(std::size_t index);
  void note(Point& point, unsigned replication, double value);
  ReplicationRule rule_;
  std::vector<std::size_t> ids_;
  std::vector<Point> points_;
  std::vector<std::size_t> index_;  // of a point's number in points_
  std::function<bool(RunId, double&)> exists_;
  std::deque<RunId> queue_;
  std::size_t planned_ = 0, existing_ = 0;
};

}  // namespace iommusim::runner
