// What a file says about main memory: where DRAM is, its nodes, and the last-level cache in front of each.
#pragma once

#include <string>
#include <vector>

#include "models/base/config/config.h"
#include "models/memory/dram_config.h"

namespace iommusim::mem {

using base::Hpa;

/// A range of physical addresses that is DRAM.
struct MemoryRange {
  Hpa base;
  Bytes size;
  unsigned node = 0;  ///< whose memory it is
  static const base::Fields<MemoryRange>& fields();
};

/// Which reads of the remapping unit's walkers see the last-level cache.
enum class WalkCaching : std::uint8_t { cached, uncached };

/// Which reads from another node see the last-level cache of a line's home.
enum class RemoteReads : std::uint8_t { cached, uncached };

struct LlcConfig {
  Bytes size{20 << 20};  ///< 0: no cache
  unsigned ways = 20;
  unsigned ddio_ways = 2;       ///< that DMA writes allocate into; 0: DMA writes go to DRAM
  Time latency = Time::ns(30);  ///< of a hit, from request to response at the memory port
  std::string policy = "lru";
  bool dma_reads_allocate = false;
  WalkCaching walks = WalkCaching::cached;
  RemoteReads remote_reads = RemoteReads::cached;
  unsigned slices = 8;
  Time slice_interval;  ///< from lookup to lookup in a slice; 0: ports are unlimited
  static const base::Fields<LlcConfig>& fields();
};

/// The link between any two nodes (sockets).
struct SocketLinkConfig {
  Time latency = Time::ps(46500);  ///< of one crossing; an access to another node makes two
  Bandwidth bandwidth = Bandwidth::bits_per_second(227200000000);  ///< of 64-byte lines, per direction
  static const base::Fields<SocketLinkConfig>& fields();
};

struct MemoryConfig {
  unsigned nodes = 1;  ///< each with DRAM and a last-level cache of its own, of the same configuration
  std::vector<MemoryRange> ranges{{Hpa(0), Bytes(std::uint64_t{2} << 30)},
                                  {Hpa(std::uint64_t{4} << 30), Bytes(std::uint64_t{62} << 30)}};
  DramConfig dram;
  LlcConfig llc;
  SocketLinkConfig socket_link;
  bool store_data = false;  ///< endpoints ask: does bulk DMA carry bytes?
  static const base::Fields<MemoryConfig>& fields();
};

}  // namespace iommusim::mem
