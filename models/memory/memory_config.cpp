#include "models/memory/memory_config.h"

#include "models/base/policies/replacement.h"
#include "models/memory/line.h"

namespace iommusim::mem {

using base::Fields;
using base::Report;

const Fields<MemoryRange>& MemoryRange::fields() {
  static const Fields<MemoryRange> f = Fields<MemoryRange>("memory_range", "A range of physical addresses that is DRAM")
                                           .field("base", &MemoryRange::base, "First address")
                                           .required()
                                           .field("size", &MemoryRange::size, "Length")
                                           .at_least("4 KiB")
                                           .required()
                                           .check([](const MemoryRange& c, Report& r) {
                                             if (c.base.value() % 4096 != 0)
                                               r.error("base", "must be a multiple of 4 KiB");
                                             if (c.size.value() % 4096 != 0)
                                               r.error("size", "must be a multiple of 4 KiB");
                                             if (c.base.value() + c.size.value() < c.base.value())
                                               r.error("size", "reaches past the end of the address space");
                                           });
  return f;
}

const Fields<DramConfig>& DramConfig::fields() {
  static const Fields<DramConfig> f =
      Fields<DramConfig>("dram", "DRAM channels: first come, first served, each with its own bandwidth")
          .field("channels", &DramConfig::channels, "Independent channels")
          .range(1, 64)
          .field("interleave", &DramConfig::interleave, "Consecutive bytes on one channel")
          .range("64 B", "1 GiB")
          .power_of_two()
          .field("latency", &DramConfig::latency,
                 "Idle read of one 64-byte line, request to response at the memory port")
          .range("1 ns", "100 us")
          .source(
              "54 ns over a last-level cache hit: pcie-bench, Haswell, warm against cold 64 B DMA reads; 80-100 ns "
              "core side")
          .field("bandwidth", &DramConfig::bandwidth, "Bandwidth of one channel")
          .range("1 Mb/s", "100 Tb/s")
          .source("DDR4-2400, 64 data bits: 2.4 GT/s x 8 B (JEDEC JESD79-4)");
  return f;
}

const Fields<LlcConfig>& LlcConfig::fields() {
  static const Fields<LlcConfig> f =
      Fields<LlcConfig>("llc", "Last-level cache of 64-byte lines shared by cores, devices and walkers")
          .field("size", &LlcConfig::size, "Capacity")
          .range("0 B", "1 GiB")
          .word("none", "0 B")
          .source("20 MiB: Xeon E5-2630 v4 class, 8 cores of 2.5 MiB")
          .field("ways", &LlcConfig::ways, "Ways of each set")
          .range(1, 64)
          .field("ddio_ways", &LlcConfig::ddio_ways, "Ways that DMA writes allocate into; 0 sends them to DRAM")
          .range(0, 64)
          .source("2 of 20: Intel Data Direct I/O Technology, default IIO LLC WAYS mask of Xeon E5")
          .field("latency", &LlcConfig::latency, "Hit, request to response at the memory port")
          .range("1 ps", "100 us")
          .source("20-40 ns core side, published measurements of Xeon E5")
          .field("policy", &LlcConfig::policy, "Replacement policy: fifo, lru, random, srrip, tree_plru")
          .field("dma_reads_allocate", &LlcConfig::dma_reads_allocate, "DMA reads that miss fill the cache")
          .field("walks", &LlcConfig::walks, "Whether page walks look up and fill this cache",
                 {{"cached", WalkCaching::cached}, {"uncached", WalkCaching::uncached}})
          .check([](const LlcConfig& c, Report& r) {
            if (!base::ReplacementRegistry::has(c.policy))
              r.error("policy", base::ReplacementRegistry::unknown(c.policy));
            if (c.size.value() == 0) return;
            const std::uint64_t row = std::uint64_t{c.ways} * kLineBytes;
            if (c.size.value() % row != 0) {
              r.error("size", "must be a multiple of ways x 64 B, here " + base::to_text(Bytes(row)));
            }
            if (c.ddio_ways > c.ways) r.error("ddio_ways", "must not be more than `ways`, " + std::to_string(c.ways));
            if (c.policy == "tree_plru" && (c.ways & (c.ways - 1)) != 0) {
              r.error("policy", "tree_plru needs a power of two of ways, not " + std::to_string(c.ways));
            }
          });
  return f;
}

const Fields<MemoryConfig>& MemoryConfig::fields() {
  static const Fields<MemoryConfig> f =
      Fields<MemoryConfig>("memory", "Main memory: where DRAM is, its timing, and the last-level cache in front of it")
          .field("ranges", &MemoryConfig::ranges, "Physical addresses that are DRAM")
          .items_between(1, 64)
          .field("dram", &MemoryConfig::dram, "DRAM channels")
          .field("llc", &MemoryConfig::llc, "Last-level cache")
          .field("store_data", &MemoryConfig::store_data,
                 "Bulk DMA carries real bytes (slower; for end-to-end integrity checks)")
          .check([](const MemoryConfig& c, Report& r) {
            for (std::size_t i = 0; i < c.ranges.size(); ++i) {
              for (std::size_t j = 0; j < i; ++j) {
                const MemoryRange &a = c.ranges[i], &b = c.ranges[j];
                if (a.base < b.base + b.size.value() && b.base < a.base + a.size.value()) {
                  r.error("ranges[" + std::to_string(i) + "]", "overlaps ranges[" + std::to_string(j) + "]");
                }
              }
            }
          });
  return f;
}

}  // namespace iommusim::mem
