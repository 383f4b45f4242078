// Open-addressing index from key hash to slot number: how wide sets find an entry without a scan. Fixed size, no
// allocation after construction, linear probing with backward-shift deletion (no tombstones, so lookups never slow down
// with age).
#pragma once

#include <cstdint>
#include <vector>

namespace iommusim::base {

/// Spreads the bits of weak hashes (std::hash of integers is the identity): the finaliser of SplitMix64.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

class HashIndex {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  /// Room for `capacity` slots at a load of at most one half.
  explicit HashIndex(std::uint32_t capacity) {
    std::size_t size = 2;
    while (size < 2 * std::size_t{capacity}) size *= 2;
    if (capacity == 0) size = 0;
    cells_.assign(size, Cell{});
    mask_ = size == 0 ? 0 : size - 1;
  }
  /// The slot whose hash is `hash` and for which `same(slot)` holds, or none.
  template <class Same>
  std::uint32_t find(std::uint64_t hash, Same same) const {
    for (std::size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Cell& c = cells_[i];
      if (c.slot == none) return none;
      if (c.hash == static_cast<std::uint32_t>(hash) && same(c.slot)) return c.slot;
    }
  }
  void insert(std::uint64_t hash, std::uint32_t slot) {
    std::size_t i = hash & mask_;
    while (cells_[i].slot != none) i = (i + 1) & mask_;
    cells_[i] = {static_cast<std::uint32_t>(hash), slot};
  }
  /// Precondition: the slot was inserted with this hash.
  void erase(std::uint64_t hash, std::uint32_t slot) {
    std::size_t hole = hash & mask_;
    while (cells_[hole].slot != slot) hole = (hole + 1) & mask_;
    for (std::size_t i = (hole + 1) & mask_; cells_[i].slot != none; i = (i + 1) & mask_) {
      const std::size_t home = cells_[i].hash & mask_;
      if (((i - home) & mask_) >=
          ((i - hole) & mask_)) {  // the entry may move back to the hole without passing its home
        cells_[hole] = cells_[i];
        hole = i;
      }
    }
    cells_[hole] = Cell{};
  }

 private:
  struct Cell {
    std::uint32_t hash = 0;  // the low half, which is all an index of 32-bit slot numbers uses
    std::uint32_t slot = none;
  };
  std::vector<Cell> cells_;
  std::size_t mask_ = 0;
};

}  // namespace iommusim::base
