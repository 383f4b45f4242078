#include "models/memory/dram_channel.h"

#include <algorithm>

namespace iommusim::mem {

DramChannel::DramChannel(const DramConfig& config, const DramMap& map, tlm::Scheduler& scheduler,
                         const std::string& name, unsigned number, Finish finish)
    : config_(config),
      map_(map),
      scheduler_(scheduler),
      finish_(finish),
      row_hit_latency_(config.latency - config.timing.t_rcd),
      lead_(config.timing.t_rcd + (config.page_policy == PagePolicy::open ? config.timing.t_rp : Time())),
      banks_(config.banks),
      slot_(config.bandwidth.per_byte()),
      refresh_stagger_(Time::ps(config.timing.t_refi.ps() * number / config.channels)),
      free_(scheduler, name, tlm::delegate<&DramChannel::advance>(this)) {
  window_.reserve(config.scheduler.reads);
  writes_.reserve(config.scheduler.writes);
}

Time DramChannel::read(Run& run) {
  const Place place = place_of(run);
  const Time t = now();
  if (!window_.empty() || drain_due() || not_before() > t || ready(place) > t) return Time();
  const Time done = start(run, place);
  if (run.lines == 0) wait_.add(Time());
  return done;
}

void DramChannel::wait(Run run, Time done, Ticket ticket) {
  depth_.add(now());
  const Read read{run, ticket, 0, now(), done, place_of(run)};
  if (window_.size() < config_.scheduler.reads) {
    window_.push_back(read);
    advance();
  } else {
    outside_.push(read);
  }
}

Time DramChannel::write(std::uint64_t line, Ticket ticket) {
  const Place place = map_.place(line);
  if (!has_room()) {
    writes_outside_.push({place, ticket});
    return Time::max();
  }
  writes_.push_back({place, kNoTicket});
  if (writes_.size() >= config_.scheduler.drain_at) advance();
  return now() + config_.latency;
}

// Starts all that can start now; arms the event for the next that waits.
void DramChannel::advance() {
  const Time t = now();
  while (true) {
    const bool drains = drain_due();
    if (window_.empty() && !drains) return;
    Time at = not_before();
    if (at <= t) {
      if (drains) {
        drain();
        continue;
      }
      at = Time::max();
      const std::size_t i = choose_read(at);
      if (i != window_.size()) {
        start_waiting(i);
        continue;
      }
    }
    free_.arm(at);
    return;
  }
}

// `at`, or the end of the refresh in progress. Refreshes are looked at when somebody comes: what happens is the same as
// if they had been events.
Time DramChannel::after_refresh(Time at) {
  const Time interval = config_.timing.t_refi;
  const std::uint64_t count = (now() + refresh_stagger_).ps() / interval.ps();
  if (count == 0) return at;
  const Time end = Time::ps(count * interval.ps()) - refresh_stagger_ + config_.timing.t_rfc;
  if (count != refreshes_) {
    refreshes_ = count;
    open_rows_ = 0;
    for (Bank& bank : banks_) {
      if (bank.open) bank.activate_at = end;
      bank.open = false;
    }
  }
  return std::max(at, end);
}

// When the first command of an access to this row may be given.
Time DramChannel::ready(Place place) const {
  const Bank& bank = banks_[place.bank];
  if (!bank.open) return bank.activate_at;
  return bank.row == place.row ? Time() : bank.precharge_at;
}

// The index of the read to start now, or window_.size() with the time at which to look again.
std::size_t DramChannel::choose_read(Time& soonest) const {
  const Time t = now();
  const Read& oldest = window_.front();
  const bool capped = oldest.bypassed >= config_.scheduler.bypass_limit;
  std::size_t chosen = window_.size();
  for (std::size_t i = 0; i < window_.size(); ++i) {
    const Place place = window_[i].place;
    if (i > 0 && capped && place.bank == oldest.place.bank) continue;
    const Time at = ready(place);
    if (at > t) {
      soonest = std::min(soonest, at);
      continue;
    }
    if (hit(place) || (i == 0 && capped)) return i;
    if (chosen == window_.size()) chosen = i;
    if (open_rows_ == 0) break;
  }
  return chosen;
}

// The lines of the run that can start, its first one (of that place) among them. Returns when the last is done.
Time DramChannel::start(Run& run, Place place) {
  if (run.lines == 1) {
    run.lines = 0;
    ++read_lines_;
    if (reads_owed_ > 0) --reads_owed_;
    return transfer(place, false, keep_open(place)) + row_hit_latency_;
  }
  const Time t = now();
  Time column;
  bool ready_now = true;
  for (std::uint64_t left = run.lines; left != 0;) {
    const std::uint64_t line = left & -left;
    left ^= line;
    const Place next = left != 0 ? map_.place(run.first + first_of(left)) : Place{};
    if (ready_now) {
      column = transfer(place, false, (left != 0 && next == place) || keep_open(place));
      run.lines ^= line;
      ++read_lines_;
      if (reads_owed_ > 0) --reads_owed_;
    }
    if (left == 0) break;
    place = next;
    const Time at = ready(place);
    ready_now = at <= t || at + lead_ <= bus_free_;
  }
  return column + row_hit_latency_;
}

void DramChannel::start_waiting(std::size_t i) {
  for (std::size_t older = 0; older < i; ++older) ++window_[older].bypassed;
  Read& read = window_[i];
  starting_ = &read;
  read.done = std::max(read.done, start(read.run, read.place));
  starting_ = nullptr;
  if (read.run.lines != 0) {
    read.place = place_of(read.run);
    return;
  }
  const Read finished = read;
  window_.erase(window_.begin() + static_cast<std::ptrdiff_t>(i));
  if (!outside_.empty()) window_.push_back(outside_.pop());
  depth_.sub(now());
  wait_.add(now() - finished.arrived);
  finish_(finished.ticket, finished.done);
}

// A row hit, else the oldest line that does not keep the data bus waiting, else the one that does so least.
std::size_t DramChannel::choose_write() const {
  const Time t = now();
  std::size_t chosen = 0;
  Time earliest = Time::max();
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    const Place place = writes_[i].place;
    if (hit(place)) return i;
    const Time column =
        std::max(t, ready(place)) + (banks_[place.bank].open ? config_.timing.t_rp : Time()) + config_.timing.t_rcd;
    if (open_rows_ == 0 && column <= bus_free_) return i;
    const Time start = std::max(column, bus_free_);
    if (start < earliest) {
      earliest = start;
      chosen = i;
    }
  }
  return chosen;
}

