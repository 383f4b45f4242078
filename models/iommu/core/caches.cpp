#include "models/iommu/core/caches.h"

#include <fmt/format.h>

namespace iommusim::iommu {

Caches::Caches(const RemappingUnitConfig& config, std::uint64_t seed, const std::string& path, unsigned ports)
    : reserve_on_miss_(config.iotlb.reserve_on_miss),
      contexts_(config.context_cache, seed, path + ".context_cache"),
      processes_(config.process_cache, seed, path + ".process_cache"),
      iotlb_(config.iotlb, seed, path + ".iotlb"),
      interrupts_(config.interrupt_cache, seed, path + ".interrupt_cache"),
      nested_(config.walk_caches.nested, seed, path + ".walk_caches.nested", 2, 0) {
  if (config.iotlb.per_port.entries != 0) {
    const UnitCacheConfig& level = config.iotlb.per_port;
    for (unsigned i = 0; i < ports; ++i) {
      first_level_.emplace_back(level, seed, fmt::format("{}.iotlb.port{}", path, i));
    }
  }
  walk_.reserve(2 * kLevels);
  for (std::uint8_t stage = 1; stage <= 2; ++stage) {
    const char* const name = stage == 1 ? "first_stage" : "second_stage";
    for (std::uint8_t level = 1; level <= kLevels; ++level) {
      walk_.emplace_back(config.walk_caches.stage(stage).level(level), seed,
                         fmt::format("{}.walk_caches.{}.level{}", path, name, level), stage, level);
    }
  }
}

// ---- contexts

const Context* Caches::find_context(std::uint64_t key, const Tenant& tenant) { return contexts_.of(tenant).find(key); }
const Context* Caches::peek_context(std::uint64_t key, const Tenant& tenant) const {
  return contexts_.of(tenant).peek(key);
}
void Caches::fill_context(std::uint64_t key, const Context& context, const Tenant& tenant) {
  contexts_.insert(key, context, tenant);
}
const Context* Caches::find_process(std::uint64_t key, const Tenant& tenant) { return processes_.of(tenant).find(key); }
const Context* Caches::peek_process(std::uint64_t key, const Tenant& tenant) const {
  return processes_.of(tenant).peek(key);
}
void Caches::fill_process(std::uint64_t key, const Context& context, const Tenant& tenant) {
  processes_.insert(key, context, tenant);
}

// ---- translations

const Translation* Caches::find_first_level(unsigned port, Space space, std::uint64_t address, const Tenant& tenant) {
  return first_level_[port].find(space, address, tenant);
}
void Caches::fill_first_level(unsigned port, const RangeTag& tag, const Translation& translation,
                              const Tenant& tenant) {
  first_level_[port].fill(tag, translation, tenant);
}
bool Caches::fill_translation(const RangeTag& tag, const Translation& translation, const Tenant& tenant) {
  return iotlb_.fill(tag, translation, tenant);
}

// ---- walk and interrupt-entry caches

// Entries of level 0 are pages of tables; a tag without a stage (a single-stage walk that does not say) counts as the
// second's.
Caches::Words Caches::words_of(CacheKind kind, const RangeTag& tag) {
  if (kind == CacheKind::interrupt_entry) return {&interrupts_, &interrupt_use, tag};
  Words w{&nested_, &nested_use, tag};
  const unsigned stage = tag.stage == 1 && tag.level != 0 ? 1 : 2;
  w.tag.stage = static_cast<std::uint8_t>(stage);
  if (tag.level == 0) return w;
  const unsigned level = tag.level <= kLevels ? tag.level : kLevels;
  w.cache = &walk_[(stage - 1) * kLevels + level - 1];
  w.use = &walk_use[stage - 1][level - 1];
  return w;
}

const CachedWords* Caches::find_words(CacheKind kind, const RangeTag& tag, const Tenant& tenant) {
  const Words w = words_of(kind, tag);
  w.use->lookups++;
  const CachedWords* found = w.cache->find(w.tag, tenant);
  if (found != nullptr) w.use->hits++;
  return found;
}
bool Caches::holds_words(CacheKind kind, const RangeTag& tag, const Tenant& tenant) {
  const Words w = words_of(kind, tag);
  return w.cache->peek(w.tag, tenant) != nullptr;
}
void Caches::fill_words(CacheKind kind, const RangeTag& tag, const CachedWords& words, const Tenant& tenant) {
  const Words w = words_of(kind, tag);
  w.cache->fill(w.tag, words, tenant);
}

// ---- invalidation

// Leaf-only invalidations reach the pages of tables: those are leaves of the second stage (RISC-V IOTINVAL.GVMA NL).
std::uint64_t Caches::invalidate(const InvalidationScope& scope) {
  std::uint64_t dropped = 0;
  const auto contexts = [&](std::uint64_t key, const Context& c) {
    return scope.source(key) && scope.domain(c.domain.value());
  };
  if (scope.caches.has(CacheKind::context)) dropped += contexts_.invalidate_if(contexts);
  if (scope.caches.has(CacheKind::process)) dropped += processes_.invalidate_if(contexts);
  if (scope.caches.has(CacheKind::iotlb)) {
    dropped += iotlb_.invalidate(scope);
    for (Iotlb& level : first_level_) dropped += level.invalidate(scope);
  }
  if (scope.caches.has(CacheKind::walk)) {
    dropped += nested_.invalidate(scope);
    if (!scope.leaf_only)
      for (WordsCache& cache : walk_) dropped += cache.invalidate(scope);
  }
  if (scope.caches.has(CacheKind::interrupt_entry)) {
    dropped += interrupts_.invalidate_where([&](const RangeTag& tag) { return scope.interrupt_index(tag.base); });
  }
  invalidated += dropped;
  return dropped;
}

SearchCost Caches::search_cost(const InvalidationScope& scope, CacheKind kind) const {
  SearchCost cost;
  if (!scope.caches.has(kind)) return cost;
  switch (kind) {
    case CacheKind::context: return contexts_.full_search();
    case CacheKind::process: return processes_.full_search();
    case CacheKind::iotlb:
      cost = iotlb_.search_cost(scope);
      for (const Iotlb& level : first_level_) cost.add(level.search_cost(scope));
      return cost;
    case CacheKind::walk:
      cost = nested_.search_cost(scope);
      if (!scope.leaf_only)
        for (const WordsCache& cache : walk_) cost.add(cache.search_cost(scope));
      return cost;
    case CacheKind::interrupt_entry: return interrupts_.full_search();
  }
  return cost;
}
SearchCost Caches::search_cost(const InvalidationScope& scope) const {
  SearchCost cost;
  for (unsigned kind = 0; kind < kCacheKinds; ++kind) cost.add(search_cost(scope, static_cast<CacheKind>(kind)));
  return cost;
}

// ---- statistics

namespace {

void add_use(base::Group& g, Caches::Use& use, const std::string& what) {
  g.add("lookups", use.lookups, "1", "Lookups of the " + what);
  g.add("hits", use.hits, "1", "Lookups that hit the " + what);
  g.add("hit_rate", base::Group::Ratio{&use.hits, &use.lookups}, "1", "hits / lookups of the " + what);
}

}  // namespace

void Caches::register_stats(base::Group& group) {
  add_use(group.group("context_cache"), context_use, "device-context cache");
  contexts_.register_stats(group.group("context_cache"));
  add_use(group.group("process_cache"), process_use, "process-context cache");
  processes_.register_stats(group.group("process_cache"));
  base::Group& iotlb = group.group("iotlb");
  add_use(iotlb, iotlb_use, "IOTLB");
  iotlb_.register_stats(iotlb);
  if (two_levels()) {
    base::Group& first = iotlb.group("first_level");
    add_use(first, first_level_use, "first level of the IOTLB, all ports");
    for (std::size_t i = 0; i < first_level_.size(); ++i)
      first_level_[i].register_stats(first.group(fmt::format("port{}", i)));
  }
  base::Group& walk = group.group("walk_cache");
  for (unsigned s = 0; s < 2; ++s) {
    base::Group& stage = walk.group(s == 0 ? "first_stage" : "second_stage");
    const char* const text = s == 0 ? "first" : "second";
    for (unsigned i = 0; i < kLevels; ++i) {
      base::Group& level = stage.group(fmt::format("level{}", i + 1));
      add_use(level, walk_use[s][i], fmt::format("cache of pointers to {}-stage tables of level {}", text, i + 1));
      walk_[s * kLevels + i].register_stats(level);
    }
  }
  add_use(walk.group("nested"), nested_use, "cache of guest-physical pages of tables");
  nested_.register_stats(walk.group("nested"));
  add_use(group.group("interrupt_cache"), interrupt_use, "interrupt-entry cache");
  interrupts_.register_stats(group.group("interrupt_cache"));
  group.add("invalidated", invalidated, "1", "Cache entries dropped by invalidations");
}

}  // namespace iommusim::iommu
