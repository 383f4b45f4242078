// One NUMA node: a last-level cache and the DRAM behind it, internal or somebody else's. Time only; contents and ports
// are the memory system's.
//
// Each line of an access goes through its slice of the cache; what the cache does not have is read from DRAM, and what
// must leave it is written there. Lines written past the cache are done when DRAM's write buffer has them. The access
// is done when its last line is. With an external DRAM each line read or written is one base-protocol transaction of 64
// bytes on the backend socket, and an access is done one cache latency (its way to the cache and back) after the last
// response.
#pragma once

#include <memory>
#include <string>

#include "models/memory/dram.h"
#include "models/memory/last_level_cache.h"
#include "models/memory/llc_slices.h"
#include "models/tlm/ports.h"
#include "models/tlm/slot_pool.h"

namespace iommusim::mem {

/// Who supplies the time of DRAM: the model in dram.h, or a TLM-2.0 target bound to the backend socket.
enum class DramModel { internal, external };

/// Requests by kind of traffic.
struct KindStats {
  base::Counter reads, writes, bytes, llc_lines, dram_lines;
};

/// A request on its way through the memory system.
struct Access {
  tlm::Payload* payload = nullptr;
  tlm::DmaExtension* extension = nullptr;  ///< the payload's
  tlm::TargetPort* port = nullptr;         ///< it came in by
  std::uint16_t from = 0;                  ///< node of that port
  std::uint16_t home = 0;                  ///< node of its address
};

class MemoryNode : private tlm::InitiatorPort::Owner {
 public:
  using Finish = tlm::Delegate<void(Access, Time done)>;

  /// Built inside a module's constructor, whose child the backend socket `backend<number>` becomes.
  MemoryNode(tlm::Context& context, const MemoryConfig& config, unsigned number, const std::string& name,
             DramModel model, Finish finish);

  /// Starts an access, now. Returns when it is done; Time::max() if that is not known yet: then `finish` is called, at
  /// the latest when it is done, possibly before this returns.
  Time start(Access access, KindStats& stats);

  /// Puts a line into the cache, clean: a core has read it before the simulation starts.
  void warm(std::uint64_t line) { llc_.warm(line); }
  const LastLevelCache& llc() const { return llc_; }
  /// Internal model only.
  Dram& dram() { return *dram_; }
  /// External model only.
  tlm::InitiatorPort& backend() { return *backend_; }
  /// Groups "llc" and "dram" of `group`.
  void add_stats(base::Group& group);

 private:
  // An access under way.
  struct Open {
    Access access;
    unsigned parts = 0;  // that wait in DRAM
    Time llc_done;       // last line the cache serves
    Time dram_done;      // last line of DRAM so far, counted from the lookup
    Time lookup_wait;    // longest wait for a slice
  };
  static Time done(const Open& open) {
    const Time dram = open.dram_done + open.lookup_wait;
    return dram > open.llc_done ? dram : open.llc_done;
  }

  void line_access(std::uint64_t line, bool write, Time now, KindStats& stats);
  void dram_access(std::uint64_t line, bool write, KindStats& stats);
  void write_back(std::uint64_t line);
  void dram_done(Time at) {
    if (at > starting_.dram_done) starting_.dram_done = at;
  }
  Ticket ticket();
  void finished(Ticket ticket, Time at);
  void send(std::uint64_t line, bool write, Ticket ticket);
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;

  tlm::Context& context_;
  Time llc_latency_;
  RemoteReads remote_reads_;
  LastLevelCache llc_;
  LlcSlices slices_;
  std::unique_ptr<Dram> dram_;
  std::unique_ptr<tlm::InitiatorPort> backend_;
  Finish finish_;
  tlm::SlotPool<Open> open_;
  // Of the access being started.
  Open starting_;
  bool one_line_ = false;
  bool swap_ = false;          // a compare-and-swap: a write that needs what it replaces
  Ticket ticket_ = kNoTicket;  // once it needs one
  tlm::Traffic traffic_ = tlm::Traffic::dma;

  base::Counter dram_lines_, backend_errors_;
};

}  // namespace iommusim::mem
