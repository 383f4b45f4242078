// One pending wake-up that can be moved or withdrawn.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/tlm/scheduler.h"

namespace iommusim::tlm {

/// Calls `run` once at the time it is armed for. One stage of the scheduler.
class Timer {
 public:
  Timer(Scheduler& scheduler, std::string name, Delegate<void()> run)
      : scheduler_(scheduler), run_(run), stage_(scheduler.add_stage(std::move(name), delegate<&Timer::fire>(this))) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Sets the wake-up to `at` (not past), replacing one that is pending.
  void arm(Time at) {
    due_ = at;
    if (entries_.empty() || at < entries_.back()) {
      entries_.push_back(at);
      scheduler_.schedule(stage_, at);
    }
  }
  void cancel() { due_ = Time::max(); }
  bool armed() const { return due_ != Time::max(); }
  /// What it is armed for; Time::max() if it is not.
  Time due() const { return due_; }

 private:
  void fire() {
    const Time now = entries_.back();
    entries_.pop_back();
    if (due_ == now) {
      due_ = Time::max();
      run_();
    } else if (due_ != Time::max() && (entries_.empty() || due_ < entries_.back())) {
      arm(due_);  // it was moved to later
    }
  }

  Scheduler& scheduler_;
  Delegate<void()> run_;
  StageId stage_;
  Time due_ = Time::max();
  std::vector<Time> entries_;  // what the scheduler holds for this stage, earliest last: entries cannot be taken back
};

}  // namespace iommusim::tlm
