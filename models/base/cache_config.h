// Size and policy of a set-associative cache as files give them; SetAssoc (set_assoc.h) is built from it.
#pragma once

#include <string>

#include "models/base/config/config.h"
#include "models/base/index_hash.h"

namespace iommusim::base {

/// What happens when a fill finds no free way: one entry goes, or the whole cache (QEMU's emulated IOTLB does the
/// latter).
enum class WhenFull { replace, clear };

struct CacheConfig {
  unsigned entries = 64;       ///< 0: no cache, every lookup misses
  unsigned ways = 0;           ///< 0: fully associative; else divides entries
  std::string policy = "lru";  ///< a name of ReplacementRegistry
  WhenFull when_full = WhenFull::replace;
  IndexHash index = IndexHash::xor_space;

  CacheConfig() = default;
  CacheConfig(unsigned entries_, unsigned ways_, std::string policy_ = "lru", WhenFull when_full_ = WhenFull::replace)
      : entries(entries_), ways(ways_), policy(std::move(policy_)), when_full(when_full_) {}
  static const Fields<CacheConfig>& fields();
};

}  // namespace iommusim::base
