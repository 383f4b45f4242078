// What lies where in a platform's host physical address space, before it is known to be free of conflicts.
#pragma once

#include <string>
#include <vector>

#include "models/interconnect/address_map.h"

namespace iommusim::platforms {

using base::Hpa;
using interconnect::AddressRange;
using interconnect::RangeKind;

/// A range and the configuration key (path) that put it there, for messages.
struct Placed {
  AddressRange range;
  std::string setting;
};

/// Two ranges that share bytes, or one that leaves the address space.
struct MapConflict {
  std::string setting;  ///< of the range to blame: the one added later
  std::string message;
};

/// platforms/ alone owns the address map. A plan may be contradictory; map() turns one without conflicts into what
/// routes requests.
class AddressPlan {
 public:
  void add(AddressRange range, std::string setting) { placed_.push_back({std::move(range), std::move(setting)}); }
  /// In the order added.
  const std::vector<Placed>& placed() const { return placed_; }
  /// The range of that name, or null.
  const AddressRange* find(const std::string& name) const;
  /// Every overlap, and every range that does not fit below 2^`address_bits`.
  std::vector<MapConflict> conflicts(unsigned address_bits) const;
  /// The first address of `bytes` aligned bytes in [from, to) that no range holds; `bytes` a power of two. 0 if there
  /// is none.
  Hpa find_free(Hpa from, Hpa to, std::uint64_t bytes) const;
  /// Precondition: no conflicts. Throws base::UserError otherwise.
  interconnect::AddressMap map() const;

 private:
  std::vector<Placed> placed_;
};

}  // namespace iommusim::platforms
