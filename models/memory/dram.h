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

  /// Reads one line (by number, address / 64): returns when it is done, or Time() if it has to wait: `waits()` is
  /// called then and returns its ticket.
  template <class Waits>
  Time read(std::uint64_t line, Waits waits) {
    const DramMap::Local at = map_.local(line);
    return start(*channels_[at.channel], {at.line, 1}, waits);
  }
  /// Gathers a line to read. Lines come in ascending order; those of a channel become one
  /// access to it.
  void gather(std::uint64_t line);
  /// Reads what was gathered. Returns when the last line is done of what could start at once, and Time() if nothing
  /// could; `waits()` is called for each access that has to wait and returns its ticket.
  template <class Waits>
  Time read_gathered(Waits waits);
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
  struct Part {
    unsigned channel;
    DramChannel::Run run;
  };
  template <class Waits>
  static Time start(DramChannel& channel, DramChannel::Run run, Waits waits) {
    const Time done = channel.read(run);
    if (run.lines == 0) return done;
    channel.wait(run, done, waits());
    return Time();
  }
  DramConfig config_;
  DramMap map_;
  std::vector<std::unique_ptr<DramChannel>> channels_;
  std::vector<Part> parts_;            // gathered
  std::vector<std::uint32_t> newest_;  // by channel: index + 1 of its newest part
};

template <class Waits>
Time Dram::read_gathered(Waits waits) {
  Time done;
  for (const Part& part : parts_) {
    newest_[part.channel] = 0;
    const Time at = start(*channels_[part.channel], part.run, waits);
    if (at > done) done = at;
  }
  parts_.clear();
  return done;
}

}  // namespace iommusim::mem
