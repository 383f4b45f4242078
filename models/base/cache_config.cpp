#include "models/base/cache_config.h"

#include "models/base/policies/replacement.h"

namespace iommusim::base {

const Fields<CacheConfig>& CacheConfig::fields() {
  static const Fields<CacheConfig> f =
      Fields<CacheConfig>("cache", "Size and replacement of a set-associative cache")
          .field("entries", &CacheConfig::entries, "Number of entries; 0 means no cache")
          .range(0, 1u << 24)
          .field("ways", &CacheConfig::ways, "Ways of each set; `full` is full associativity")
          .range(0, 1u << 24)
          .word("full", 0)
          .field("policy", &CacheConfig::policy, "Replacement policy: fifo, lru, random, srrip, tree_plru")
          .field("when_full", &CacheConfig::when_full,
                 "A fill without a free way replaces one entry, or clears the whole cache",
                 {{"replace", WhenFull::replace}, {"clear", WhenFull::clear}})
          .field("index", &CacheConfig::index,
                 "How a number (page, key) chooses its set: low_bits; xor_space: those, exclusive-or a hash of the "
                 "address space; xor_fold: exclusive-or of its two lowest groups of bits; mixed: a hash of everything",
                 {{"low_bits", IndexHash::low_bits},
                  {"xor_space", IndexHash::xor_space},
                  {"xor_fold", IndexHash::xor_fold},
                  {"mixed", IndexHash::mixed}})
          .source(
              "assumed: unknown for IOTLBs. Core TLBs of Intel use low_bits (first level; Haswell's second) and "
              "xor_fold (second level of Broadwell and Skylake): Gras et al., USENIX Security 2018")
          .check([](const CacheConfig& c, Report& r) {
            const unsigned ways = c.ways == 0 ? c.entries : c.ways;
            if (!ReplacementRegistry::has(c.policy)) r.error("policy", ReplacementRegistry::unknown(c.policy));
            if (c.entries != 0 && (ways > c.entries || c.entries % ways != 0))
              r.error("ways", std::to_string(ways) + " ways do not divide " + std::to_string(c.entries) +
                                  " entries into equal sets");
            else if (c.policy == "tree_plru" && (ways & (ways - 1)) != 0)
              r.error("policy", "tree_plru needs a power of two of ways, not " + std::to_string(ways));
          });
  return f;
}

}  // namespace iommusim::base
