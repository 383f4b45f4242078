// The caches of a remapping unit: device and process contexts, two levels of IOTLB, page-walk caches per stage and
// level, nested (guest-physical) pages of tables, interrupt entries. No time, no SystemC.
//
// The two levels of the IOTLB are neither inclusive nor exclusive: a walk and a hit in the shared level fill the first
// level of the port that asked, evictions of one level leave the other alone, and an invalidation searches both. That
// is what public descriptions show (Arm MMU-600: TLBs of its TBUs are invalidated by messages, not by evictions of the
// TCU; AMD's L1 and L2 likewise); inclusion would need back-invalidation across the unit, for no coherence need.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/iommu/api/commands.h"
#include "models/iommu/core/config.h"
#include "models/iommu/core/iotlb.h"

namespace iommusim::iommu {

/// Two words an architecture keeps with a walk-cache or interrupt entry.
struct CachedWords {
  std::uint64_t word0 = 0;
  std::uint64_t word1 = 0;
};

class Caches {
 public:
  /// `ports`: upstream ports, each with a first level of its own if there is one.
  Caches(const RemappingUnitConfig& config, std::uint64_t seed, const std::string& path, unsigned ports = 1);

  // --- contexts. The context under a key, or null. `peek_...` leaves replacement state and counters alone. Of the
  // tenant, the device (and PASID) are known here.
  const Context* find_context(std::uint64_t key, const Tenant& tenant = {});
  const Context* peek_context(std::uint64_t key, const Tenant& tenant = {}) const;
  void fill_context(std::uint64_t key, const Context& context, const Tenant& tenant = {});
  const Context* find_process(std::uint64_t key, const Tenant& tenant = {});
  const Context* peek_process(std::uint64_t key, const Tenant& tenant = {}) const;
  void fill_process(std::uint64_t key, const Context& context, const Tenant& tenant = {});

  // --- translations
  /// True if upstream ports have IOTLBs of their own: they are looked up first, find_translation() only after a miss.
  bool two_levels() const { return !first_level_.empty(); }
  /// The translation covering `address` in the first level of `port`, or null.
  const Translation* find_first_level(unsigned port, Space space, std::uint64_t address, const Tenant& tenant = {});
  void fill_first_level(unsigned port, const RangeTag& tag, const Translation& translation, const Tenant& tenant = {});
  /// The translation covering `address` in the shared IOTLB, or null. The caller fills the first level from it.
  const Translation* find_translation(Space space, std::uint64_t address, const Tenant& tenant = {}) {
    return iotlb_.find(space, address, tenant);
  }
  /// Whether find_translation() would hit; the policy does not notice.
  bool holds_translation(Space space, std::uint64_t address, const Tenant& tenant = {}) const {
    return iotlb_.holds(space, address, tenant);
  }
  /// Into the shared IOTLB. True if it was full and emptied itself first (when_full: clear).
  bool fill_translation(const RangeTag& tag, const Translation& translation, const Tenant& tenant = {});
  /// iotlb.reserve_on_miss: a page walk starts, and takes the entry it will fill. Nothing happens when the option is
  /// off. Each reservation must be released: just before the fill, or when the walk ends without one.
  void reserve(Reservation& reservation, Space space, std::uint64_t address, const Tenant& tenant = {}) {
    if (reserve_on_miss_) iotlb_.reserve(reservation, space, address, tenant);
  }
  void release(Reservation& reservation) { iotlb_.release(reservation); }

  // --- page-walk and interrupt-entry caches, as walk steps ask for them
  const CachedWords* find_words(CacheKind kind, const RangeTag& tag, const Tenant& tenant = {});
  /// Whether find_words() would hit, without counting or telling the policy.
  bool holds_words(CacheKind kind, const RangeTag& tag, const Tenant& tenant = {});
  void fill_words(CacheKind kind, const RangeTag& tag, const CachedWords& words, const Tenant& tenant = {});

  // --- invalidation
  /// Drops what the scope selects; returns how many entries went.
  std::uint64_t invalidate(const InvalidationScope& scope);
  /// What hardware must read to find the entries selected, in all caches the scope names.
  SearchCost search_cost(const InvalidationScope& scope) const;
  /// The part of that in caches of one kind.
  SearchCost search_cost(const InvalidationScope& scope, CacheKind kind) const;

  std::size_t iotlb_entries() const { return iotlb_.size(); }  ///< of the shared IOTLB
  /// Times an array of the shared IOTLB emptied itself because it was full (when_full: clear).
  std::uint64_t iotlb_full_drops() const { return iotlb_.full_drops(); }
  void register_stats(base::Group& group);

  // --- statistics, one pair per cache. Those of contexts and IOTLB are counted by the pipeline, once per request,
  // because a request that waits for a walker looks again; the others here.
  struct Use {
    base::Counter lookups;
    base::Counter hits;
  };
  static constexpr unsigned kLevels = 5;
  Use context_use, process_use, interrupt_use;
  Use first_level_use;  ///< IOTLBs of all ports
  Use iotlb_use;        ///< the shared IOTLB: where there is a first level, lookups that missed it
  Use nested_use;
  std::array<std::array<Use, kLevels>, 2> walk_use;  ///< [stage - 1][level - 1]
  base::Counter invalidated;                         ///< entries dropped by invalidations, all caches

 private:
  struct Identity {
    std::uint64_t operator()(std::uint64_t key) const { return key; }
  };
  struct KeyIndex {
    base::IndexHash kind = base::IndexHash::xor_space;
    unsigned bits = 0;
    KeyIndex() = default;
    KeyIndex(base::IndexHash k, unsigned b) : kind(k), bits(b) {}
    std::uint64_t operator()(std::uint64_t key) const { return base::index_of(kind, key, 0, bits); }
  };
  using ContextCache = Partitioned<std::uint64_t, Context, Identity, KeyIndex>;
  using WordsCache = RangeCache<CachedWords>;
  struct Words {
    WordsCache* cache;
    Use* use;
    RangeTag tag;  ///< with the stage the cache's entries carry
  };
  Words words_of(CacheKind kind, const RangeTag& tag);

  bool reserve_on_miss_;
  ContextCache contexts_, processes_;
  std::vector<Iotlb> first_level_;  ///< by port
  Iotlb iotlb_;
  WordsCache interrupts_;
  WordsCache nested_;
  std::vector<WordsCache> walk_;  ///< stage 1 level 1..5, stage 2 level 1..5
};

}  // namespace iommusim::iommu
