// timeline.csv: a row of figures per interval of simulated time (models/base/stats/interval_figures.h). A row's time is
// its interval's end; the interval that the measurement window begins or ends in is cut there.
#pragma once

#include <ostream>
#include <string>

#include "experiments/runner/trace/trace_config.h"
#include "models/base/stats/interval_figures.h"

namespace iommusim::runner {

class Timeline {
 public:
  using Time = base::Time;
  /// At time 0, with the machine made. `out` outlives it.
  Timeline(const TimelineConfig& config, const base::Group& root, std::ostream& out);
  Time next() const { return next_; }
  /// Ends a row now, before what happens at this time, if time has passed since the last.
  void cut(Time now);
  /// The metrics have been reset: what comes counts from here. Throws UserError for a metric that has not appeared
  /// during the warm-up.
  void reset(Time now);
  /// No row after this; what has happened at this very time belongs to the last.
  void finish(Time now);

 private:
  void write();
  const Time interval_;
  base::IntervalFigures figures_;
  std::ostream& out_;
  Time last_, next_;
  std::vector<double> row_;  ///< that ends at last_, not written yet; empty: none
};

}  // namespace iommusim::runner
