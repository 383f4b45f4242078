// One level of the IOTLB: a unified array, or one per class of page sizes.
//
// Split, a range goes to the class it falls into: below 2 MiB, below 1 GiB, or from there; other powers of two (64 KiB,
// 32 MiB, ...) included. All classes are looked up at once. A class without entries keeps nothing: hardware that breaks
// such pages into smaller entries is left out.
#pragma once

#include <vector>

#include "models/iommu/core/range_cache.h"

namespace iommusim::iommu {

/// An entry that a walk has taken ahead of its fill.
struct Reservation {
  bool held = false;
  RangeTag tag;
  Tenant tenant;
};

class Iotlb {
 public:
  using Array = RangeCache<Translation>;

  /// A unified level.
  Iotlb(const UnitCacheConfig& config, std::uint64_t seed, const std::string& path);
  /// The shared level.
  Iotlb(const IotlbConfig& config, std::uint64_t seed, const std::string& path);

  bool present() const { return arrays_[0].capacity() != 0 || arrays_.size() > 1; }
  /// The translation of the smallest range around `address`, or null.
  const Translation* find(Space space, std::uint64_t address, const Tenant& tenant) {
    for (Array& array : arrays_) {
      if (const Translation* found = array.find_around(space, address, tenant)) return found;
    }
    return nullptr;
  }
  /// Whether find() would hit; the policy does not notice.
  bool holds(Space space, std::uint64_t address, const Tenant& tenant) const {
    for (const Array& array : arrays_) {
      if (array.holds_around(space, address, tenant)) return true;
    }
    return false;
  }
  /// True if a full array emptied itself first.
  bool fill(const RangeTag& tag, const Translation& translation, const Tenant& tenant);

  /// Takes the entry that a 4 KiB page at `address` would fill: the size is not known before the walk. Held until
  /// release(); not held where every way of its set is reserved. Requires !held.
  void reserve(Reservation& reservation, Space space, std::uint64_t address, const Tenant& tenant);
  /// Just before the fill, or instead of it. Does nothing for one that is not held.
  void release(Reservation& reservation);

  std::uint64_t invalidate(const InvalidationScope& scope);
  SearchCost search_cost(const InvalidationScope& scope) const;
  std::size_t size() const;
  std::uint64_t full_drops() const;
  void register_stats(base::Group& group);

 private:
  std::vector<Array> arrays_;  ///< by size class, smallest first; one alone holds all
  bool duplicate_fills_ = false;
};

}  // namespace iommusim::iommu