// One drain is one decision: nothing that comes during it changes its order. A line makes room when its slot begins.
void DramChannel::drain() {
  ++drains_;
  const std::size_t lines = writes_.size() - config_.scheduler.drain_to;
  reads_owed_ = lines;
  for (std::size_t n = 0; n < lines; ++n) {
    const std::size_t i = choose_write();
    const Place place = writes_[i].place;
    writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(i));
    const Time column = transfer(place, true, keep_open(place));
    if (writes_outside_.empty()) continue;
    const Write entering = writes_outside_.pop();
    writes_.push_back({entering.place, kNoTicket});
    if (entering.ticket != kNoTicket) finish_(entering.ticket, column + config_.latency);
  }
  written_lines_ += lines;
}

// A waiting access, other than the one being started, is next for this row.
bool DramChannel::wanted(Place place) const {
  return std::any_of(window_.begin(), window_.end(),
                     [&](const Read& read) { return &read != starting_ && read.place == place; });
}

// One line: the commands its bank needs, then its slot on the data bus. Returns the time of the column command.
Time DramChannel::transfer(Place place, bool write, bool keep_open) {
  const DramTiming& timing = config_.timing;
  Bank& bank = banks_[place.bank];
  Time column = now();
  if (bank.open && bank.row == place.row) {
    ++row_hits_;
    column = std::max(column, bank.activated + timing.t_rcd);
  } else {
    if (bank.open) {
      ++row_conflicts_;
      bank.activated = std::max(column, bank.precharge_at) + timing.t_rp;
    } else {
      ++row_misses_;
      bank.activated = std::max(column, bank.activate_at);
    }
    column = bank.activated + timing.t_rcd;
  }
  if (write != writing_) {
    writing_ = write;
    ++turnarounds_;
    bus_free_ = bus_free_ + (write ? timing.read_to_write : timing.write_to_read);
  }
  if (column > bus_free_) {
    slot_.restart();  // after an idle gap the next slot begins on a whole picosecond
  } else {
    column = bus_free_;
  }
  const Time slot = slot_.take(kLineBytes);
  bus_free_ = column + slot;
  busy_ps_ += slot.ps();
  const Time precharge =
      std::max(bank.activated + timing.t_ras, write ? bus_free_ + timing.t_wr : column + timing.t_rtp);
  open_rows_ = open_rows_ - (bank.open ? 1 : 0) + (keep_open ? 1 : 0);
  bank.open = keep_open;
  bank.row = place.row;
  bank.precharge_at = precharge;
  bank.activate_at = precharge + timing.t_rp;
  return column;
}

void DramChannel::add_stats(base::Group& group) {
  group.add("read_lines", read_lines_, "1", "64-byte lines read");
  group.add("written_lines", written_lines_, "1", "64-byte lines written");
  group.add("busy", busy_ps_, "ps", "Time the data bus transfers lines, turn-arounds and other gaps excluded");
  group.add(
      "utilisation",
      [this](Time window) {
        return window == Time() ? 0.0 : static_cast<double>(busy_ps_.value()) / static_cast<double>(window.ps());
      },
      "1", "Share of the window in which the data bus transfers lines");
  group.add("row_hits", row_hits_, "1", "Lines whose row was open");
  group.add("row_misses", row_misses_, "1", "Lines whose bank was closed");
  group.add("row_conflicts", row_conflicts_, "1", "Lines whose bank had another row open");
  group.add("turnarounds", turnarounds_, "1", "Changes between reading and writing");
  group.add("drains", drains_, "1", "Drains of the write buffer");
  group.add("queue", depth_, "1", "Reads that wait to be started");
  group.add("wait", wait_, "ps",
            "Wait of a read from arrival to the start of its last line, those that start at once included");
}

}  // namespace iommusim::mem
