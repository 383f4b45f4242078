// What models count with: plain members, incremented as cheaply as an integer, registered once with a Group
// (stats/group.h).
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/types.h"

namespace iommusim::base {

__extension__ typedef unsigned __int128 u128;

/// A number of events, or of bytes.
class Counter {
 public:
  Counter& operator++() {
    ++value_;
    return *this;
  }
  void operator++(int) { ++value_; }
  Counter& operator+=(std::uint64_t n) {
    value_ += n;
    return *this;
  }
  std::uint64_t value() const { return value_; }
  void reset() { value_ = 0; }

 private:
  std::uint64_t value_ = 0;
};

/// Count, exact sum, mean, minimum and maximum of non-negative integer samples (picoseconds, bytes, entries).
class Mean {
 public:
  void add(std::uint64_t x) {
    ++count_;
    sum_ += x;
    min_ = std::min(min_, x);
    max_ = std::max(max_, x);
  }
  void add(Time t) { add(t.ps()); }
  std::uint64_t count() const { return count_; }
  u128 sum() const { return sum_; }
  std::uint64_t min() const { return count_ ? min_ : 0; }  ///< 0 without samples
  std::uint64_t max() const { return max_; }
  double mean() const { return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0.0; }
  void merge(const Mean& other) {
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }
  void reset() { *this = Mean(); }

 private:
  std::uint64_t count_ = 0, min_ = ~std::uint64_t{0}, max_ = 0;
  u128 sum_ = 0;
};

/// An integer level over simulated time (queue length, walkers busy): time-weighted mean and maximum since the last
/// reset. Calls must come in order of time.
class Occupancy {
 public:
  void set(Time now, std::uint64_t level) {
    integral_ += static_cast<u128>(level_) * (now - last_).ps();
    last_ = now;
    level_ = level;
    max_ = std::max(max_, level);
  }
  void add(Time now, std::uint64_t n = 1) { set(now, level_ + n); }
  void sub(Time now, std::uint64_t n = 1) { set(now, level_ - n); }
  std::uint64_t level() const { return level_; }
  std::uint64_t max() const { return max_; }
  /// 0 when no time has passed since the reset.
  double mean(Time now) const {
    return now == start_ ? 0.0 : static_cast<double>(area(now)) / static_cast<double>((now - start_).ps());
  }
  /// Level times picoseconds since the last reset.
  u128 area(Time now) const { return integral_ + static_cast<u128>(level_) * (now - last_).ps(); }
  /// Starts a new window at `now`; the level stays.
  void reset(Time now) {
    integral_ = 0;
    start_ = last_ = now;
    max_ = level_;
  }

 private:
  u128 integral_ = 0;
  Time start_, last_;
  std::uint64_t level_ = 0, max_ = 0;
};

}  // namespace iommusim::base
