// DRAM as a set of channels, each a serialiser with an access latency behind it.
//
// Models: address interleaving, first-come bandwidth per channel, a constant access latency. Leaves out: banks, rows,
// refresh, read-write turn-around, reordering. Calibrated by the idle latency at the memory port.
#pragma once

#include <vector>

#include "models/base/stats/group.h"
#include "models/base/units.h"
#include "models/memory/line.h"
#include "models/memory/memory_config.h"

namespace iommusim::mem {

class Dram {
 public:
  explicit Dram(const DramConfig& config);

  /// Transfers one line (by number, address / 64) arriving at `at`, later than all before it: the channel is taken from
  /// the time it is free for the line's transfer time. Returns when the access is done: `latency` after it got its
  /// channel.
  Time access(std::uint64_t line, Time at);

  unsigned channel_of(std::uint64_t line) const {
    return static_cast<unsigned>((line >> interleave_shift_) % channels_.size());
  }
  void add_stats(base::Group& group);

 private:
  struct Channel {
    Time busy_until;
    base::PsAccumulator transfer;
    base::Counter busy_ps;
  };
  Time latency_;
  unsigned interleave_shift_;  // of line numbers
  std::vector<Channel> channels_;
  base::Counter lines_;
  base::Mean wait_;
};

}  // namespace iommusim::mem
