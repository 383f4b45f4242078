// The least a model of this data path can be: endpoint -> link -> remapping unit -> memory and back, three TLM-2.0 hops
// over bare sockets, with every decision taken out. Each endpoint keeps some reads of 64 bytes in flight; each DMA
// costs five stages (issue, wire up, lookup, memory, wire down). What a real model reaches is quoted as a fraction of
// this (the floor).
//
// Left out, on purpose: everything that is not a hop, a payload or an event. No ports, no tags, no statistics, no
// translation.
#pragma once

#include <cstdint>
#include <memory>
#include <tlm>
#include <vector>

#include "models/tlm/delay_line.h"
#include "models/tlm/payload_pool.h"

namespace iommusim::bench {

using base::Time;
using iommusim::tlm::Payload;

struct Services {
  iommusim::tlm::Scheduler& scheduler;
  iommusim::tlm::PayloadPool& pool;
};

/// The calls of the base protocol that the skeleton does not use.
struct BareTarget : ::tlm::tlm_fw_transport_if<> {
  void b_transport(Payload&, ::sc_core::sc_time&) override {}
  bool get_direct_mem_ptr(Payload&, ::tlm::tlm_dmi&) override { return false; }
  unsigned transport_dbg(Payload&) override { return 0; }
};
struct BareInitiator : ::tlm::tlm_bw_transport_if<> {
  void invalidate_direct_mem_ptr(::sc_dt::uint64, ::sc_dt::uint64) override {}
};

/// A closed loop of reads; a response starts the next one.
class Endpoint : public ::sc_core::sc_module, BareInitiator {
 public:
  Endpoint(::sc_core::sc_module_name name, Services& services, unsigned outstanding);
  void start();
  std::uint64_t completed() const { return completed_; }
  ::tlm::tlm_initiator_socket<64> out{"out"};

 private:
  ::tlm::tlm_sync_enum nb_transport_bw(Payload&, ::tlm::tlm_phase&, ::sc_core::sc_time&) override;
  void issue(int);

  Services& services_;
  iommusim::tlm::DelayLine<int> issue_;
  unsigned outstanding_;
  std::uint64_t address_ = 0, completed_ = 0;
};

/// Both directions of a wire: first come, first served, at a cost per request and per completion.
class Link : public ::sc_core::sc_module, BareTarget, BareInitiator {
 public:
  /// `propagation`: different ones keep links from acting in the same picosecond, which would make their events look
  /// cheap.
  Link(::sc_core::sc_module_name name, Services& services, Time propagation);
  ::tlm::tlm_target_socket<64> in{"in"};
  ::tlm::tlm_initiator_socket<64> out{"out"};

 private:
  ::tlm::tlm_sync_enum nb_transport_fw(Payload&, ::tlm::tlm_phase&, ::sc_core::sc_time&) override;
  ::tlm::tlm_sync_enum nb_transport_bw(Payload&, ::tlm::tlm_phase&, ::sc_core::sc_time&) override;
  void arrive_up(Payload*);
  void arrive_down(Payload*);

  Services& services_;
  iommusim::tlm::DelayLine<Payload*> up_, down_;
  Time propagation_, up_free_, down_free_;
};

/// Many ports in, one out, a fixed delay.
class Unit : public ::sc_core::sc_module, BareInitiator {
 public:
  Unit(::sc_core::sc_module_name name, Services& services, unsigned ports);
  ~Unit() override;
  ::tlm::tlm_target_socket<64>& in(unsigned port);
  ::tlm::tlm_initiator_socket<64> out{"out"};

 private:
  struct Port;
  ::tlm::tlm_sync_enum nb_transport_bw(Payload&, ::tlm::tlm_phase&, ::sc_core::sc_time&) override;
  void looked_up(Payload*);

  Services& services_;
  iommusim::tlm::DelayLine<Payload*> lookup_;
  std::vector<std::unique_ptr<Port>> ports_;
};

/// Answers after a fixed delay.
class Memory : public ::sc_core::sc_module, BareTarget {
 public:
  Memory(::sc_core::sc_module_name name, Services& services);
  ::tlm::tlm_target_socket<64> in{"in"};

 private:
  ::tlm::tlm_sync_enum nb_transport_fw(Payload&, ::tlm::tlm_phase&, ::sc_core::sc_time&) override;
  void done(Payload*);

  Services& services_;
  iommusim::tlm::DelayLine<Payload*> busy_;
};

/// The bound skeleton.
class Skeleton {
 public:
  Skeleton(Services& services, unsigned endpoints, unsigned outstanding);
  void start();
  std::uint64_t completed() const;

 private:
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Link>> links_;
  Unit unit_;
  Memory memory_;
};

}  // namespace iommusim::bench
