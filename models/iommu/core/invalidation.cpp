#include "models/iommu/core/invalidation.h"

namespace iommusim::iommu {

using base::Fields;
using base::Time;

InvalidationGrain grain_of(const InvalidationScope& scope) {
  if (scope.address.mask != 0) return InvalidationGrain::page;
  const std::uint64_t compared = scope.source.mask | scope.domain.mask | scope.space.mask | scope.interrupt_index.mask;
  return compared == 0 ? InvalidationGrain::global : InvalidationGrain::selective;
}

InvalidationScope widened(InvalidationScope scope, InvalidationReach reach) {
  if (reach >= InvalidationReach::all_levels) scope.leaf_only = false;
  if (reach >= InvalidationReach::space) scope.address = Match{};
  if (reach == InvalidationReach::all) {
    scope.space = Match{};
    scope.stages = 0xff;
  }
  return scope;
}

namespace {
const base::Choices<InvalidationReach> kReach = {{"as_specified", InvalidationReach::as_specified},
                                                 {"all_levels", InvalidationReach::all_levels},
                                                 {"space", InvalidationReach::space},
                                                 {"all", InvalidationReach::all}};
}

const Fields<InvalidationLatencyConfig>& InvalidationLatencyConfig::fields() {
  static const char* const kZero = "zero until a measurement separates it from the round trip of a wait command";
  static const Fields<InvalidationLatencyConfig> f =
      Fields<InvalidationLatencyConfig>("invalidation_latency", "Time to search the caches for what a command drops")
          .field("global", &InvalidationLatencyConfig::global, "Commands that empty whole caches")
          .range(Time(), Time::ms(1))
          .source(kZero)
          .field("selective", &InvalidationLatencyConfig::selective,
                 "Fixed part for commands that name a domain, PASID, device or interrupt entries")
          .range(Time(), Time::ms(1))
          .source(kZero)
          .field("page", &InvalidationLatencyConfig::page, "Fixed part for commands that name addresses")
          .range(Time(), Time::ms(1))
          .source(kZero)
          .field("per_set", &InvalidationLatencyConfig::per_set,
                 "For each set looked through, of the array with most, as arrays are searched at once: all of it for "
                 "selective commands, one per page for commands by address")
          .range(Time(), Time::us(100))
          .source(kZero);
  return f;
}

const Fields<InvalidationConfig>& InvalidationConfig::fields() {
  static const char* const kSpecified =
      "what the specifications ask (VT-d 4.1 section 6.5.2.4, RISC-V IOMMU 1.0 section 4.1.1); Fast & Safe (SOSP 2024) "
      "measures just that on Intel";
  static const Fields<InvalidationConfig> f =
      Fields<InvalidationConfig>("invalidation", "What invalidation commands really drop, and what that takes")
          .field("page_iotlb", &InvalidationConfig::page_iotlb,
                 "IOTLB, on commands by address: as_specified, space (every address of the spaces named), all", kReach)
          .source(kSpecified)
          .field("page_walk_caches", &InvalidationConfig::page_walk_caches,
                 "Page-walk caches, on commands by address: all_levels ignores the leaf-only hint", kReach)
          .source(kSpecified)
          .field("selective_iotlb", &InvalidationConfig::selective_iotlb,
                 "IOTLB, on commands by domain or PASID: as_specified or all", kReach)
          .source(kSpecified)
          .field("selective_walk_caches", &InvalidationConfig::selective_walk_caches,
                 "Page-walk caches, on commands by domain or PASID: as_specified or all", kReach)
          .source(kSpecified)
          .object("latency", &InvalidationConfig::latency, "Time of the search");
  return f;
}

}  // namespace iommusim::iommu
