// Main memory behind the last-level cache: owner of all contents, and the time every access takes.
//
// Each request is accepted at once, does its work on the contents at that moment (arrival at the memory port is the
// point of global order, so a read never misses a write that came before it) and gets its response when its last line
// is done: a line the cache serves takes the cache's latency, another one waits for its DRAM channel. One event per
// access. Contention is in the channels.
//
// Left out: NUMA, queue limits of the controller, and a cost of crossing from I/O to the memory port (part of both
// latencies).
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "models/memory/dram.h"
#include "models/memory/last_level_cache.h"
#include "models/memory/memory_config.h"
#include "models/memory/sparse_memory.h"
#include "models/tlm/module.h"
#include "models/tlm/ports.h"

namespace iommusim::mem {

class MemorySystem : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  /// `ports` target ports of equal rights, at least 1.
  MemorySystem(::sc_core::sc_module_name name, tlm::Context& context, const MemoryConfig& config, unsigned ports = 1);

  tlm::TargetPort& port(unsigned i = 0) { return *ports_[i]; }

  /// Functional access beside the sockets, for tests and the stale-hit oracle.
  SparseMemory& contents() { return contents_; }
  const SparseMemory& contents() const { return contents_; }
  bool contains(Hpa at, std::uint64_t bytes) const;
  const MemoryConfig& config() const { return config_; }

  /// Requests finished decoding, by kind; an access of any size is one.
  std::uint64_t reads(tlm::Traffic kind) const { return of(kind).reads.value(); }
  std::uint64_t writes(tlm::Traffic kind) const { return of(kind).writes.value(); }
  const LastLevelCache& llc() const { return llc_; }

 private:
  struct Pending {
    tlm::Payload* payload;
    tlm::TargetPort* port;
  };
  struct KindStats {
    base::Counter reads, writes, bytes, llc_lines, dram_lines;
  };

  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;

  ::tlm::tlm_response_status check(const tlm::Payload& payload) const;
  void transfer(tlm::Payload& payload);
  Time finish_time(const tlm::Payload& payload, KindStats& stats);
  void respond(Pending pending);
  void add_stats();
  KindStats& of(tlm::Traffic kind) { return kinds_[static_cast<std::size_t>(kind)]; }
  const KindStats& of(tlm::Traffic kind) const { return kinds_[static_cast<std::size_t>(kind)]; }

  MemoryConfig config_;
  SparseMemory contents_;
  LastLevelCache llc_;
  Dram dram_;
  std::array<KindStats, tlm::kTrafficKinds> kinds_;
  base::Counter refused_;
  tlm::TimedQueue<Pending> pending_;
  std::vector<std::unique_ptr<tlm::TargetPort>> ports_;
};

}  // namespace iommusim::mem
