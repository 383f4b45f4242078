// The caches of a remapping unit: device contexts, IOTLB, page-walk caches per level, interrupt entries. No time, no
// SystemC.
//
// The IOTLB is unified: entries of any power-of-two size share its ways; a lookup probes each size that is present.
// Leaves out: split arrays per page size, a second level, partitions (the issue on the core's full depth).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "models/base/set_assoc.h"
#include "models/base/stats/group.h"
#include "models/iommu/api/caches.h"
#include "models/iommu/api/commands.h"
#include "models/iommu/api/request.h"
#include "models/iommu/core/config.h"

namespace iommusim::iommu {

/// Hash and set index of a range tag: the page number, folded with the space.
struct RangeTagHash {
  std::uint64_t operator()(const RangeTag& t) const {
    return (t.base >> (t.size_log2 & 63)) ^ t.space * 0x9e3779b97f4a7c15u ^
           static_cast<std::uint64_t>(t.size_log2) << 56;
  }
};

/// Two words an architecture keeps with a walk-cache or interrupt entry.
struct CachedWords {
  std::uint64_t word0 = 0;
  std::uint64_t word1 = 0;
};

class Caches {
 public:
  Caches(const RemappingUnitConfig& config, std::uint64_t seed, const std::string& path);

  /// The context under a key, or null. `peek_context` leaves replacement state and counters alone.
  const Context* find_context(std::uint64_t key);
  const Context* peek_context(std::uint64_t key) const;
  void fill_context(std::uint64_t key, const Context& context);

  /// The translation covering `address` in `space`, or null.
  const Translation* find_translation(Space space, std::uint64_t address);
  /// True if the cache was full and emptied itself first (when_full: clear).
  bool fill_translation(const RangeTag& tag, const Translation& translation);

  /// Page-walk and interrupt-entry caches, as walk steps ask for them.
  const CachedWords* find_words(CacheKind kind, const RangeTag& tag);
  /// Whether find_words() would hit, without counting or telling the policy.
  bool holds_words(CacheKind kind, const RangeTag& tag) { return words_cache(kind, tag).peek(tag) != nullptr; }
  void fill_words(CacheKind kind, const RangeTag& tag, const CachedWords& words);

  /// Drops what the scope selects; returns how many entries went.
  std::uint64_t invalidate(const InvalidationScope& scope);

  std::size_t iotlb_entries() const { return iotlb_.size(); }
  void register_stats(base::Group& group);

  // Statistics, one pair per cache. Those of contexts and IOTLB are counted by the pipeline, once per request, because
  // a request that waits for a walker looks again; the others here.
  struct Use {
    base::Counter lookups;
    base::Counter hits;
  };
  Use context_use, iotlb_use, interrupt_use;
  std::array<Use, 4> walk_use;     ///< index 0: level 1
  base::Counter iotlb_evictions;   ///< entries displaced by a fill
  base::Counter iotlb_full_drops;  ///< times the IOTLB emptied itself because it was full (when_full: clear)
  base::Counter invalidated;       ///< entries dropped by invalidations, all caches

 private:
  using RangeCache = base::SetAssoc<RangeTag, Translation, RangeTagHash>;
  using WordsCache = base::SetAssoc<RangeTag, CachedWords, RangeTagHash>;
  WordsCache& words_cache(CacheKind kind, const RangeTag& tag);
  Use& words_use(CacheKind kind, const RangeTag& tag);
  void count_size(const RangeTag& tag, int change);

  base::SetAssoc<std::uint64_t, Context> contexts_;
  RangeCache iotlb_;
  WordsCache interrupts_;
  std::array<WordsCache, 4> walk_;              ///< index 0: pointers to level-1 tables
  std::array<std::uint32_t, 64> size_count_{};  ///< IOTLB entries per size_log2
  std::uint64_t sizes_present_ = 0;             ///< bit n: size_count_[n] != 0
};

}  // namespace iommusim::iommu
