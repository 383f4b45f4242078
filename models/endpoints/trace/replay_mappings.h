// The recorded mappings that are live at the point of a trace the player has read up to, and where a replay puts them.
//
// A replay under another domain type gives each mapping an address of its own: an address the recording used again at
// once may not be free yet under a lazy policy.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "models/endpoints/trace/record.h"
#include "models/host/domain.h"
#include "models/host/iommu_driver.h"

namespace iommusim::ep {

/// One recorded DMA mapping: contiguous addresses, one or more physical pieces.
struct ReplayMapping {
  host::DmaDomain* domain = nullptr;  ///< where the replay maps it; null: nowhere (identity, no unit)
  base::Iova recorded;                ///< first address in the recording
  base::Iova placed;                  ///< first address in the replay
  std::uint64_t bytes = 0;            ///< of the pieces read so far
  std::uint64_t unmapped = 0;         ///< bytes whose recorded unmap has been read
  host::Pieces pieces;
  iommu::Rights rights{true, true, false};
  bool seeded = false;  ///< older than the trace: costs nothing
  bool map_issued =
      false;               ///< the map operation is queued (own addresses: when its first use or end shows it complete)
  unsigned maps_open = 0;  ///< map operations queued and not done
  unsigned accesses_open = 0;  ///< accesses read and not done
  bool gone = false;           ///< its last unmap has been queued
};

/// Mappings by their number in the trace, and by address for unmaps that cover several.
class ReplayMappings {
 public:
  /// The mapping of that number, made if new.
  ReplayMapping& at(std::uint32_t number) { return mappings_[number]; }
  ReplayMapping* find(std::uint32_t number) {
    const auto it = mappings_.find(number);
    return it == mappings_.end() ? nullptr : &it->second;
  }
  const ReplayMapping* find(std::uint32_t number) const { return const_cast<ReplayMappings*>(this)->find(number); }
  /// Notes that [iova, iova + bytes) of a domain belongs to the mapping.
  void place(std::uint64_t space, base::Iova iova, std::uint64_t bytes, std::uint32_t number) {
    by_address_[{space, iova.value()}] = {bytes, number};
  }
  /// Numbers of the mappings with pieces that begin in the range, and forgets those pieces.
  std::vector<std::uint32_t> take(std::uint64_t space, base::Iova iova, std::uint64_t bytes);
  void erase(std::uint32_t number) { mappings_.erase(number); }
  std::size_t size() const { return mappings_.size(); }

 private:
  struct Piece {
    std::uint64_t bytes;
    std::uint32_t number;
  };
  std::unordered_map<std::uint32_t, ReplayMapping> mappings_;  // references stay valid until erase
  std::map<std::pair<std::uint64_t, std::uint64_t>, Piece> by_address_;
};

}  // namespace iommusim::ep
