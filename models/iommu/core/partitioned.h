// A cache of the remapping unit: one set-associative array, or equal ones among which a tenant's number chooses.
//
// Partitions are separate arrays rather than way masks of one: they isolate tenants in lookups too, leave full
// associativity possible, and are what HyperTRIO proposes (ISCA 2020). An entry that two tenants use is held once for
// each array they look in; an invalidation must search them all.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/base/set_assoc.h"
#include "models/base/stats/group.h"
#include "models/iommu/api/request.h"
#include "models/iommu/core/cache_configs.h"

namespace iommusim::iommu {

/// For whom an entry is looked up or filled: what partitions choose by.
struct Tenant {
  SourceId device;
  DomainId domain;
  Pasid pasid;
};
/// What is known of a tenant before its context is.
inline Tenant device_of(const Request& request) { return Tenant{request.source, {}, request.pasid}; }
inline Tenant tenant_of(const Request& request, const Context& context) {
  return Tenant{request.source, context.domain, request.pasid};
}

/// What an invalidation makes hardware read: sets of each array named, and their entries. Arrays are searched at the
/// same time, so its time goes with `longest`, its energy with `entries`.
struct SearchCost {
  std::uint64_t sets = 0;     ///< in all arrays; a fully associative array is one set, compared at once
  std::uint64_t longest = 0;  ///< in the array with most of them
  std::uint64_t entries = 0;  ///< compared
  void add(std::uint64_t array_sets, std::uint64_t ways) {
    sets += array_sets;
    longest = array_sets > longest ? array_sets : longest;
    entries += array_sets * ways;
  }
  void add(const SearchCost& c) {
    sets += c.sets;
    longest = c.longest > longest ? c.longest : longest;
    entries += c.entries;
  }
};

/// `Key`, `Value`, `Hash`, `Index` as of SetAssoc; Index is made from (IndexHash, bits that number the sets of a part).
template <class Key, class Value, class Hash, class Index>
class Partitioned {
 public:
  using Array = base::SetAssoc<Key, Value, Hash, Index>;

  Partitioned(const UnitCacheConfig& config, std::uint64_t seed, const std::string& path)
      : by_(config.partition.parts > 1 ? config.partition.by : PartitionConfig::By::none) {
    const unsigned parts = by_ == PartitionConfig::By::none ? 1 : config.partition.parts;
    base::CacheConfig shape = config;
    shape.entries = config.entries / parts;
    const unsigned ways = shape.ways == 0 ? shape.entries : shape.ways;
    const Index index(config.index, base::index_bits(ways == 0 ? 1 : shape.entries / ways));
    parts_.reserve(parts);
    for (unsigned i = 0; i < parts; ++i) {
      parts_.emplace_back(shape, seed, parts == 1 ? path : path + ".part" + std::to_string(i), Hash(), index);
    }
  }

  Array& of(const Tenant& tenant) { return parts_[part_of(tenant)]; }
  const Array& of(const Tenant& tenant) const { return parts_[part_of(tenant)]; }
  std::uint32_t part_of(const Tenant& t) const {
    if (by_ == PartitionConfig::By::none) return 0;
    std::uint32_t number = t.pasid.value();
    if (by_ == PartitionConfig::By::device) number = t.device.value() ^ t.device.value() >> 8;
    if (by_ == PartitionConfig::By::domain) number = t.domain.value();
    return number % static_cast<std::uint32_t>(parts_.size());
  }
  std::vector<Array>& parts() { return parts_; }

  /// Like SetAssoc::insert; `again` does not look whether the key is present. Counts.
  typename Array::Inserted insert(const Key& key, const Value& value, const Tenant& tenant, bool again = false) {
    Array& array = of(tenant);
    const std::size_t before = array.size();
    auto inserted = again ? array.insert_again(key, value) : array.insert(key, value);
    if (inserted.cleared != 0) full_drops++;
    if (inserted.evicted) evictions++;
    if (inserted.cleared != 0 || inserted.evicted || array.size() != before) fills++;
    return inserted;
  }
  template <class Predicate>
  std::uint64_t invalidate_if(Predicate predicate) {
    std::uint64_t dropped = 0;
    for (Array& part : parts_) dropped += part.erase_if(predicate);
    invalidated += dropped;
    return dropped;
  }
  std::size_t size() const {
    std::size_t n = 0;
    for (const Array& part : parts_) n += part.size();
    return n;
  }
  std::size_t capacity() const { return parts_.size() * parts_[0].capacity(); }
  /// An invalidation that reads everything.
  SearchCost full_search() const {
    SearchCost c;
    for (const Array& part : parts_) c.add(part.sets(), part.ways());
    return c;
  }

  base::Counter fills;        ///< entries newly written; one that is present and filled again is not
  base::Counter evictions;    ///< entries displaced by a fill
  base::Counter full_drops;   ///< times the full array emptied itself (when_full: clear)
  base::Counter invalidated;  ///< entries dropped by invalidations
  void register_stats(base::Group& group) {
    group.add("fills", fills, "1", "Entries newly written");
    group.add("evictions", evictions, "1", "Entries displaced by a fill");
    group.add("full_drops", full_drops, "1", "Times the full array emptied itself (when_full: clear)");
    group.add("invalidated", invalidated, "1", "Entries dropped by invalidations");
    group.add(
        "entries", [this](base::Time) { return static_cast<double>(size()); }, "1", "Entries held at the end",
        base::Group::Extent::level);
  }

 private:
  PartitionConfig::By by_;
  std::vector<Array> parts_;
};

}  // namespace iommusim::iommu
