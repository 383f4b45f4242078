// Monotone priority queue over picoseconds. An entry sits in the bucket of the highest bit in which its time differs
// from the last time taken out, so an insertion is a shift and an append, and each entry moves at most once per bit on
// its way out. What it asks in return: nothing may be inserted before the last time taken out, which is what a
// simulator guarantees. Ahuja, Mehlhorn, Orlin, Tarjan: Faster algorithms for the shortest path problem, J. ACM 37
// (1990).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace iommusim::tlm {

/// Holds (time, value) pairs; gives out all values of the earliest time at once, in no particular order.
class RadixHeap {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  RadixHeap() { earliest_.fill(kNever); }

  /// Inserts `value` at time `at`, strictly later than the last time given to take().
  void push(std::uint64_t at, std::uint32_t value) {
    const unsigned b = bucket(at ^ last_);
    buckets_[b].push_back({at, value});
    earliest_[b] = std::min(earliest_[b], at);
    occupied_ |= std::uint64_t{1} << b;
  }

  /// The earliest time held, kNever if empty.
  std::uint64_t min() const { return occupied_ == 0 ? kNever : earliest_[lowest(occupied_)]; }

  /// Calls sink(value) for each entry of time `now` and forgets them. `now` may not be later than min() nor before the
  /// last take().
  template <class Sink>
  void take(std::uint64_t now, Sink&& sink) {
    if (now == last_) return;
    const unsigned b = bucket(now ^ last_);
    last_ = now;
    // Entries of this bucket agree with `now` in its bit and above, so each goes to a lower bucket. Higher buckets stay
    // right: the bit they differ in is above; lower ones are empty, as their entries would be earlier than `now`.
    if ((occupied_ >> b & 1) == 0) return;
    occupied_ &= ~(std::uint64_t{1} << b);
    earliest_[b] = kNever;
    for (const Entry& e : buckets_[b]) {
      if (e.at == now) {
        sink(e.value);
      } else {
        push(e.at, e.value);
      }
    }
    buckets_[b].clear();
  }

 private:
  struct Entry {
    std::uint64_t at;
    std::uint32_t value;
  };
  static unsigned bucket(std::uint64_t difference) { return 63u - static_cast<unsigned>(__builtin_clzll(difference)); }
  static unsigned lowest(std::uint64_t bits) { return static_cast<unsigned>(__builtin_ctzll(bits)); }

  std::uint64_t last_ = 0;
  std::uint64_t occupied_ = 0;  // bit b: bucket b is not empty
  std::array<std::uint64_t, 64> earliest_;
  std::array<std::vector<Entry>, 64> buckets_;
};

}  // namespace iommusim::tlm
