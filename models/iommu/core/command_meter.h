// When the commands in a queue were handed over, for queue depth and latencies: a tail write submits all it moves over.
#pragma once

#include <cstdint>

#include "models/base/stats/group.h"
#include "models/tlm/ring.h"

namespace iommusim::iommu {

class CommandMeter {
 public:
  /// The queue holds this many commands now, the one being carried out included. What is more than before has just
  /// been submitted; what is less was taken away by software (the queue was disabled).
  void observe(std::uint64_t commands, base::Time now) {
    while (submitted_.size() > commands) submitted_.pop();
    while (submitted_.size() < commands) submitted_.push(now);
    depth.set(now, commands);
  }
  /// The oldest is done; returns when it was submitted.
  base::Time completed(base::Time now) {
    const base::Time at = submitted_.empty() ? now : submitted_.pop();
    depth.set(now, submitted_.size());
    return at;
  }

  base::Occupancy depth;

 private:
  tlm::Ring<base::Time> submitted_;
};

}  // namespace iommusim::iommu
