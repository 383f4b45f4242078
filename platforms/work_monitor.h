// Counts what workloads complete, and ends the simulator's run at the DMA asked for or when all of them have finished.
#pragma once

#include <cstdint>
#include <memory>

#include "models/endpoints/workload.h"
#include "models/tlm/scheduler.h"

namespace iommusim::platforms {

/// Stops the scheduler in the middle of an instant: the moment is exact and does not depend on how the run is sliced.
class WorkMonitor {
 public:
  explicit WorkMonitor(tlm::Scheduler& scheduler) : scheduler_(scheduler) {}

  /// Puts a counter around a workload, to be driven in its place.
  std::unique_ptr<ep::Workload> watch(std::unique_ptr<ep::Workload> workload);

  /// Something else that finishes by itself (a trace): it calls one_finished() when it has.
  void expect() { ++watched_; }
  void one_finished();

  /// DMAs of watched workloads whose requester has been told that they are done, since the start.
  std::uint64_t completed() const { return completed_; }
  /// Everything expected has finished: every watched workload has said that it has no more, and all it started is done.
  /// False if there is none.
  bool finished() const { return watched_ > 0 && finished_ == watched_; }
  /// Stops the scheduler when `completed()` reaches this; 0: never.
  void stop_at(std::uint64_t completed) { stop_at_ = completed; }
  bool reached() const { return stop_at_ != 0 && completed_ >= stop_at_; }

 private:
  class Watched;
  void one_done();

  tlm::Scheduler& scheduler_;
  std::uint64_t completed_ = 0;
  std::uint64_t stop_at_ = 0;
  std::size_t watched_ = 0;
  std::size_t finished_ = 0;
};

}  // namespace iommusim::platforms
