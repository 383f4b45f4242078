// What an invalidation command does to this implementation's caches beyond what the command asks, and how long the
// search takes.
//
// Architectures say what must go; hardware may drop more. Fast & Safe (Rubin et al., SOSP 2024) infers from counters
// that Intel's page-selective invalidation also empties the paging-structure caches on the way to the page unless the
// command says leaf-only: that is what the commands ask already (as_specified). The wider settings are for hardware
// that knows no leaf-only hint, or keeps no addresses beside its cached table pointers. Leaves out: lookups that a
// search keeps from the cache's port.
#pragma once

#include <cstdint>

#include "models/base/config/fields.h"
#include "models/base/types.h"
#include "models/iommu/api/caches.h"

namespace iommusim::iommu {

/// How much of a cache goes.
enum class InvalidationReach : std::uint8_t {
  as_specified,  ///< what the command selects
  all_levels,    ///< the same, and a leaf-only hint is ignored
  space,         ///< every entry of the address spaces the command names, whatever its address
  all            ///< the whole cache
};

/// What a command selects by.
enum class InvalidationGrain : std::uint8_t {
  global,     ///< everything in the caches it names
  selective,  ///< a domain, PASID, device or range of interrupt entries
  page        ///< addresses
};
InvalidationGrain grain_of(const InvalidationScope& scope);

/// Time of the search for the entries of one command, after its decoding (command_latency). Entries go when it ends.
struct InvalidationLatencyConfig {
  base::Time global, selective, page;  ///< fixed, by grain
  /// And for each set looked through, in the array with most (Caches::search_cost): arrays are searched at once. Global
  /// commands look through none.
  base::Time per_set;
  base::Time fixed(InvalidationGrain grain) const {
    return grain == InvalidationGrain::global ? global : grain == InvalidationGrain::page ? page : selective;
  }
  static const base::Fields<InvalidationLatencyConfig>& fields();
};

struct InvalidationConfig {
  InvalidationReach page_iotlb = InvalidationReach::as_specified;
  InvalidationReach page_walk_caches = InvalidationReach::as_specified;
  InvalidationReach selective_iotlb = InvalidationReach::as_specified;
  InvalidationReach selective_walk_caches = InvalidationReach::as_specified;
  InvalidationLatencyConfig latency;
  static const base::Fields<InvalidationConfig>& fields();
};

/// Calls drop(scope) with what really goes, once or twice.
template <class Drop>
void for_each_effect(const InvalidationConfig& config, const InvalidationScope& scope, Drop drop);

// ---- implementation

InvalidationScope widened(InvalidationScope scope, InvalidationReach reach);

template <class Drop>
void for_each_effect(const InvalidationConfig& config, const InvalidationScope& scope, Drop drop) {
  const InvalidationGrain grain = grain_of(scope);
  const bool page = grain == InvalidationGrain::page;
  const InvalidationReach iotlb = page ? config.page_iotlb : config.selective_iotlb;
  const InvalidationReach walk = page ? config.page_walk_caches : config.selective_walk_caches;
  constexpr auto specified = InvalidationReach::as_specified;
  if (grain == InvalidationGrain::global || (iotlb == specified && walk == specified)) {
    drop(scope);
    return;
  }
  InvalidationScope rest = widened(scope, iotlb);
  rest.caches = scope.caches.without(CacheKind::walk);
  if (!rest.caches.empty()) drop(rest);
  if (!scope.caches.has(CacheKind::walk)) return;
  InvalidationScope pointers = widened(scope, walk);
  pointers.caches = CacheSet().with(CacheKind::walk);
  drop(pointers);
}

}  // namespace iommusim::iommu
