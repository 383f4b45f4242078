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
                                           .field("node", &MemoryRange::node, "Node whose memory it is, from 0")
                                           .at_most(7)
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
          .field(
              "remote_reads", &LlcConfig::remote_reads,
              "Reads by another node: served by this cache (cached), or by DRAM whatever the cache holds (uncached), "
              "as where the home agent reads memory beside its snoops",
              {{"cached", RemoteReads::cached}, {"uncached", RemoteReads::uncached}})
          .source("pcie-bench data set (b2abf2f): the remote-socket reads of the E5-2630 v4 take as long warm as cold")
          .field("slices", &LlcConfig::slices, "Slices, each with a port of its own; they share the capacity")
          .range(1, 256)
          .source("one per core: Xeon E5 v3 and v4, 8 cores")
          .field("slice_interval", &LlcConfig::slice_interval,
                 "From one lookup to the next in a slice; unlimited means that ports never queue, which suits I/O: 8 "
                 "slices of a line per 0.45 ns (one uncore clock of 2.2 GHz) carry 1.1 TB/s")
          .range("0 ps", "1 us")
          .word("unlimited", "0 ps")
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

const Fields<SocketLinkConfig>& SocketLinkConfig::fields() {
  static const Fields<SocketLinkConfig> f =
      Fields<SocketLinkConfig>("socket_link", "The link between any two nodes")
          .field("latency", &SocketLinkConfig::latency,
                 "One crossing; an access to another node's memory takes two more than one to its own")
          .range("0 ps", "100 us")
          .source("93 ns / 2: pcie-bench, Broadwell, medians of 64 B reads of the other socket's memory and its own")
          .field("bandwidth", &SocketLinkConfig::bandwidth, "Data per direction in lines of 64 B, headers deducted")
          .range("1 Mb/s", "100 Tb/s")
          .source("227.2 Gb/s: two QPI links of 8 GT/s (Intel ARK, E5-2630 v4), 16 GB/s each, 8 of 9 flits data");
  return f;
}

const Fields<MemoryConfig>& MemoryConfig::fields() {
  static const Fields<MemoryConfig> f =
      Fields<MemoryConfig>("memory", "Main memory: where DRAM is, its timing, and the last-level cache in front of it")
          .field("nodes", &MemoryConfig::nodes,
                 "NUMA nodes (sockets), each with DRAM and a last-level cache of its own as described below")
          .range(1, 8)
          .field("ranges", &MemoryConfig::ranges, "Physical addresses that are DRAM")
          .items_between(1, 64)
          .field("dram", &MemoryConfig::dram, "DRAM of a node")
          .field("llc", &MemoryConfig::llc, "Last-level cache of a node")
          .field("socket_link", &MemoryConfig::socket_link, "What lies between two nodes")
          .field("store_data", &MemoryConfig::store_data,
                 "Bulk DMA carries real bytes (slower; for end-to-end integrity checks)")
          .check([](const MemoryConfig& c, Report& r) {
            for (std::size_t i = 0; i < c.ranges.size(); ++i) {
              if (c.ranges[i].node >= c.nodes) {
                r.error("ranges[" + std::to_string(i) + "].node",
                        "must be less than `nodes`, " + std::to_string(c.nodes));
              }
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
