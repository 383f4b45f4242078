#include "models/tlm/scheduler.h"

#include <algorithm>

#include "models/tlm/error.h"

namespace iommusim::tlm {

using ::sc_core::sc_time;

// The stage_events implementation: an event that only marks its stage due. The stages run one delta cycle later,
// together and in order; run at once they would come in the order the kernel happens to keep its events.
class Scheduler::StageEvent : public ::sc_core::sc_module {
 public:
  StageEvent(::sc_core::sc_module_name name, Scheduler& scheduler, StageId stage)
      : sc_module(name), scheduler_(scheduler), stage_(stage) {
    SC_HAS_PROCESS(StageEvent);
    SC_METHOD(fire);
    sensitive << event_;
    dont_initialize();
  }
  void push(Time at) {
    times_.push_back(at.ps());
    std::push_heap(times_.begin(), times_.end(), std::greater<>());
    if (times_.front() < armed_) arm();
  }

 private:
  void arm() {
    armed_ = times_.front();
    event_.notify(to_sc_time(Time::ps(armed_) - scheduler_.now()));
  }
  void fire() {
    ++scheduler_.kernel_events_;
    armed_ = RadixHeap::kNever;
    const std::uint64_t now = scheduler_.now().ps();
    while (!times_.empty() && times_.front() == now) {
      std::pop_heap(times_.begin(), times_.end(), std::greater<>());
      times_.pop_back();
      scheduler_.push_due(stage_);
    }
    if (!times_.empty()) arm();
    scheduler_.arm_now();
  }

  Scheduler& scheduler_;
  StageId stage_;
  ::sc_core::sc_event event_;
  std::vector<std::uint64_t> times_;  // a min-heap
  std::uint64_t armed_ = RadixHeap::kNever;
};

Scheduler::Scheduler(Kind kind, ::sc_core::sc_module_name name) : sc_module(name), kind_(kind) {
  if (::sc_core::sc_get_time_resolution() != sc_time(1, ::sc_core::SC_PS)) {
    internal_error(this->name(), "the time resolution must be 1 ps");
  }
  SC_HAS_PROCESS(Scheduler);
  SC_METHOD(dispatch);
  sensitive << wake_;
  dont_initialize();
}

Scheduler::~Scheduler() = default;

StageId Scheduler::add_stage(std::string name, Delegate<void()> run) {
  if (::sc_core::sc_is_running()) internal_error(this->name(), "stage '" + name + "' is added after elaboration");
  const auto stage = static_cast<StageId>(stages_.size());
  stages_.push_back(run);
  names_.push_back(std::move(name));
  if (kind_ == Kind::stage_events) {
    const std::string event_name = std::string(this->basename()) + "_stage";
    stage_events_.push_back(
        std::make_unique<StageEvent>(::sc_core::sc_gen_unique_name(event_name.c_str()), *this, stage));
  }
  return stage;
}

void Scheduler::dispatch() {
  ++kernel_events_;
  now_ = from_sc_time(::sc_core::sc_time_stamp());
  armed_ = Time::max();
  yield_ = false;
  dispatching_ = true;
  wheel_.take(now_.ps(), [this](std::uint32_t stage) { push_due(static_cast<StageId>(stage)); });
  while (!due_.empty() && !yield_) {
    ++dispatches_;
    stages_[pop_due()]();
  }
  dispatching_ = false;
  if (!due_.empty()) {
    arm_now();
  } else if (const std::uint64_t next = wheel_.min(); next != RadixHeap::kNever) {
    arm(Time::ps(next));
  }
}

void Scheduler::arm(Time at) {
  armed_ = at;
  wake_.notify(to_sc_time(at - now()));
}

void Scheduler::arm_now() {
  const Time t = now();
  if (armed_ == t) return;
  armed_ = t;
  wake_.notify(::sc_core::SC_ZERO_TIME);
}

void Scheduler::schedule_stage_event(StageId stage, Time at) {
  stage_events_[static_cast<std::uint32_t>(stage)]->push(at);
}

void Scheduler::refuse_past(StageId stage, Time at) const {
  internal_error(stage_name(stage), "scheduled for " + std::to_string(at.ps()) + " ps, which is past");
}

void Scheduler::stop() {
  stopped_ = true;
  yield_ = true;
  ::sc_core::sc_pause();
}

Scheduler::RunResult Scheduler::run_until(Time limit) {
  stopped_ = false;
  if (limit <= now()) return pending() ? RunResult::reached_limit : RunResult::idle;
  // A kernel asked to stop when nothing is left neither moves its time to a limit before the next event nor may be
  // started with nothing to do within the limit (it would warn). Before initialisation what is pending is not known, so
  // it is started anyway.
  const bool initialised = ::sc_core::sc_get_status() != ::sc_core::SC_ELABORATION;
  if (initialised && !pending()) return RunResult::idle;
  if (!initialised || ::sc_core::sc_time_to_pending_activity() <= to_sc_time(limit - now())) {
    ::sc_core::sc_start(to_sc_time(limit - now()), ::sc_core::SC_EXIT_ON_STARVATION);
  }
  if (stopped_) return RunResult::stopped;
  if (!pending()) return RunResult::idle;
  if (now() < limit) ::sc_core::sc_start(to_sc_time(limit - now()), ::sc_core::SC_RUN_TO_TIME);
  return RunResult::reached_limit;
}

bool Scheduler::pending() { return ::sc_core::sc_pending_activity(); }

}  // namespace iommusim::tlm
