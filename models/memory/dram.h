// The DRAM of one node: channels behind an address map. See dram_channel.h for what is modelled.
#pragma once

#include <memory>
#include <vector>

#include "models/memory/dram_channel.h"

namespace iommusim::mem {

class Dram {
 public:
  Dram(const DramConfig& config, tlm::Scheduler& scheduler, const std::string& name, DramChannel::Finish finish);
  Dram(const Dram&) = delete;
  Dram& operator=(const Dram&) = delete;

  /// Gathers a line (by number, address / 64) to read. Neighbours of one channel become one access to it.
  void gather(std::uint64_t line);
  /// Starts what was gathered. Returns when the last line is done of what could start at once (Time() if nothing
  /// could); `waits()` is called for each access that has to wait and returns its ticket.
  template <class Waits>
  Time start(Waits waits);
  /// Writes one line: see DramChannel::write(). `waits()` gives the ticket if the write has to wait.
  template <class Waits>
  Time write(std::uint64_t line, Waits waits) {
    const DramMap::Local at = map_.local(line);
    DramChannel& channel = *channels_[at.channel];
    return channel.write(at.line, channel.has_room() ? kNoTicket : waits());
  }

  DramChannel& channel(unsigned i) { return *channels_[i]; }
  const DramMap& map() const { return map_; }
  void add_stats(base::Group& group);

 private:
  struct Run {
    unsigned channel;
    std::uint64_t first;
    unsigned lines;
  };
  DramConfig config_;
  DramMap map_;
  std::vector<std::unique_ptr<DramChannel>> channels_;
  std::vector<Run> runs_;              // gathered
  std::vector<std::uint32_t> newest_;  // by channel: index + 1 of its newest run in runs_
};

template <class Waits>
Time Dram::start(Waits waits) {
  Time done;
  for (const Run& run : runs_) {
    newest_[run.channel] = 0;
    DramChannel& channel = *channels_[run.channel];
    const Time at = channel.read(run.first, run.lines);
    if (at == Time::max()) {
      channel.wait(run.first, run.lines, waits());
    } else if (at > done) {
      done = at;
    }
  }
  runs_.clear();
  return done;
}

}  // namespace iommusim::mem
