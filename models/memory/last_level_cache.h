// Which lines are in the last-level cache, and who may put them there. No time: the memory system has that.
//
// Models: presence and dirtiness of 64-byte lines; DMA writes confined to the DDIO ways when they allocate (they update
// a line in place wherever it is); page walks that take part or not. Leaves out: private caches of cores, a fetch of
// the rest of a partially written line. Slices and their ports: llc_slices.h.
#pragma once

#include <optional>

#include "models/base/set_assoc.h"
#include "models/base/stats/group.h"
#include "models/memory/line.h"
#include "models/memory/memory_config.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::mem {

class LastLevelCache {
 public:
  enum class Source : std::uint8_t {
    cache,       ///< the cache has the line, or takes it without asking for what it held
    dram_read,   ///< DRAM reads it: to answer, or to fill the cache for a write of part of it
    dram_write,  ///< the write goes past the cache
  };
  /// What one line access comes to.
  struct Outcome {
    Source source = Source::cache;
    std::optional<std::uint64_t> write_back;  ///< a dirty line that had to leave: DRAM writes it
  };

  LastLevelCache(const LlcConfig& config, std::uint64_t seed, const std::string& name);

  /// Access to a line (by number, address / 64), with all its consequences. `reads`: a write that needs what the line
  /// held (compare-and-swap).
  Outcome access(std::uint64_t line, tlm::Traffic traffic, bool write, bool reads = false);
  /// Puts a line in, clean, without counting or writing back.
  void warm(std::uint64_t line) {
    if (enabled_ && lines_.find(line) == nullptr) lines_.insert(line, Line{});
  }
  bool holds(std::uint64_t line) const { return lines_.peek(line) != nullptr; }

  std::uint64_t hits() const { return hits_.value(); }
  std::uint64_t misses() const { return misses_.value(); }
  void add_stats(base::Group& group);

 private:
  // Set index by low line-number bits; the hash only feeds the index of wide sets.
  struct Identity {
    std::uint64_t operator()(std::uint64_t line) const { return line; }
  };
  struct Line {
    bool dirty = false;
  };

  LlcConfig config_;
  bool enabled_;
  base::WayMask ddio_mask_;
  base::SetAssoc<std::uint64_t, Line, Identity, Identity> lines_;
  base::Counter hits_, misses_, write_backs_;
};

}  // namespace iommusim::mem
