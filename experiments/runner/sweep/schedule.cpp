#include "experiments/runner/sweep/schedule.h"

#include <algorithm>
#include <limits>

namespace iommusim::runner {

Schedule::Schedule(const ReplicationRule& rule, std::vector<std::size_t> points,
                   std::function<bool(RunId, double&)> existing)
    : rule_(rule), ids_(std::move(points)), points_(ids_.size()), exists_(std::move(existing)) {
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (index_.size() <= ids_[i]) index_.resize(ids_[i] + 1);
    index_[ids_[i]] = i;
    extend(i);
  }
}

RunId Schedule::next() {
  const RunId id = queue_.front();
  queue_.pop_front();
  return id;
}

void Schedule::note(Point& point, unsigned replication, double value) {
  ++point.ended;
  if (!rule_.until) return;
  if (point.values.size() <= replication) point.values.resize(replication + 1);
  point.values[replication] = value;
}

void Schedule::extend(std::size_t index) {
  Point& point = points_[index];
  while (point.ended == point.planned) {  // only whole batches decide
    const unsigned wanted = replications_planned(rule_, point.values);
    if (wanted == point.planned) return;
    for (unsigned r = point.planned; r < wanted; ++r) {
      double value = std::numeric_limits<double>::quiet_NaN();
      ++planned_;
      if (exists_({ids_[index], r}, value)) {
        ++existing_;
        note(point, r, value);
      } else {
        queue_.push_back({ids_[index], r});
      }
    }
    point.planned = wanted;
  }
}

void Schedule::ended(RunId id, double value) {
  const std::size_t index = index_[id.point];
  note(points_[index], id.replication, value);
  extend(index);
}

}  // namespace iommusim::runner
