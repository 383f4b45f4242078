// A stage that reorders: items leave by time, those of equal time in the order they were pushed. Only the earliest is
// scheduled. Items pushed in the order of their times, which most are, never see the heap.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "models/tlm/ring.h"
#include "models/tlm/scheduler.h"

namespace iommusim::tlm {

/// `T` is cheap to move and default-constructible. One stage of the scheduler.
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
    Item pushed{std::move(item), at, next_sequence_++, false};
    if (in_order_.empty() || at >= last_) {
      last_ = at;
      in_order_.push(std::move(pushed));
    } else {
      earlier_.push_back(std::move(pushed));
      std::push_heap(earlier_.begin(), earlier_.end(), later);
    }
    schedule_head();
  }
  std::size_t size() const { return in_order_.size() + earlier_.size(); }
  bool empty() const { return in_order_.empty() && earlier_.empty(); }
  /// When the next item leaves; the queue is not empty.
  Time next() const { return heap_first() ? earlier_.front().at : in_order_.front().at; }

 private:
  struct Item {
    T item{};
    Time at;
    std::uint64_t sequence = 0;
    bool scheduled = false;  // the scheduler holds an entry of this item's time, so no wake-up finds nothing to do
  };
  static bool later(const Item& a, const Item& b) { return a.at != b.at ? a.at > b.at : a.sequence > b.sequence; }
  bool heap_first() const {
    return !earlier_.empty() && (in_order_.empty() || later(in_order_.front(), earlier_.front()));
  }
  void schedule_head() {
    Item& head = heap_first() ? earlier_.front() : in_order_.front();
    if (head.scheduled) return;
    head.scheduled = true;
    scheduler_.schedule(stage_, head.at);
  }
  Item pop() {
    if (!heap_first()) return in_order_.pop();
    std::pop_heap(earlier_.begin(), earlier_.end(), later);
    Item head = std::move(earlier_.back());
    earlier_.pop_back();
    return head;
  }
  void fire() {
    Item head = pop();
    if (!empty()) schedule_head();
    deliver_(std::move(head.item));
  }

  Scheduler& scheduler_;
  Delegate<void(T)> deliver_;
  StageId stage_;
  Ring<Item> in_order_;        // pushed in the order they leave in
  Time last_;                  // when the newest of those leaves
  std::vector<Item> earlier_;  // the others: a heap, earliest first
  std::uint64_t next_sequence_ = 0;
};

}  // namespace iommusim::tlm
