// A cache of the remapping unit whose entries are ranges of address spaces: IOTLB arrays, walk caches.
//
// Entries of any power-of-two size share the array; a lookup by address probes each size that is present, smallest
// first. A fill of a range that is present replaces it in place; ranges that overlap (a large page beside small ones
// left from before) are kept side by side, as hardware may, until an invalidation selects them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "models/iommu/api/caches.h"
#include "models/iommu/core/partitioned.h"

namespace iommusim::iommu {

/// Tells entries of a set apart, and gives the default index: the page number, folded with the space.
struct RangeTagHash {
  std::uint64_t operator()(const RangeTag& t) const {
    return (t.base >> (t.size_log2 & 63)) ^ t.space * 0x9e3779b97f4a7c15u ^
           static_cast<std::uint64_t>(t.size_log2) << 56;
  }
};
struct RangeTagIndex {
  base::IndexHash kind = base::IndexHash::xor_space;
  unsigned bits = 0;
  RangeTagIndex() = default;
  RangeTagIndex(base::IndexHash k, unsigned b) : kind(k), bits(b) {}
  std::uint64_t operator()(const RangeTag& t) const {
    if (kind == base::IndexHash::xor_space) return RangeTagHash()(t);
    return base::index_of(kind, t.base >> (t.size_log2 & 63), t.space * 0x9e3779b97f4a7c15u, bits);
  }
};

/// The entries of page-sized ranges that an invalidation's address names: 2^log2 bytes around `base` of one space.
struct ExactScope {
  bool exact = false;  ///< false: the scope names more, or less regular, ranges than can be probed
  Space space = 0;
  std::uint64_t base = 0;
  std::uint8_t log2 = 0;
  explicit ExactScope(const InvalidationScope& scope) {
    const std::uint64_t mask = scope.address.mask;
    if (scope.space.mask != ~std::uint64_t{0} || mask == 0) return;
    log2 = static_cast<std::uint8_t>(__builtin_ctzll(mask));
    exact = mask >> log2 == ~std::uint64_t{0} >> log2;
    space = scope.space.value;
    base = scope.address.value & mask;
  }
  /// How many ranges of 2^size bytes it covers.
  std::uint64_t ranges(unsigned size) const { return size >= log2 ? 1 : std::uint64_t{1} << (log2 - size); }
};

template <class Value>
class RangeCache : public Partitioned<RangeTag, Value, RangeTagHash, RangeTagIndex> {
 public:
  using Base = Partitioned<RangeTag, Value, RangeTagHash, RangeTagIndex>;
  using typename Base::Array;

  /// All tags carry this stage and level.
  RangeCache(const UnitCacheConfig& config, std::uint64_t seed, const std::string& path, std::uint8_t stage = 0,
             std::uint8_t level = 0)
      : Base(config, seed, path), stage_(stage), level_(level) {}

  Value* find(const RangeTag& tag, const Tenant& tenant) { return this->of(tenant).find(tag); }
  const Value* peek(const RangeTag& tag, const Tenant& tenant) const { return this->of(tenant).peek(tag); }
  /// The entry of the smallest range around `address`: where software left an old large page beside new small ones,
  /// hardware may use either.
  const Value* find_around(Space space, std::uint64_t address, const Tenant& tenant) {
    Array& array = this->of(tenant);
    for (std::uint64_t sizes = sizes_present_; sizes != 0; sizes &= sizes - 1) {
      const auto size = static_cast<std::uint8_t>(__builtin_ctzll(sizes));
      if (const Value* found = array.find(range_around(space, address, size, stage_, level_))) return found;
    }
    return nullptr;
  }
  /// Whether find_around() would hit; the policy does not notice.
  bool holds_around(Space space, std::uint64_t address, const Tenant& tenant) const {
    for (std::uint64_t sizes = sizes_present_; sizes != 0; sizes &= sizes - 1) {
      const auto size = static_cast<std::uint8_t>(__builtin_ctzll(sizes));
      if (peek(range_around(space, address, size, stage_, level_), tenant) != nullptr) return true;
    }
    return false;
  }
  /// True if a full array emptied itself first. `again`: without looking whether the range is present.
  bool fill(const RangeTag& tag, const Value& value, const Tenant& tenant, bool again = false) {
    Array& array = this->of(tenant);
    const std::size_t before = array.size();
    const auto inserted = this->insert(tag, value, tenant, again);
    if (inserted.value == nullptr) return false;
    if (inserted.cleared != 0) {
      recount();
      return true;
    }
    if (inserted.evicted) {
      count(inserted.evicted->first, -1);
    } else if (array.size() == before) {
      return false;  // it was there: filled again by a walk for another right
    }
    count(tag, +1);
    return false;
  }

