// Main memory: owner of all contents, and the time every access takes, over one or more nodes (sockets), each a
// last-level cache with DRAM behind it.
//
// Each request is accepted at once, does its work on the contents at that moment (arrival at the memory port is the
// point of global order, so a read never misses a write that came before it) and gets its response when its last line
// is done: a line the cache serves takes the cache's latency, another one waits for DRAM. A compare-and-swap is carried
// out at that moment too, so it is atomic, and takes the time of a read of its line. A request from another node's
// port crosses the link between the two, as does its response. One event per access, one more per crossing, and one per
// DRAM channel while something waits for it.
//
// A third party's DRAM model (DRAMSys, say) can supply the time instead of ours: construct with DramModel::external and
// bind backend(), per node, to any TLM-2.0 base-protocol target. It sees reads and writes of 64-byte lines, addresses
// as in `ranges`, and data that means nothing: contents stay here (DESIGN section 3 rule 7). `dram` of the
// configuration is then unused; the way to DRAM and back is the cache's latency. See README.md.
//
// Left out: snoops and directory look-ups between nodes (a line is cached at its home only), a cost of crossing from
// I/O to the memory port (part of both latencies), poison and ECC.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "models/memory/memory_node.h"
#include "models/memory/socket_link.h"
#include "models/memory/sparse_memory.h"
#include "models/tlm/module.h"
#include "models/tlm/tracer.h"

namespace iommusim::mem {

class MemorySystem : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  /// One target port per item of `port_nodes`, at least one: the node whose cores or devices use that port, less than
  /// config.nodes (internal error).
  MemorySystem(::sc_core::sc_module_name name, tlm::Context& context, const MemoryConfig& config,
               std::vector<unsigned> port_nodes, DramModel dram = DramModel::internal);
  /// `ports` target ports of node 0.
  MemorySystem(::sc_core::sc_module_name name, tlm::Context& context, const MemoryConfig& config, unsigned ports = 1)
      : MemorySystem(name, context, config, std::vector<unsigned>(ports)) {}

  tlm::TargetPort& port(unsigned i = 0) { return *ports_[i]; }
  /// With DramModel::external: where to bind the model of a node's DRAM.
  tlm::InitiatorPort& backend(unsigned node = 0) { return nodes_[node]->backend(); }

  /// Functional access beside the sockets, for tests and the stale-hit oracle.
  SparseMemory& contents() { return contents_; }
  const SparseMemory& contents() const { return contents_; }
  /// Puts [at, at + bytes) into the last-level cache of its node, clean and in ascending order: what a core that has
  /// just read it leaves behind. For set-up; takes no time and counts as nothing. Precondition: contains(at, bytes).
  void warm(Hpa at, std::uint64_t bytes);
  bool contains(Hpa at, std::uint64_t bytes) const { return range_of(at, bytes) != nullptr; }
  const MemoryConfig& config() const { return config_; }

  /// Requests finished decoding, by kind; an access of any size is one.
  std::uint64_t reads(tlm::Traffic kind) const { return of(kind).reads.value(); }
  std::uint64_t writes(tlm::Traffic kind) const { return of(kind).writes.value(); }
  const LastLevelCache& llc(unsigned node = 0) const { return nodes_[node]->llc(); }
  /// Internal model only.
  Dram& dram(unsigned node = 0) { return nodes_[node]->dram(); }

 private:
  // What a socket link carries: a request on its way home, or a response on its way back.
  struct Crossing {
    Access access;
    bool back = false;
  };
  using Link = SocketLink<Crossing>;

  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;

  ::tlm::tlm_response_status check(const tlm::Payload& payload, const tlm::DmaExtension& extension,
                                   const MemoryRange* range) const;
  const MemoryRange* range_of(Hpa at, std::uint64_t bytes) const;
  void transfer(tlm::Payload& payload);
  void swap(Hpa at, unsigned char* data, unsigned operand);
  void start(Access access);
  void finish(Access access, Time done) { done_.push(access, done); }
  void respond(Access access);
  void crossed(Crossing crossing);
  void answer(Access access);
  void draw(const Access& access);
  Link& link(unsigned from, unsigned to) { return *links_[from * config_.nodes + to]; }
  void make_links();
  void add_stats();
  KindStats& of(tlm::Traffic kind) { return kinds_[static_cast<std::size_t>(kind)]; }
  const KindStats& of(tlm::Traffic kind) const { return kinds_[static_cast<std::size_t>(kind)]; }

  MemoryConfig config_;
  std::vector<unsigned> port_nodes_;
  SparseMemory contents_;
  std::vector<std::unique_ptr<MemoryNode>> nodes_;
  std::array<KindStats, tlm::kTrafficKinds> kinds_;
  base::Counter refused_;
  base::Occupancy in_flight_;
  std::vector<base::Counter> remote_;  // by home node
  tlm::TimedQueue<Access> done_;
  std::vector<std::unique_ptr<Link>> links_;  // by from * nodes + to; null from a node to itself
  std::vector<std::unique_ptr<tlm::TargetPort>> ports_;
  tlm::Lanes lanes_;
};

}  // namespace iommusim::mem
