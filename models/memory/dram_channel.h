// One DRAM channel: banks with open rows, a data bus, a scheduler and a write buffer.
//
// Models: activate, precharge and column timing per bank (JEDEC JESD79-4: tRCD, tRP, tRAS, tRTP, write recovery), the
// data bus as one serialiser with turn-around gaps, refresh of the whole channel (optional). Reads: of those waiting,
// row hits first, then the oldest whose bank can start now (FR-FCFS: Rixner et al., ISCA 2000). Once `bypass_limit`
// younger ones have passed the oldest, none may use its bank before it, and it is next when its bank can start. Writes
// are answered when the write buffer takes them; they leave it in one drain down to the low watermark, and before the
// next drain waiting reads have their turn: as many lines as the drain wrote.
//
// An access is started (its commands fixed, its time known) one activate time ahead of the data bus: an access to a
// channel that can start it at once costs no event; while accesses wait there is one event, at the time the next can
// start. The lines of one request start together, but for those whose bank would keep the bus waiting: they wait.
//
// Leaves out: command bus, tRRD, tFAW and bank groups (all slower than the data bus only in bursts to one group or
// rank), rank-to-rank switching, forwarding from the write buffer to reads, read-modify-write of part lines, a drain
// for the sake of an idle bus, power-down. An access under way when a refresh is due delays neither.
#pragma once

#include <string>
#include <vector>

#include "models/base/stats/group.h"
#include "models/base/units.h"
#include "models/memory/dram_config.h"
#include "models/memory/dram_map.h"
#include "models/tlm/delegate.h"
#include "models/tlm/ring.h"
#include "models/tlm/timer.h"

namespace iommusim::mem {

/// Names a waiting access to whoever sent it.
using Ticket = std::uint32_t;
constexpr Ticket kNoTicket = ~Ticket{0};  ///< nobody waits for it: a write-back

class DramChannel {
 public:
  /// Told of each waiting access when it is started (reads) or has entered the buffer (writes): it is done at `done`.
  using Finish = tlm::Delegate<void(Ticket, Time done)>;

  /// `number` of `config.channels`: refreshes of the channels are spread over the interval.
  DramChannel(const DramConfig& config, const DramMap& map, tlm::Scheduler& scheduler, const std::string& name,
              unsigned number, Finish finish);

  /// A read of several lines of the channel: bit i of `lines` is its local line first + i.
  struct Run {
    std::uint64_t first = 0;
    std::uint64_t lines = 0;
  };
  static constexpr unsigned kRunLines = 64;
  /// Starts those lines that can start at once and takes them out of the run. Returns when the last of them is done
  /// (Time() if there is none); a run that is not empty then has to wait().
  Time read(Run& run);
  /// Queues the run; `finish` is called for it with a time not before `done`, possibly before this returns.
  void wait(Run run, Time done, Ticket ticket);
  /// Writes a local line. Returns when it is done if the buffer has_room(); else Time::max(), and `finish` is called
  /// when the line has found room, unless the ticket is kNoTicket.
  Time write(std::uint64_t line, Ticket ticket);
  bool has_room() const { return writes_.size() < config_.scheduler.writes && writes_outside_.empty(); }

  /// Reads that wait, lines in the write buffer.
  std::size_t waiting() const { return window_.size() + outside_.size(); }
  std::size_t buffered() const { return writes_.size(); }
  void add_stats(base::Group& group);

 private:
  using Place = DramMap::Place;
  struct Bank {
    bool open = false;
    std::uint64_t row = 0;
    Time activated;     // the row that is open
    Time precharge_at;  // open: the precharge not before
    Time activate_at;   // closed: the next activate not before
  };
  struct Read {
    Run run;
    Ticket ticket = kNoTicket;
    unsigned bypassed = 0;  // younger ones served before it
    Time arrived;
    Time done;      // of its lines started so far
    Place place{};  // of its first line not started
  };
  struct Write {
    Place place{};
    Ticket ticket = kNoTicket;
  };

  void advance();
  Time not_before() {
    const Time at = bus_free_ > lead_ ? bus_free_ - lead_ : Time();
    return config_.timing.t_refi == Time() ? at : after_refresh(at);
  }
  Time after_refresh(Time at);
  Time ready(Place place) const;
  bool hit(Place place) const { return banks_[place.bank].open && banks_[place.bank].row == place.row; }
  bool drain_due() const {
    return writes_.size() >= config_.scheduler.drain_at && (window_.empty() || reads_owed_ == 0);
  }
  std::size_t choose_read(Time& soonest) const;
  std::size_t choose_write() const;
  Time start(Run& run, Place place);
  void start_waiting(std::size_t i);
  Place place_of(const Run& run) const { return map_.place(run.first + first_of(run.lines)); }
  static unsigned first_of(std::uint64_t lines) { return static_cast<unsigned>(__builtin_ctzll(lines)); }
  void drain();
  Time transfer(Place place, bool write, bool keep_open);
  bool keep_open(Place place) const {
    return config_.page_policy == PagePolicy::open || (!window_.empty() && wanted(place));
  }
  bool wanted(Place place) const;
  Time now() const { return scheduler_.now(); }

  const DramConfig& config_;
  const DramMap& map_;
  tlm::Scheduler& scheduler_;
  Finish finish_;
  Time row_hit_latency_;  // column command to response at the port
  Time lead_;             // an access is started so long before the data bus is free
  std::vector<Bank> banks_;
  unsigned open_rows_ = 0;
  Time bus_free_;  // the next column command not before
  base::PsAccumulator slot_;
  bool writing_ = false;  // last use of the bus
  Time refresh_stagger_;
  std::uint64_t refreshes_ = 0;

  std::vector<Read> window_;        // oldest first
  const Read* starting_ = nullptr;  // the one in it that is being started
  tlm::Ring<Read> outside_;         // younger than those
  std::vector<Write> writes_;
  tlm::Ring<Write> writes_outside_;
  std::size_t reads_owed_ = 0;  // lines that waiting reads may have before the next drain
  tlm::Timer free_;

  base::Counter busy_ps_, row_hits_, row_misses_, row_conflicts_, turnarounds_, drains_, read_lines_, written_lines_;
  base::Mean wait_;
  base::Occupancy depth_;
};

}  // namespace iommusim::mem