  /// SetAssoc::reserve() of the set of `tag`; false: every way of it is reserved.
  bool reserve(const RangeTag& tag, const Tenant& tenant) {
    auto [held, evicted] = this->of(tenant).reserve(tag);
    if (evicted) {
      this->evictions++;
      count(evicted->first, -1);
    }
    return held;
  }

  std::uint64_t invalidate(const InvalidationScope& scope) {
    if ((scope.stages >> stage_ & 1u) == 0 || sizes_present_ == 0) return 0;
    const ExactScope exact(scope);
    if (exact.exact && probes(exact) <= this->capacity() / 4) return invalidate_exactly(exact);
    return invalidate_where([&](const RangeTag& tag) { return scope.selects(tag); });
  }
  template <class Predicate>
  std::uint64_t invalidate_where(Predicate selected) {
    return this->invalidate_if([&](const RangeTag& tag, const Value&) {
      if (!selected(tag)) return false;
      count(tag, -1);
      return true;
    });
  }
  /// An exact page is looked for in its set, once per size present; anything else reads all sets.
  SearchCost search_cost(const InvalidationScope& scope) const {
    SearchCost all;
    if ((scope.stages >> stage_ & 1u) == 0 || this->capacity() == 0) return all;
    all = this->full_search();
    const ExactScope exact(scope);
    if (!exact.exact) return all;
    const auto sets = all.longest;
    std::uint64_t probed = 0;
    for (std::uint64_t s = sizes_present_; s != 0 && probed < sets; s &= s - 1) {
      probed += std::min<std::uint64_t>(sets, exact.ranges(static_cast<unsigned>(__builtin_ctzll(s))));
    }
    probed = std::max<std::uint64_t>(1, std::min(probed, sets));
    return SearchCost{all.sets / sets * probed, probed, all.entries / sets * probed};
  }
  std::uint64_t sizes_present() const { return sizes_present_; }

 private:
  void count(const RangeTag& tag, int change) {
    const unsigned size = tag.size_log2 & 63u;
    size_count_[size] += static_cast<std::uint32_t>(change);
    const std::uint64_t bit = std::uint64_t{1} << size;
    sizes_present_ = size_count_[size] != 0 ? sizes_present_ | bit : sizes_present_ & ~bit;
  }
  void recount() {
    size_count_.fill(0);
    sizes_present_ = 0;
    for (Array& part : this->parts()) part.for_each([&](const RangeTag& tag, const Value&) { count(tag, +1); });
  }
  std::uint64_t probes(const ExactScope& exact) const {
    std::uint64_t n = 0;
    for (std::uint64_t s = sizes_present_; s != 0; s &= s - 1) {
      n += std::min<std::uint64_t>(this->capacity(), exact.ranges(static_cast<unsigned>(__builtin_ctzll(s))));
    }
    return n;
  }
  std::uint64_t invalidate_exactly(const ExactScope& exact) {
    std::uint64_t dropped = 0;
    for (std::uint64_t s = sizes_present_; s != 0; s &= s - 1) {
      const auto size = static_cast<std::uint8_t>(__builtin_ctzll(s));
      const std::uint64_t n = exact.ranges(size);
      for (std::uint64_t i = 0; i < n; ++i) {
        const RangeTag tag = range_around(exact.space, exact.base + (i << size), size, stage_, level_);
        for (Array& part : this->parts()) {
          while (part.erase(tag)) {  // more than one where fills do not look
            count(tag, -1);
            ++dropped;
          }
        }
      }
    }
    this->invalidated += dropped;
    return dropped;
  }

  std::uint8_t stage_, level_;
  std::array<std::uint32_t, 64> size_count_{};  ///< entries per size_log2
  std::uint64_t sizes_present_ = 0;             ///< bit n: size_count_[n] != 0
};

}  // namespace iommusim::iommu
