// Parameters of a remapping unit's caches: shape, index, partitions; levels and page-size arrays of the IOTLB; walk
// caches by stage and level.
#pragma once

#include <optional>

#include "models/base/cache_config.h"
#include "models/base/config/fields.h"
#include "models/base/types.h"

namespace iommusim::iommu {

/// Division of a cache into equal arrays, one of which a requester's device, domain or PASID chooses. A lookup sees its
/// own array only, so tenants cannot evict each other across arrays; an invalidation searches all.
struct PartitionConfig {
  enum class By : std::uint8_t { none, device, domain, pasid };
  By by = By::none;
  unsigned parts = 1;
  static const base::Fields<PartitionConfig>& fields();
};

/// One cache of the unit.
struct UnitCacheConfig : base::CacheConfig {
  PartitionConfig partition;

  using base::CacheConfig::CacheConfig;
  UnitCacheConfig() = default;
  UnitCacheConfig(const base::CacheConfig& shape) : base::CacheConfig(shape) {}
  static const base::Fields<UnitCacheConfig>& fields();
};

/// First level of the IOTLB: one array per upstream port. 0 entries: there is no first level.
struct FirstLevelConfig : UnitCacheConfig {
  base::Time latency = base::Time::ns(1);  ///< of its lookup
  base::Time lookup_interval;              ///< spacing of two lookups of one port; 0: unlimited rate

  FirstLevelConfig() : UnitCacheConfig(0, 0) {}
  static const base::Fields<FirstLevelConfig>& fields();
};

/// The shared IOTLB, and what stands before it.
struct IotlbConfig : UnitCacheConfig {
  enum class Split : std::uint8_t {
    none,    ///< one array holds entries of all sizes
    by_size  ///< arrays of their own for ranges of 2 MiB up and of 1 GiB up
  };
  Split split = Split::none;
  UnitCacheConfig size_2m{32, 0};  ///< with by_size: ranges of at least 2 MiB, below 1 GiB
  UnitCacheConfig size_1g{4, 0};   ///< with by_size: ranges of at least 1 GiB
  FirstLevelConfig per_port;
  bool reserve_on_miss = false;  ///< a walk takes its entry when it starts, not when it ends
  bool duplicate_fills = false;  ///< a fill does not look whether the page is there already

  using UnitCacheConfig::UnitCacheConfig;
  IotlbConfig() : UnitCacheConfig(128, 0) {}
  IotlbConfig(const base::CacheConfig& shape) : UnitCacheConfig(shape) {}
  static const base::Fields<IotlbConfig>& fields();
};

/// Walk caches of one stage: `levelN` holds entries that point to a level-N table (level 1 maps 4 KiB pages), so a hit
/// in level 1 leaves one memory read. 0 entries: no such cache.
struct WalkLevelsConfig {
  UnitCacheConfig level1{64, 0};
  UnitCacheConfig level2{32, 0};
  UnitCacheConfig level3{16, 0};
  UnitCacheConfig level4{4, 0};
  UnitCacheConfig level5{4, 0};
  const UnitCacheConfig& level(unsigned n) const;  ///< 1..5
  static const base::Fields<WalkLevelsConfig>& fields();
};

/// All walk caches. The levels given directly hold for each stage that has none of its own.
struct WalkCachesConfig : WalkLevelsConfig {
  std::optional<WalkLevelsConfig> first_stage, second_stage;
  UnitCacheConfig nested{64, 0};                    ///< guest-physical pages of first-stage tables
  const WalkLevelsConfig& stage(unsigned n) const;  ///< 1 or 2
  static const base::Fields<WalkCachesConfig>& fields();
};

}  // namespace iommusim::iommu
