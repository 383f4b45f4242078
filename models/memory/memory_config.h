// What a file says about main memory and the last-level cache in front of it.
#pragma once

#include <string>
#include <vector>

#include "models/base/config/config.h"

namespace iommusim::mem {

using base::Bandwidth;
using base::Bytes;
using base::Hpa;
using base::Time;

/// A range of physical addresses that is DRAM.
struct MemoryRange {
  Hpa base;
  Bytes size;
  static const base::Fields<MemoryRange>& fields();
};

struct DramConfig {
  unsigned channels = 4;
  Bytes interleave{256};        ///< consecutive bytes on one channel
  Time latency = Time::ns(84);  ///< of an idle 64-byte line read, from request to response at the memory port
  Bandwidth bandwidth = Bandwidth::bits_per_second(153600000000);  ///< of one channel
  static const base::Fields<DramConfig>& fields();
};

/// Which reads of the remapping unit's walkers see the last-level cache.
enum class WalkCaching : std::uint8_t { cached, uncached };

struct LlcConfig {
  Bytes size{20 << 20};  ///< 0: no cache
  unsigned ways = 20;
  unsigned ddio_ways = 2;       ///< that DMA writes allocate into; 0: DMA writes go to DRAM
  Time latency = Time::ns(30);  ///< of a hit, from request to response at the memory port
  std::string policy = "lru";
  bool dma_reads_allocate = false;
  WalkCaching walks = WalkCaching::cached;
  static const base::Fields<LlcConfig>& fields();
};

struct MemoryConfig {
  std::vector<MemoryRange> ranges{{Hpa(0), Bytes(std::uint64_t{2} << 30)},
                                  {Hpa(std::uint64_t{4} << 30), Bytes(std::uint64_t{62} << 30)}};
  DramConfig dram;
  LlcConfig llc;
  bool store_data = false;  ///< endpoints ask: does bulk DMA carry bytes?
  static const base::Fields<MemoryConfig>& fields();
};

}  // namespace iommusim::mem
