// Translations fetched before anybody asks for them: which pages, and what becomes of them.
//
// A miss, or the first use of what was fetched ahead, proposes the pages that follow: the next ones, or those at the
// distance that the requester (and process) has kept twice. Only walkers that nobody waits for fetch them; a walk that
// ends in a fault leaves no trace, one that an invalidation overtakes installs nothing. Translations go into the IOTLB
// or into a buffer beside it, whose entries move over at their first use. Leaves out: a limit on the requesters whose
// strides are watched, the time to look into the buffer (it is looked up with the IOTLB), distances beyond a page of a
// superpage. Sources: HyperTRIO (ISCA 2020) prefetches into a buffer beside the device TLB; next-page and stride
// prefetching of translations is in Kandiraju and Sivasubramaniam, ISCA 2002.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "models/base/config/fields.h"
#include "models/base/stats/group.h"
#include "models/iommu/api/caches.h"
#include "models/iommu/api/request.h"

namespace iommusim::iommu {

struct PrefetchConfig {
  enum class Kind { none, next_page, stride };
  enum class Into { iotlb, buffer };
  static constexpr unsigned kMostDegree = 16;
  Kind kind = Kind::none;
  unsigned degree = 1;  ///< pages fetched ahead of each miss
  Into into = Into::iotlb;
  unsigned buffer_entries = 16;  ///< of the buffer; into iotlb: fetched entries whose first use is watched for
  static const base::Fields<PrefetchConfig>& fields();
};

class Prefetcher {
 public:
  explicit Prefetcher(const PrefetchConfig& config) : config_(config) {}
  bool on() const { return config_.kind != PrefetchConfig::Kind::none; }
  bool into_buffer() const { return config_.into == PrefetchConfig::Into::buffer; }

  struct Pages {
    std::array<std::uint64_t, PrefetchConfig::kMostDegree> number;  ///< of 4 KiB
    unsigned count = 0;
  };
  /// What to fetch after a request that missed, or used a fetched entry first.
  Pages after(const Request& request);

  /// A prefetch has brought this.
  void brought(const RangeTag& tag, const Translation& translation);
  /// Into iotlb: true if the address is used for the first time since it was brought.
  bool first_use(Space space, std::uint64_t address) { return take(space, address).has_value(); }
  /// Into buffer: takes the translation out, if it is there.
  std::optional<Translation> take(Space space, std::uint64_t address);
  /// Into iotlb: a fetched entry has gone from there before its first use.
  void missed(Space space, std::uint64_t address);
  bool holds(Space space, std::uint64_t address) const { return find(space, address) < fetched_.size(); }
  void invalidate(const InvalidationScope& scope);

  void register_stats(base::Group& group);
  base::Counter issued;     ///< walks begun
  base::Counter no_walker;  ///< pages proposed while no walker was idle
  base::Counter late;       ///< asked for while the walk was under way
  base::Counter faults;
  base::Counter useful, useless;

 private:
  struct Fetched {
    RangeTag tag;
    Translation translation;
  };
  struct Stream {
    std::uint64_t last = 0;
    std::int64_t stride = 0;
    bool steady = false;  ///< the last two distances were equal
  };
  std::size_t find(Space space, std::uint64_t address) const;

  const PrefetchConfig& config_;
  std::vector<Fetched> fetched_;                       ///< and not used yet, oldest first
  std::unordered_map<std::uint64_t, Stream> streams_;  ///< by requester and process
};

}  // namespace iommusim::iommu
