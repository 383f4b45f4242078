// A spin lock between cores, served in order of arrival: the core that waits is busy. Its release is a fence, as an
// unlocking store is ordered behind the stores before it (Intel SDM volume 3, section 9.2.2).
#pragma once

#include <deque>
#include <exception>

#include "models/base/stats/group.h"
#include "models/host/cpu_config.h"
#include "models/host/cpu_core.h"

namespace iommusim::host {

class Lock {
 public:
  explicit Lock(const LockConfig& config) : config_(config) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Inside a task of `core`; not by the owner itself.
  void acquire(CpuCore& core);
  void release(CpuCore& core);

  /// Adds "<prefix>_acquisitions" and so on to a group of metrics.
  void register_stats(base::Group& group, const std::string& prefix, const std::string& what);
  std::uint64_t contended() const { return contended_.value(); }

  /// Holds the lock for a scope.
  class Guard {
   public:
    Guard(Lock& lock, CpuCore& core) : lock_(lock), core_(core), exceptions_(std::uncaught_exceptions()) {
      lock.acquire(core);
    }
    // An exception ends the run; a thread must not wait (the fence) while the stack unwinds.
    ~Guard() {
      if (std::uncaught_exceptions() == exceptions_) lock_.release(core_);
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Lock& lock_;
    CpuCore& core_;
    int exceptions_;
  };

 private:
  const LockConfig config_;
  CpuCore* owner_ = nullptr;
  base::Time handed_over_;  // when the owner may go on
  std::deque<CpuCore*> waiting_;
  base::Counter acquisitions_, contended_;
  base::Mean wait_time_;
};

}  // namespace iommusim::host
