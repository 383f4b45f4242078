#include "models/host/lock.h"

#include "models/tlm/error.h"

namespace iommusim::host {

void Lock::acquire(CpuCore& core) {
  ++acquisitions_;
  if (owner_ == nullptr) {
    owner_ = &core;
    return;
  }
  if (owner_ == &core) tlm::internal_error(core.name(), "takes a lock that it holds");
  ++contended_;
  const base::Time start = core.now();
  const CpuCore::Span span(core, "wait for lock");
  waiting_.push_back(&core);
  core.spin_until([&] { return owner_ == &core; });
  core.spend(handed_over_ - core.now());
  wait_time_.add(core.now() - start);
}

void Lock::release(CpuCore& core) {
  core.fence();
  if (owner_ != &core) tlm::internal_error(core.name(), "releases a lock that it does not hold");
  owner_ = nullptr;
  if (waiting_.empty()) return;
  owner_ = waiting_.front();
  waiting_.pop_front();
  handed_over_ = core.now() + config_.handover + config_.handover_per_spinner * waiting_.size();
  owner_->wake();
}

void Lock::register_stats(base::Group& group, const std::string& prefix, const std::string& what) {
  group.add(prefix + "_acquisitions", acquisitions_, "1", "Times the lock of " + what + " was taken");
  group.add(prefix + "_contended", contended_, "1", "Of these, times another core held it");
  group.add(prefix + "_wait", wait_time_, "ps", "Time a core spun for the lock of " + what + ", where another held it");
}

}  // namespace iommusim::host
