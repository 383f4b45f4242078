#include "experiments/runner/stepper.h"

#include <algorithm>
#include <chrono>

namespace iommusim::runner {

using base::Time;
using Result = tlm::Scheduler::RunResult;

Result Stepper::slice_until(Time end) {
  while (next_look_ && next_look_() <= end) {
    const Time at = std::max(next_look_(), scheduler_.now());
    const Result result = scheduler_.run_until(at);
    if (result != Result::reached_limit) return result;
    look_(at);
  }
  return scheduler_.run_until(end);
}

Result Stepper::run_until(Time limit) {
  using Clock = std::chrono::steady_clock;
  while (scheduler_.now() < limit) {
    const Time left = limit - scheduler_.now();
    const auto start = Clock::now();
    const Result result = slice_until(scheduler_.now() + std::min(slice_, left));
    const auto taken = Clock::now() - start;
    if (taken < std::chrono::milliseconds(10) && slice_ < Time::ms(1000)) slice_ = slice_ * 2;
    if (taken > std::chrono::milliseconds(50) && slice_ > Time::ns(1)) slice_ = Time::ps(slice_.ps() / 2);
    between_();
    if (result != Result::reached_limit) return result;
  }
  return Result::reached_limit;
}

bool Stepper::run_while_not(const std::function<bool()>& done, Time limit) {
  while (!done()) {
    if (scheduler_.now() >= limit) return false;
    const Result result = slice_until(std::min(limit, scheduler_.now() + Time::ns(10)));
    between_();
    if (result == Result::idle) return done();
  }
  return true;
}

}  // namespace iommusim::runner
