// One direction of the link between two sockets: requests and written data of the one node's ports, responses and read
// data for the other's.
//
// Models: a constant crossing time and the bandwidth of 64-byte lines, first come, first served (QPI, UPI). One line of
// an access is part of the crossing time. Lines cross as memory, or the device, delivers them: when the last is there
// those before it are under way, if the link was free. Requests and responses without data take no slot of their own.
// Leaves out: link-layer retry, credits, snoop traffic, routes over a third socket.
#pragma once

#include <string>

#include "models/base/stats/group.h"
#include "models/base/units.h"
#include "models/memory/memory_config.h"
#include "models/tlm/delay_line.h"

namespace iommusim::mem {

template <class T>
class SocketLink {
 public:
  /// `crossing` is of this direction. One event per item.
  SocketLink(Bandwidth bandwidth, Time crossing, tlm::Scheduler& scheduler, const std::string& name,
             tlm::Delegate<void(T)> deliver)
      : scheduler_(scheduler), crossing_(crossing), slot_(bandwidth.per_byte()), line_(scheduler, name, deliver) {}
  SocketLink(const SocketLink&) = delete;
  SocketLink& operator=(const SocketLink&) = delete;

  /// Sends an item with `lines` lines of data, 0 for none, whose last line is there now.
  void send(T item, unsigned lines) {
    const Time t = scheduler_.now();
    if (t > busy_until_) slot_.restart();
    Time first, rest;
    if (lines > 0) {
      first = slot_.take(kLineBytes);
      rest = slot_.take((lines - 1) * kLineBytes);
    }
    const Time ready = t > rest ? t - rest : Time();
    const Time start = busy_until_ > ready ? busy_until_ : ready;
    wait_.add(start - ready);
    if (lines > 0) {
      busy_until_ = start + first + rest;
      busy_ps_ += (first + rest).ps();
      lines_ += lines;
    }
    line_.push(std::move(item), start + crossing_ + rest);
  }
  void add_stats(base::Group& group) {
    group.add("lines", lines_, "1", "64-byte lines of data carried");
    group.add("busy", busy_ps_, "ps", "Time the link carries data");
    group.add("wait", wait_, "ps", "Wait of a request or response for the link");
  }

 private:
  tlm::Scheduler& scheduler_;
  Time crossing_;
  base::PsAccumulator slot_;
  Time busy_until_;
  tlm::DelayLine<T> line_;
  base::Counter lines_, busy_ps_;
  base::Mean wait_;
};

}  // namespace iommusim::mem
