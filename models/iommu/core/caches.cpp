#include "models/iommu/core/caches.h"

#include <fmt/format.h>

namespace iommusim::iommu {

Caches::Caches(const RemappingUnitConfig& config, std::uint64_t seed, const std::string& path)
    : contexts_(config.context_cache, seed, path + ".context_cache"),
      iotlb_(config.iotlb, seed, path + ".iotlb"),
      interrupts_(config.interrupt_cache, seed, path + ".interrupt_cache"),
      walk_{WordsCache(config.walk_caches.level1, seed, path + ".walk_caches.level1"),
            WordsCache(config.walk_caches.level2, seed, path + ".walk_caches.level2"),
            WordsCache(config.walk_caches.level3, seed, path + ".walk_caches.level3"),
            WordsCache(config.walk_caches.level4, seed, path + ".walk_caches.level4")} {}

const Context* Caches::find_context(std::uint64_t key) { return contexts_.find(key); }
const Context* Caches::peek_context(std::uint64_t key) const { return contexts_.peek(key); }
void Caches::fill_context(std::uint64_t key, const Context& context) { contexts_.insert(key, context); }

const Translation* Caches::find_translation(Space space, std::uint64_t address) {
  // Smallest size first: where software left an old large page beside new small ones, hardware may use either.
  for (std::uint64_t sizes = sizes_present_; sizes != 0; sizes &= sizes - 1) {
    const auto size = static_cast<std::uint8_t>(__builtin_ctzll(sizes));
    if (const Translation* found = iotlb_.find(range_around(space, address, size))) return found;
  }
  return nullptr;
}

bool Caches::fill_translation(const RangeTag& tag, const Translation& translation) {
  const std::size_t before = iotlb_.size();
  const auto inserted = iotlb_.insert(tag, translation);
  if (inserted.value == nullptr) return false;
  if (inserted.cleared != 0) {
    size_count_.fill(0);
    sizes_present_ = 0;
    iotlb_full_drops++;
  } else if (inserted.evicted) {
    count_size(inserted.evicted->first, -1);
    iotlb_evictions++;
  } else if (iotlb_.size() == before) {
    return false;  // it was there: filled again by a walk for another right
  }
  count_size(tag, +1);
  return inserted.cleared != 0;
}

void Caches::count_size(const RangeTag& tag, int change) {
  const unsigned size = tag.size_log2 & 63u;
  size_count_[size] += static_cast<std::uint32_t>(change);
  const std::uint64_t bit = std::uint64_t{1} << size;
  sizes_present_ = size_count_[size] != 0 ? sizes_present_ | bit : sizes_present_ & ~bit;
}

Caches::WordsCache& Caches::words_cache(CacheKind kind, const RangeTag& tag) {
  return kind == CacheKind::interrupt_entry ? interrupts_ : walk_[(tag.level - 1u) & 3u];
}
Caches::Use& Caches::words_use(CacheKind kind, const RangeTag& tag) {
  return kind == CacheKind::interrupt_entry ? interrupt_use : walk_use[(tag.level - 1u) & 3u];
}

const CachedWords* Caches::find_words(CacheKind kind, const RangeTag& tag) {
  Use& use = words_use(kind, tag);
  use.lookups++;
  const CachedWords* found = words_cache(kind, tag).find(tag);
  if (found != nullptr) use.hits++;
  return found;
}

void Caches::fill_words(CacheKind kind, const RangeTag& tag, const CachedWords& words) {
  words_cache(kind, tag).insert(tag, words);
}

std::uint64_t Caches::invalidate(const InvalidationScope& scope) {
  std::uint64_t dropped = 0;
  if (scope.caches.has(CacheKind::context)) {
    dropped += contexts_.erase_if(
        [&](std::uint64_t key, const Context& c) { return scope.source(key) && scope.domain(c.domain.value()); });
  }
  if (scope.caches.has(CacheKind::iotlb)) {
    dropped += iotlb_.erase_if([&](const RangeTag& tag, const Translation&) {
      if (!scope.selects(tag)) return false;
      count_size(tag, -1);
      return true;
    });
  }
  if (scope.caches.has(CacheKind::walk) && !scope.leaf_only) {
    for (WordsCache& cache : walk_) {
      dropped += cache.erase_if([&](const RangeTag& tag, const CachedWords&) { return scope.selects(tag); });
    }
  }
  if (scope.caches.has(CacheKind::interrupt_entry)) {
    dropped +=
        interrupts_.erase_if([&](const RangeTag& tag, const CachedWords&) { return scope.interrupt_index(tag.base); });
  }
  invalidated += dropped;
  return dropped;
}

void Caches::register_stats(base::Group& group) {
  const auto add = [](base::Group& g, Use& use, const char* what) {
    g.add("lookups", use.lookups, "1", fmt::format("Lookups of the {}", what));
    g.add("hits", use.hits, "1", fmt::format("Lookups that hit the {}", what));
    g.add(
        "hit_rate",
        [&use](base::Time) {
          return use.lookups.value() == 0
                     ? 0.0
                     : static_cast<double>(use.hits.value()) / static_cast<double>(use.lookups.value());
        },
        "1", fmt::format("hits / lookups of the {}", what));
  };
  add(group.group("context_cache"), context_use, "device-context cache");
  base::Group& iotlb = group.group("iotlb");
  add(iotlb, iotlb_use, "IOTLB");
  iotlb.add("evictions", iotlb_evictions, "1", "Entries displaced by a fill");
  iotlb.add("full_drops", iotlb_full_drops, "1", "Times the full IOTLB emptied itself (when_full: clear)");
  base::Group& walk = group.group("walk_cache");
  for (unsigned i = 0; i < walk_use.size(); ++i) {
    add(walk.group(fmt::format("level{}", i + 1)), walk_use[i],
        fmt::format("cache of pointers to level-{} tables", i + 1).c_str());
  }
  add(group.group("interrupt_cache"), interrupt_use, "interrupt-entry cache");
  group.add("invalidated", invalidated, "1", "Cache entries dropped by invalidations");
}

}  // namespace iommusim::iommu
