// Names of the caches of a remapping unit, the tags their entries carry, and the terms in which an invalidation selects
// them.
#pragma once

#include <cstdint>

namespace iommusim::iommu {

/// The caches an architecture's walk may consult or fill and an invalidation may empty.
enum class CacheKind : std::uint8_t {
  context,          ///< device contexts
  iotlb,            ///< finished translations
  walk,             ///< pointers to page tables, by stage and level; level 0: the second-stage page of a table (nested)
  interrupt_entry,  ///< interrupt and MSI table entries
  process           ///< process contexts: what a PASID adds to a device context
};
constexpr unsigned kCacheKinds = 5;

/// A set of CacheKind.
class CacheSet {
 public:
  constexpr CacheSet() = default;
  constexpr CacheSet with(CacheKind k) const { return CacheSet(bits_ | 1u << static_cast<unsigned>(k)); }
  constexpr CacheSet without(CacheKind k) const { return CacheSet(bits_ & ~(1u << static_cast<unsigned>(k))); }
  constexpr bool has(CacheKind k) const { return (bits_ >> static_cast<unsigned>(k) & 1u) != 0; }
  constexpr bool empty() const { return bits_ == 0; }

 private:
  constexpr explicit CacheSet(unsigned bits) : bits_(bits) {}
  unsigned bits_ = 0;
};

/// Which address space an IOTLB or walk-cache entry belongs to: a number the architecture packs (domain, PASID, VMID,
/// ASID).
using Space = std::uint64_t;

/// Tag of an IOTLB or walk-cache entry: a naturally aligned range of one address space.
/// For a walk-cache entry `level` is the level of the table the entry points to, the range what that table maps.
struct RangeTag {
  Space space = 0;
  std::uint64_t base = 0;  ///< first byte address, aligned to 2^size_log2
  std::uint8_t size_log2 = 12;
  std::uint8_t stage = 0;  ///< walk caches: 1 first stage, 2 second (of a single-stage unit too); 0 in the IOTLB
  std::uint8_t level = 0;  ///< 0 in the IOTLB
  friend bool operator==(const RangeTag& a, const RangeTag& b) {
    return a.space == b.space && a.base == b.base && a.size_log2 == b.size_log2 && a.stage == b.stage &&
           a.level == b.level;
  }
};

/// The range of 2^size_log2 bytes around an address.
inline RangeTag range_around(Space space, std::uint64_t address, std::uint8_t size_log2, std::uint8_t stage = 0,
                             std::uint8_t level = 0) {
  const std::uint64_t low = size_log2 >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << size_log2) - 1;
  return RangeTag{space, address & ~low, size_log2, stage, level};
}

/// Selects numbers: those equal to `value` where `mask` has ones. The default selects all.
struct Match {
  std::uint64_t value = 0;
  std::uint64_t mask = 0;
  constexpr bool operator()(std::uint64_t x) const { return ((x ^ value) & mask) == 0; }
  static constexpr Match exactly(std::uint64_t v) { return Match{v, ~std::uint64_t{0}}; }
};

/// Which entries of which caches an invalidation drops. Every test must hold; defaults select everything in `caches`.
struct InvalidationScope {
  CacheSet caches;
  Match source;   ///< context and process caches: over the key the architecture gave (source, PASID)
  Match domain;   ///< context and process caches: over the entry's domain
  Match space;    ///< IOTLB and walk caches
  Match address;  ///< IOTLB and walk caches, over byte addresses; bits inside an entry's own range are not compared
  Match interrupt_index;       ///< interrupt-entry cache
  std::uint8_t stages = 0xff;  ///< IOTLB and walk caches: bit n selects entries of RangeTag::stage n
  /// Leave the walk caches alone even where `caches` names them, but for entries of level 0 (VT-d IH, RISC-V NL).
  bool leaf_only = false;

  /// True if an entry of the IOTLB or of a walk cache is selected (apart from `caches` and `leaf_only`).
  bool selects(const RangeTag& tag) const {
    if (!space(tag.space) || (stages >> tag.stage & 1u) == 0) return false;
    const std::uint64_t inside = tag.size_log2 >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << tag.size_log2) - 1;
    return ((tag.base ^ address.value) & address.mask & ~inside) == 0;
  }
  /// True if an entry with this tag goes, of a cache that is tagged so: IOTLB, walk caches, interrupt entries.
  bool drops(CacheKind kind, const RangeTag& tag) const {
    if (!caches.has(kind)) return false;
    if (kind == CacheKind::interrupt_entry) return interrupt_index(tag.base);
    return selects(tag) && !(kind == CacheKind::walk && leaf_only && tag.level != 0);
  }
  /// True if a device or process context goes that is cached under `key`.
  bool drops_context(CacheKind kind, std::uint64_t key, std::uint64_t its_domain) const {
    return caches.has(kind) && source(key) && domain(its_domain);
  }
};

}  // namespace iommusim::iommu
