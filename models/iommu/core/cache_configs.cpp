#include "models/iommu/core/cache_configs.h"

namespace iommusim::iommu {

using base::Fields;
using base::Report;
using base::Time;

const Fields<PartitionConfig>& PartitionConfig::fields() {
  using By = PartitionConfig::By;
  static const Fields<PartitionConfig> f =
      Fields<PartitionConfig>("partition", "Equal arrays, one of which a requester's number chooses")
          .field(
              "by", &PartitionConfig::by,
              "The number that chooses: of the device (bus number folded onto device and function), domain or PASID, "
              "modulo parts",
              {{"none", By::none}, {"device", By::device}, {"domain", By::domain}, {"pasid", By::pasid}})
          .source("off; by device is the proposal of HyperTRIO (Lavrov and Wentzlaff, ISCA 2020)")
          .field("parts", &PartitionConfig::parts, "Number of arrays; divides the entries")
          .range(1, 4096)
          .check([](const PartitionConfig& c, Report& r) {
            if (c.by == By::none && c.parts != 1)
              r.error("parts", std::to_string(c.parts) + " parts need `by: device`, `domain` or `pasid` to choose one");
          });
  return f;
}

const Fields<UnitCacheConfig>& UnitCacheConfig::fields() {
  static const Fields<UnitCacheConfig> f =
      Fields<UnitCacheConfig>("unit_cache", "Shape, replacement and partitions of a cache of the remapping unit")
          .inherit(base::CacheConfig::fields())
          .object("partition", &UnitCacheConfig::partition, "Division among tenants")
          .check([](const UnitCacheConfig& c, Report& r) {
            if (c.partition.parts == 1) return;
            if (c.partition.parts == 0 || c.entries % c.partition.parts != 0)
              r.error("partition.parts", std::to_string(c.partition.parts) + " parts do not divide " +
                                             std::to_string(c.entries) + " entries into equal arrays");
            else if (c.ways != 0 && c.entries != 0 && c.entries / c.partition.parts % c.ways != 0)
              r.error("partition.parts", std::to_string(c.ways) + " ways do not divide the " +
                                             std::to_string(c.entries / c.partition.parts) + " entries of a part");
            else if (c.ways == 0 && c.policy == "tree_plru") {
              const unsigned each = c.entries / c.partition.parts;
              if ((each & (each - 1)) != 0)
                r.error("policy", "tree_plru needs a power of two of ways, not the " + std::to_string(each) +
                                      " of a fully associative part");
            }
          });
  return f;
}

const Fields<FirstLevelConfig>& FirstLevelConfig::fields() {
  static const Fields<FirstLevelConfig> f =
      Fields<FirstLevelConfig>("iotlb_first_level",
                               "First level of the IOTLB, an array per root port; 0 entries: none. Lookups that miss "
                               "it go on to the shared IOTLB, whose port and latency come on top")
          .inherit(UnitCacheConfig::fields())
          .field("latency", &FirstLevelConfig::latency, "Lookup of the first level")
          .range(Time(), Time::us(10))
          .source("assumed: half of the shared IOTLB's")
          .field("lookup_interval", &FirstLevelConfig::lookup_interval,
                 "Spacing of two lookups of one port; 0: unlimited rate")
          .range(Time(), Time::us(10))
          .source("zero until a measurement separates it from the latencies around it");
  return f;
}

const Fields<IotlbConfig>& IotlbConfig::fields() {
  using Split = IotlbConfig::Split;
  static const char* const kLarge =
      "assumed: the first-level data TLB of Intel cores has 32 entries of 2 MiB and 4 of 1 GiB beside 64 of 4 KiB";
  static const Fields<IotlbConfig> f =
      Fields<IotlbConfig>("iotlb",
                          "Translations: one array for all page sizes or one per size class, and a first level")
          .inherit(UnitCacheConfig::fields())
          .field("split", &IotlbConfig::split,
                 "none: one array for all sizes; by_size: this one holds ranges below 2 MiB, size_2m and size_1g the "
                 "larger ones",
                 {{"none", Split::none}, {"by_size", Split::by_size}})
          .source("assumed: unknown for IOTLBs")
          .object("size_2m", &IotlbConfig::size_2m, "With by_size: ranges from 2 MiB to below 1 GiB")
          .source(kLarge)
          .object("size_1g", &IotlbConfig::size_1g, "With by_size: ranges of 1 GiB and more")
          .source(kLarge)
          .object("per_port", &IotlbConfig::per_port, "First level, one array per root port")
          .source(
              "absent: Intel describes one IOTLB per unit; Arm's MMU-600 (TBU and TCU) and AMD's units (L1 and L2) "
              "have two levels")
          .field("reserve_on_miss", &IotlbConfig::reserve_on_miss,
                 "A page walk takes the entry it will fill when it starts: the entry is of no use until it ends")
          .source("off: unknown for IOTLBs; an option for studies")
          .field(
              "duplicate_fills", &IotlbConfig::duplicate_fills,
              "A fill does not look whether its page is present: walks of one page that did not merge leave an entry "
              "each")
          .source("off: unknown for IOTLBs; an option for studies");
  return f;
}

const UnitCacheConfig& WalkLevelsConfig::level(unsigned n) const {
  const UnitCacheConfig WalkLevelsConfig::*const levels[] = {&WalkLevelsConfig::level1, &WalkLevelsConfig::level2,
                                                             &WalkLevelsConfig::level3, &WalkLevelsConfig::level4,
                                                             &WalkLevelsConfig::level5};
  return this->*levels[n - 1];
}

const Fields<WalkLevelsConfig>& WalkLevelsConfig::fields() {
  static const char* const kSizes =
      "assumed: vendors publish no sizes; 64 entries of 2 MiB are the guess of Fast & Safe (SOSP 2024)";
  static const Fields<WalkLevelsConfig> f =
      Fields<WalkLevelsConfig>("walk_levels", "Page-walk caches of one stage, one per table level")
          .object("level1", &WalkLevelsConfig::level1,
                  "Pointers to level-1 tables, each covering 2 MiB: a hit leaves one memory read")
          .source(kSizes)
          .object("level2", &WalkLevelsConfig::level2, "Pointers to level-2 tables, each covering 1 GiB")
          .source(kSizes)
          .object("level3", &WalkLevelsConfig::level3, "Pointers to level-3 tables, each covering 512 GiB")
          .source(kSizes)
          .object("level4", &WalkLevelsConfig::level4,
                  "Pointers to level-4 tables of five-level walks, each covering 256 TiB")
          .source(kSizes)
          .object("level5", &WalkLevelsConfig::level5, "Pointers to level-5 tables of six-level walks (AMD)")
          .source(kSizes);
  return f;
}

const WalkLevelsConfig& WalkCachesConfig::stage(unsigned n) const {
  const auto& own = n == 1 ? first_stage : second_stage;
  return own ? *own : *this;
}

const Fields<WalkCachesConfig>& WalkCachesConfig::fields() {
  static const Fields<WalkCachesConfig> f =
      Fields<WalkCachesConfig>("walk_caches",
                               "Page-walk caches, one per stage and table level (VT-d 4.1 section 6.2.4). The levels "
                               "given here hold for either stage that has none of its own")
          .inherit(WalkLevelsConfig::fields())
          .optional_object("first_stage", &WalkCachesConfig::first_stage, "Caches of first-stage tables")
          .source("as second_stage")
          .optional_object("second_stage", &WalkCachesConfig::second_stage,
                           "Caches of second-stage tables, VT-d legacy mode's included")
          .source("as first_stage")
          .object("nested", &WalkCachesConfig::nested,
                  "Where pages of first-stage tables lie, by guest-physical address: a hit spares a second-stage walk")
          .source("assumed: vendors publish no sizes; as many as pointers to level-1 tables");
  return f;
}

}  // namespace iommusim::iommu
