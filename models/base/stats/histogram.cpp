#include "models/base/stats/histogram.h"

#include <ostream>

namespace iommusim::base {

std::uint64_t Histogram::low(std::size_t i) {
  const std::size_t shift = i < (2u << bits_) ? 0 : (i >> bits_) - 1;
  return static_cast<std::uint64_t>(i - (shift << bits_)) << shift;
}
std::uint64_t Histogram::high(std::size_t i) {
  const std::size_t shift = i < (2u << bits_) ? 0 : (i >> bits_) - 1;
  return low(i) + ((std::uint64_t{1} << shift) - 1);
}

std::uint64_t Histogram::percentile(double p) const {
  if (count() == 0) return 0;
  if (p >= 100) return max();
  // In integers, so that 99.99 % of 10,000 samples is rank 9,999 and not 10,000 by rounding.
  const auto parts = static_cast<std::uint64_t>(p <= 0 ? 0 : p * 1e4 + 0.5);
  const auto rank = static_cast<std::uint64_t>((static_cast<u128>(parts) * count() + 999999) / 1000000);
  if (rank <= 1) return min();
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    seen += cells_[i];
    if (seen >= rank) return std::min(max(), std::max(min(), low(i) + (high(i) - low(i)) / 2));
  }
  return max();
}

void Histogram::merge(const Histogram& other) {
  if (other.cells_.size() > cells_.size()) cells_.resize(other.cells_.size());
  for (std::size_t i = 0; i < other.cells_.size(); ++i) cells_[i] += other.cells_[i];
  summary_.merge(other.summary_);
}

void Histogram::reset() {
  std::fill(cells_.begin(), cells_.end(), 0);  // keeps the memory: no allocation in the next window
  summary_.reset();
}

void Histogram::write_csv(std::ostream& out) const {
  out << "low,high,count,cumulative\n";
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i)
    if (cells_[i] != 0) out << low(i) << ',' << high(i) << ',' << cells_[i] << ',' << (seen += cells_[i]) << '\n';
}

}  // namespace iommusim::base
