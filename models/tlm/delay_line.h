// A first-in first-out stage: items leave in the order they came, each at its own time. Only the head is scheduled.
#pragma once

#include <string>
#include <utility>

#include "models/tlm/error.h"
#include "models/tlm/ring.h"
#include "models/tlm/scheduler.h"

namespace iommusim::tlm {

/// `T` is cheap to move and default-constructible (a Payload*, a small struct). One stage of the scheduler.
template <class T>
class DelayLine {
 public:
  DelayLine(Scheduler& scheduler, std::string name, Delegate<void(T)> deliver)
      : scheduler_(scheduler),
        deliver_(deliver),
        stage_(scheduler.add_stage(std::move(name), delegate<&DelayLine::fire>(this))) {}
  DelayLine(const DelayLine&) = delete;
  DelayLine& operator=(const DelayLine&) = delete;

  /// Delivers `item` at time `at`: not past, not before the item pushed last (internal error: that is a TimedQueue's
  /// job).
  void push(T item, Time at) {
    if (at < last_) internal_error(scheduler_.stage_name(stage_), "an item would leave before its predecessor");
    last_ = at;
    if (items_.empty()) scheduler_.schedule(stage_, at);
    items_.push({std::move(item), at});
  }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }

 private:
  struct Item {
    T item{};
    Time at;
  };
  void fire() {
    Item head = items_.pop();
    if (!items_.empty()) scheduler_.schedule(stage_, items_.front().at);
    deliver_(std::move(head.item));
  }

  Scheduler& scheduler_;
  Delegate<void(T)> deliver_;
  StageId stage_;
  Ring<Item> items_;
  Time last_;
};

}  // namespace iommusim::tlm
