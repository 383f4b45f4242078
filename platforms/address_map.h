// The host physical address map of a platform: every range some target answers to, in one place. platforms/ alone owns it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/types.h"

namespace iommusim::platforms {

using base::Hpa;

/// What answers in a range.
enum class RegionKind : std::uint8_t { dram, ecam, bar, registers, interrupts };

struct Region {
  std::string name;    ///< "dram.low", "nfp.bar0"
  RegionKind kind = RegionKind::dram;
  Hpa base;
  std::uint64_t bytes = 0;
  std::string setting;  ///< path of the configuration key that put it there, for messages
  Hpa end() const { return base + bytes; }
};

/// Two regions that share bytes, or one that leaves the address space.
struct MapConflict {
  std::string setting;  ///< of the region to blame: the one added later
  std::string message;
};

class AddressMap {
 public:
  void add(Region region) { regions_.push_back(std::move(region)); }
  /// In the order added.
  const std::vector<Region>& regions() const { return regions_; }
  std::vector<Region> sorted() const;
  /// Every overlap, and every region that does not fit below 2^`address_bits`.
  std::vector<MapConflict> conflicts(unsigned address_bits) const;
  /// The first address of `bytes` aligned bytes in [from, to) that no region holds; `bytes` a power of two. Returns 0 if there is none.
  Hpa find_free(Hpa from, Hpa to, std::uint64_t bytes) const;
  /// One line per region, ascending: "0x0000000000000000-0x000000007fffffff  2 GiB  dram.low".
  std::string text() const;

 private:
  std::vector<Region> regions_;
};

}  // namespace iommusim::platforms
