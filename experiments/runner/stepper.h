// Lets simulated time pass in slices short enough that signals and the progress bar are looked at several times a
// second. How time is sliced has no effect on what happens in it.
#pragma once

#include <functional>

#include "models/tlm/scheduler.h"

namespace iommusim::runner {

class Stepper {
 public:
  /// `between` is called after each slice; it may throw.
  Stepper(tlm::Scheduler& scheduler, std::function<void()> between)
      : scheduler_(scheduler), between_(std::move(between)) {}
  /// Stops by at each time that `next` names (Time::max(): none), before anything happens at it, and calls `look`.
  void look_at(std::function<base::Time()> next, std::function<void(base::Time)> look) {
    next_look_ = std::move(next);
    look_ = std::move(look);
  }

  /// Until `limit`, a stop() of the scheduler, or until nothing is left to happen.
  tlm::Scheduler::RunResult run_until(base::Time limit);
  /// Until `done()`, looked at every 10 ns of simulated time, or `limit`, or until nothing is left to happen; stop()
  /// has no effect. Returns whether it is done.
  bool run_while_not(const std::function<bool()>& done, base::Time limit);

 private:
  /// A slice that ends at `end`, or at the next look if that is earlier.
  tlm::Scheduler::RunResult slice_until(base::Time end);
  tlm::Scheduler& scheduler_;
  std::function<void()> between_;
  std::function<base::Time()> next_look_;
  std::function<void(base::Time)> look_;
  base::Time slice_ = base::Time::us(1);
};

}  // namespace iommusim::runner
