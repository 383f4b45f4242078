// A stage that reorders: items leave by time, those of equal time in the order they were pushed. Only the earliest is
// scheduled.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "models/tlm/scheduler.h"

namespace iommusim::tlm {

/// `T` is cheap to move. One stage of the scheduler.
template <class T>
class TimedQueue {
 public:
  TimedQueue(Scheduler& scheduler, std::string name, Delegate<void(T)> deliver)
      : scheduler_(scheduler),
        deliver_(deliver),
        stage_(scheduler.add_stage(std::move(name), delegate<&TimedQueue::fire>(this))) {}
  TimedQueue(const TimedQueue&) = delete;
  TimedQueue& operator=(const TimedQueue&) = delete;

  /// Delivers `item` at time `at`, not past.
  void push(T item, Time at) {
    items_.push_back({std::move(item), at, next_sequence_++, false});
    std::push_heap(items_.begin(), items_.end(), later);
    schedule_head();
  }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  /// When the next item leaves; the queue is not empty.
  Time next() const { return items_.front().at; }

 private:
  struct Item {
    T item;
    Time at;
    std::uint64_t sequence;
    bool scheduled;  // the scheduler holds an entry of this item's time, so no wake-up finds nothing to do
  };
  static bool later(const Item& a, const Item& b) { return a.at != b.at ? a.at > b.at : a.sequence > b.sequence; }
  void schedule_head() {
    if (items_.front().scheduled) return;
    items_.front().scheduled = true;
    scheduler_.schedule(stage_, items_.front().at);
  }
  void fire() {
    std::pop_heap(items_.begin(), items_.end(), later);
    Item head = std::move(items_.back());
    items_.pop_back();
    if (!items_.empty()) schedule_head();
    deliver_(std::move(head.item));
  }

  Scheduler& scheduler_;
  Delegate<void(T)> deliver_;
  StageId stage_;
  std::vector<Item> items_;  // a heap, earliest first
  std::uint64_t next_sequence_ = 0;
};

}  // namespace iommusim::tlm
