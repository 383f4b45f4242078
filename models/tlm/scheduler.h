// When things happen. Every timed action of our models is a stage: a callback with a number, called at the times it was
// scheduled for. Simulated time is SystemC's; what this adds is an order of events of the same picosecond that does not
// depend on what else exists, and one kernel event instead of thousands.
//
// Two implementations behind this one interface: `wheel` keeps all entries in a radix heap and arms a single sc_event
// for the earliest; `stage_events` gives each stage its own sc_event. Both call stages in the same order: (time, stage
// number). Measured with bench/floor; the wheel is the default.
//
// Left out: the order against foreign SystemC processes active in the same picosecond, which is the kernel's to choose.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "models/base/types.h"
#include "models/tlm/delegate.h"
#include "models/tlm/radix_heap.h"

namespace iommusim::tlm {

using base::Time;

/// A picosecond count as SystemC's time (resolution 1 ps, checked by the Scheduler's constructor).
inline ::sc_core::sc_time to_sc_time(Time t) { return ::sc_core::sc_time::from_value(t.ps()); }
inline Time from_sc_time(const ::sc_core::sc_time& t) { return Time::ps(t.value()); }

/// Number of a stage; stages of equal time run in ascending number, which is the order they were added in.
enum class StageId : std::uint32_t {};

class Scheduler : public ::sc_core::sc_module {
 public:
  enum class Kind { wheel, stage_events };
  enum class RunResult {
    reached_limit,  ///< simulated time is the limit; entries at or after it are still pending
    stopped,        ///< stop() was called
    idle            ///< nothing is pending, in SystemC as a whole; time stays that of the last event
  };

  /// Errors: an internal error if SystemC's time resolution is not 1 ps.
  explicit Scheduler(Kind kind = Kind::wheel, ::sc_core::sc_module_name name = "scheduler");
  ~Scheduler() override;

  Kind implementation() const { return kind_; }
  Time now() const { return dispatching_ ? now_ : from_sc_time(::sc_core::sc_time_stamp()); }

  /// Adds a stage, during elaboration only. `name` is for messages.
  StageId add_stage(std::string name, Delegate<void()> run);

  /// Calls the stage once at time `at`, from now on. At the present time it runs later in this same instant: among what
  /// is due then, lower stage numbers first. Several entries of one stage and one time are as many calls.
  void schedule(StageId stage, Time at) {
    const Time t = now();
    if (at <= t) {
      if (at < t) refuse_past(stage, at);
      push_due(stage);
      if (!dispatching_) arm_now();
    } else if (kind_ == Kind::wheel) {
      wheel_.push(at.ps(), static_cast<std::uint32_t>(stage));
      if (!dispatching_ && at < armed_) arm(at);
    } else {
      schedule_stage_event(stage, at);
    }
  }

  /// From within a stage's call: lets the SystemC processes just notified run now, before the next due stage of this
  /// instant.
  void yield() { yield_ = true; }

  /// Runs until `limit` (what is pending at the limit itself does not run), until stop(), or until nothing is left to
  /// happen. May be called again to go on.
  RunResult run_until(Time limit);
  /// From within a stage's call: ends run_until() after this call, before anything else happens.
  void stop();

  /// Kernel activations spent on scheduling: wake-ups of the wheel, or stage events plus dispatches.
  std::uint64_t kernel_events() const { return kernel_events_; }
  /// Stage calls made.
  std::uint64_t dispatches() const { return dispatches_; }
  const std::string& stage_name(StageId stage) const { return names_[static_cast<std::uint32_t>(stage)]; }

 private:
  class StageEvent;  // one sc_event and the times its stage is scheduled for

  static bool pending();
  void dispatch();
  void push_due(StageId stage) {
    due_.push_back(static_cast<std::uint32_t>(stage));
    if (due_.size() > 1) std::push_heap(due_.begin(), due_.end(), std::greater<>());
  }
  std::uint32_t pop_due() {
    if (due_.size() > 1) std::pop_heap(due_.begin(), due_.end(), std::greater<>());
    const std::uint32_t stage = due_.back();
    due_.pop_back();
    return stage;
  }
  void arm(Time at);
  void arm_now();
  void schedule_stage_event(StageId stage, Time at);
  [[noreturn]] void refuse_past(StageId stage, Time at) const;

  Kind kind_;
  bool dispatching_ = false;
  bool yield_ = false;
  bool stopped_ = false;
  Time now_;
  Time armed_ = Time::max();        // what wake_ is pending for
  std::vector<std::uint32_t> due_;  // stages to run at the present time: a min-heap
  RadixHeap wheel_;
  std::vector<Delegate<void()>> stages_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<StageEvent>> stage_events_;
  ::sc_core::sc_event wake_;
  std::uint64_t kernel_events_ = 0;
  std::uint64_t dispatches_ = 0;
};

}  // namespace iommusim::tlm
