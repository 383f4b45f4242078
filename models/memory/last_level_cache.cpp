#include "models/memory/last_level_cache.h"

namespace iommusim::mem {

using tlm::Traffic;

LastLevelCache::LastLevelCache(const LlcConfig& config, std::uint64_t seed, const std::string& name)
    : config_(config),
      enabled_(config.size.value() != 0),
      ddio_mask_(config.ddio_ways >= 64 ? base::all_ways : (base::WayMask{1} << config.ddio_ways) - 1),
      lines_(base::CacheConfig(static_cast<unsigned>(config.size.value() / kLineBytes), enabled_ ? config.ways : 0,
                               config.policy),
             seed, name) {}

LastLevelCache::Outcome LastLevelCache::access(std::uint64_t line, Traffic traffic, bool write, bool reads) {
  Outcome outcome;
  outcome.source = write && !reads ? Source::dram_write : Source::dram_read;
  if (!enabled_) {
    if (write && reads) outcome.write_back = line;
    return outcome;
  }
  const bool from_core = traffic == Traffic::cpu;
  const bool walk = traffic == Traffic::walk;
  const bool bypass = walk ? config_.walks == WalkCaching::uncached : !from_core && write && config_.ddio_ways == 0;
  if (bypass) {
    // Written past the cache, a line must not stay in it; read past it, a dirty copy is the reader's problem
    // (non-coherent walks).
    if (write) lines_.erase(line);
    if (write && reads) outcome.write_back = line;
    return outcome;
  }
  if (Line* present = lines_.find(line)) {
    ++hits_;
    present->dirty |= write;
    outcome.source = Source::cache;
    return outcome;
  }
  ++misses_;
  const bool dma_write = write && !from_core && !walk;
  const bool allocate = from_core || walk || dma_write || config_.dma_reads_allocate;
  if (!allocate) return outcome;
  const auto inserted = lines_.insert(line, Line{write}, dma_write ? ddio_mask_ : base::all_ways);
  if (inserted.evicted && inserted.evicted->second.dirty) {
    ++write_backs_;
    outcome.write_back = inserted.evicted->first;
  }
  // A plain DMA write lands in the cache; the others need the line from DRAM.
  outcome.source = dma_write && !reads ? Source::cache : Source::dram_read;
  return outcome;
}

void LastLevelCache::add_stats(base::Group& group) {
  group.add("hits", hits_, "1", "Line accesses that found their line");
  group.add("misses", misses_, "1", "Line accesses that did not; bypassing accesses count as neither");
  group.add("write_backs", write_backs_, "1", "Dirty lines evicted to DRAM");
}

}  // namespace iommusim::mem
