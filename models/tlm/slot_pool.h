// A fixed number of equal things of which each is free or in use: tags, walkers, pending-miss entries.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "models/base/stats/metrics.h"
#include "models/tlm/scheduler.h"

namespace iommusim::tlm {

/// Slots numbered from 0, each holding a `T`. acquire() and release() are O(1) and the number freed last is given out
/// first.
template <class T>
class SlotPool {
 public:
  static constexpr std::uint32_t kUnlimited =
      0;  ///< as capacity: grows as needed, for "what if it were never short" studies

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
    occupancy_.add(scheduler_.now());
    return slot;
  }
  void release(std::uint32_t slot) {
    occupancy_.sub(scheduler_.now());
    free_.push_back(slot);
  }
  T& operator[](std::uint32_t slot) { return slots_[slot]; }
  const T& operator[](std::uint32_t slot) const { return slots_[slot]; }

  bool full() const { return capacity_ != kUnlimited && in_use() == capacity_; }
  std::uint32_t in_use() const { return static_cast<std::uint32_t>(occupancy_.level()); }
  std::uint32_t capacity() const { return capacity_; }

  /// Slots in use over time and acquire() calls that found none free: for the owner to register with its metrics.
  base::Occupancy& occupancy() { return occupancy_; }
  base::Counter& refused() { return refused_; }

 private:
  const Scheduler& scheduler_;
  std::uint32_t capacity_;
  std::deque<T> slots_;  // a deque: references stay valid as it grows
  std::vector<std::uint32_t> free_;
  base::Occupancy occupancy_;
  base::Counter refused_;
};

}  // namespace iommusim::tlm
