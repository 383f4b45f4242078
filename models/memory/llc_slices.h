// The ports of the last-level cache: a line is looked up in the slice its address hashes to, one lookup at a time.
//
// Models: the spread of lines over slices (uniform also for power-of-two strides, as the published hash of Intel's
// slices is: Maurice et al., RAID 2015) and the occupancy of a slice's port. Leaves out: the way to a slice over the
// ring or mesh (part of the hit latency, the same for all), and a division of the capacity: the slices share one array.
#pragma once

#include <vector>

#include "models/base/stats/group.h"
#include "models/memory/memory_config.h"

namespace iommusim::mem {

class LlcSlices {
 public:
  explicit LlcSlices(const LlcConfig& config)
      : interval_(config.slice_interval), busy_until_(config.size.value() == 0 ? 0 : config.slices) {}

  /// Takes the port of the line's slice; calls come in order of `at`. Returns the wait for it.
  Time take(std::uint64_t line, Time at) {
    if (interval_ == Time() || busy_until_.empty()) return Time();
    Time& busy_until = busy_until_[slice_of(line)];
    const Time start = busy_until > at ? busy_until : at;
    busy_until = start + interval_;
    wait_.add(start - at);
    return start - at;
  }
  unsigned slice_of(std::uint64_t line) const {  // Fibonacci hashing, then the high bits scaled to the slices
    return static_cast<unsigned>((line * 0x9e3779b97f4a7c15u >> 32) * busy_until_.size() >> 32);
  }
  void add_stats(base::Group& group) {
    group.add("slice_wait", wait_, "ps", "Wait of a line for the port of its slice; empty if ports are unlimited");
  }

 private:
  Time interval_;
  std::vector<Time> busy_until_;  // by slice
  base::Mean wait_;
};

}  // namespace iommusim::mem
