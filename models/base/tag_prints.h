// One byte of hash per way, so that a lookup reads a few bytes of a set instead of all its tags: how narrow sets find
// an entry. Eight ways are compared at once.
#pragma once

#include <cstdint>
#include <vector>

namespace iommusim::base {

/// Prints of all sets, those of one set side by side. 0 is the print of a way without an entry.
class TagPrints {
 public:
  TagPrints(std::uint32_t sets, std::uint32_t ways) : words_((ways + 7) / 8), bytes_(std::size_t{sets} * words_) {}

  /// The print of an entry with this hash, never 0.
  static std::uint8_t of(std::uint64_t hash) {
    const auto print = static_cast<std::uint8_t>((hash * 0x9e3779b97f4a7c15u) >> 56);
    return print != 0 ? print : 1;
  }
  void set(std::uint32_t set, std::uint32_t way, std::uint8_t print) {
    std::uint64_t& word = bytes_[std::size_t{set} * words_ + way / 8];
    const unsigned shift = way % 8 * 8;
    word = (word & ~(std::uint64_t{0xff} << shift)) | std::uint64_t{print} << shift;
  }
  /// Calls `same(way)` for the ways of `set` with this print, lowest first, until it holds; returns that way, or
  /// `none`.
  template <class Same>
  std::uint32_t find(std::uint32_t set, std::uint8_t print, Same same) const {
    const std::uint64_t* words = &bytes_[std::size_t{set} * words_];
    const std::uint64_t pattern = print * 0x0101010101010101u;
    constexpr std::uint64_t low7 = 0x7f7f7f7f7f7f7f7fu;
    for (std::uint32_t w = 0; w < words_; ++w) {
      const std::uint64_t x = words[w] ^ pattern;
      // The high bit of each byte of x that is zero: no carry leaves a byte, as with the shorter subtraction.
      for (std::uint64_t equal = ~(((x & low7) + low7) | x | low7); equal != 0; equal &= equal - 1) {
        const std::uint32_t way = 8 * w + static_cast<std::uint32_t>(__builtin_ctzll(equal)) / 8;
        if (same(way)) return way;
      }
    }
    return none;
  }
  static constexpr std::uint32_t none = ~std::uint32_t{0};

 private:
  std::uint32_t words_;  // of eight ways, per set
  std::vector<std::uint64_t> bytes_;
};

}  // namespace iommusim::base
