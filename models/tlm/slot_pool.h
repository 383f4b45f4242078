// A fixed number of equal things of which each is free or in use: tags, walkers, pending-miss entries.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "models/tlm/scheduler.h"

namespace iommusim::tlm {

/// Slots numbered from 0, each holding a `T`. acquire() and release() are O(1) and the lowest recently freed number is given first
/// out. Statistics: time-weighted occupancy, refusals.
template <class T>
class SlotPool {
 public:
  static constexpr std::uint32_t kUnlimited = 0;  ///< as capacity: grows as needed, for "what if it were never short" studies

  SlotPool(const Scheduler& scheduler, std::uint32_t capacity) : scheduler_(scheduler), capacity_(capacity) {}

  /// The number of a slot now in use, or nothing if all are. The slot's contents are what its last user left.
  std::optional<std::uint32_t> acquire() {
    std::uint32_t slot;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else if (capacity_ == kUnlimited || slots_.size() < capacity_) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      ++refused_;
      return std::nullopt;
    }
    account();
    ++in_use_;
    if (in_use_ > peak_) peak_ = in_use_;
    return slot;
  }
  void release(std::uint32_t slot) {
    account();
    --in_use_;
    free_.push_back(slot);
  }
  T& operator[](std::uint32_t slot) { return slots_[slot]; }
  const T& operator[](std::uint32_t slot) const { return slots_[slot]; }

  bool full() const { return capacity_ != kUnlimited && in_use_ == capacity_; }
  std::uint32_t in_use() const { return in_use_; }
  std::uint32_t capacity() const { return capacity_; }

  /// Slot-picoseconds in use since the start or the last reset; divided by the window it is the mean occupancy.
  std::uint64_t busy_ps() const { return busy_ps_ + in_use_ * (scheduler_.now() - since_).ps(); }
  std::uint32_t peak() const { return peak_; }
  /// acquire() calls that found every slot in use.
  std::uint64_t refused() const { return refused_; }
  /// Starts the statistics anew, with the slots as they are.
  void reset_statistics() {
    since_ = scheduler_.now();
    busy_ps_ = 0;
    peak_ = in_use_;
    refused_ = 0;
  }

 private:
  void account() {
    const Time t = scheduler_.now();
    busy_ps_ += in_use_ * (t - since_).ps();
    since_ = t;
  }

  const Scheduler& scheduler_;
  std::uint32_t capacity_;
  std::deque<T> slots_;  // a deque: references stay valid as it grows
  std::vector<std::uint32_t> free_;
  std::uint32_t in_use_ = 0;
  std::uint32_t peak_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t busy_ps_ = 0;
  Time since_;
};

}  // namespace iommusim::tlm
