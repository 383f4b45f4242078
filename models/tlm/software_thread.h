// Waiting, for the SC_THREADs in which software is modelled. A thread that waits through the scheduler wakes at its
// place in the (time, stage) order, so software and hardware of the same picosecond never race.
#pragma once

#include <string>
#include <systemc>
#include <utility>

#include "models/tlm/scheduler.h"
#include "models/tlm/timer.h"

namespace iommusim::tlm {

/// One thread's waiting place: a module member, one per SC_THREAD, made during elaboration. One stage of the scheduler.
class ThreadWaiter {
 public:
  ThreadWaiter(Scheduler& scheduler, std::string name)
      : scheduler_(scheduler), timer_(scheduler, std::move(name), delegate<&ThreadWaiter::fire>(this)) {}

  /// Blocks the calling SC_THREAD until time `at` (not past). At the present time: until later in this instant.
  void wait_until(Time at) {
    wake_at(at);
    wait_woken();
  }
  void wait_for(Time duration) { wait_until(scheduler_.now() + duration); }
  /// Blocks the calling SC_THREAD until somebody calls wake_at() or wake(), or has done so since the thread last
  /// waited.
  void wait_woken() {
    while (!woken_) ::sc_core::wait(event_);
    woken_ = false;
  }
  /// Wakes the thread at `at`, or at an earlier time already asked for.
  void wake_at(Time at) {
    if (!timer_.armed() || at < timer_.due()) timer_.arm(at);
  }
  /// Wakes the thread later in this instant.
  void wake() { wake_at(scheduler_.now()); }

 private:
  void fire() {
    woken_ = true;
    event_.notify();
    scheduler_.yield();  // the thread runs before the next stage does
  }

  Scheduler& scheduler_;
  Timer timer_;
  ::sc_core::sc_event event_;
  bool woken_ = false;
};

}  // namespace iommusim::tlm
