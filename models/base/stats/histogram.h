// Log-linear histogram (the shape of HdrHistogram): exact below 1,024, above it 1,024 equal cells per power of two, so
// that a cell's middle is within 0.05 % of every sample in it. At most 56,320 cells (440 KiB) whatever the samples;
// cells are only allocated up to the largest sample seen.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <vector>

#include "models/base/stats/metrics.h"

namespace iommusim::base {

class Histogram {
 public:
  void add(std::uint64_t x) {
    const std::size_t i = cell(x);
    if (i >= cells_.size()) cells_.resize(i + 1);
    ++cells_[i];
    summary_.add(x);
  }
  void add(Time t) { add(t.ps()); }
  std::uint64_t count() const { return summary_.count(); }
  u128 sum() const { return summary_.sum(); }
  std::uint64_t min() const { return summary_.min(); }
  std::uint64_t max() const { return summary_.max(); }
  double mean() const { return summary_.mean(); }
  /// Nearest-rank percentile, p in 0..100 (resolved to 1e-4), e.g. 99.99: a value within 0.05 % of the sample of rank
  /// ceil(p/100 * count); 0 and 100 give min and max exactly. 0 without samples.
  std::uint64_t percentile(double p) const;
  void merge(const Histogram& other);
  void reset();
  /// Rows "low,high,count,cumulative" of the non-empty cells, with that header line; samples x of a row: low <= x <=
  /// high.
  void write_csv(std::ostream& out) const;

 private:
  static constexpr unsigned bits_ = 10;
  static std::size_t cell(std::uint64_t x) {
    if (x < (1u << bits_)) return static_cast<std::size_t>(x);
    const unsigned shift = 63u - static_cast<unsigned>(__builtin_clzll(x)) - bits_;
    return (std::size_t{shift} << bits_) + static_cast<std::size_t>(x >> shift);
  }
  static std::uint64_t low(std::size_t i);
  static std::uint64_t high(std::size_t i);
  std::vector<std::uint64_t> cells_;
  Mean summary_;
};

}  // namespace iommusim::base
