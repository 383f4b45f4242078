#include "models/memory/dram.h"

namespace iommusim::mem {

Dram::Dram(const DramConfig& config)
    : latency_(config.latency),
      interleave_shift_(static_cast<unsigned>(__builtin_ctzll(config.interleave.value() / kLineBytes))),
      channels_(config.channels, Channel{Time(), base::PsAccumulator(config.bandwidth.per_byte()), {}}) {}

Time Dram::access(std::uint64_t line, Time at) {
  Channel& channel = channels_[channel_of(line)];
  Time start = channel.busy_until;
  if (at > start) {  // it was idle: the next transfer begins on a whole picosecond
    start = at;
    channel.transfer.restart();
  }
  const Time transfer = channel.transfer.take(kLineBytes);
  channel.busy_until = start + transfer;
  channel.busy_ps += transfer.ps();
  ++lines_;
  wait_.add(start - at);
  return start + latency_;
}

void Dram::add_stats(base::Group& group) {
  group.add("lines", lines_, "1", "64-byte lines transferred, write-backs included");
  group.add("wait", wait_, "ps", "Wait of a line for its channel");
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    group.add("channel" + std::to_string(i) + "_busy", channels_[i].busy_ps, "ps", "Time the channel transfers data");
  }
}

}  // namespace iommusim::mem
