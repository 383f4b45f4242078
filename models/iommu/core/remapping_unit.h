// A remapping unit (IOMMU) between root complex and memory, of any architecture: lookup pipeline, caches, walkers,
// ordering, command queue, recording of faults and page requests, registers.
//
// A request passes the lookup (lookup.h) and leaves downstream translated; posted writes leave in arrival order per
// requester, reads too where `read_order` says so. Translation requests are answered by the unit itself; page requests
// are handed to the architecture once their device context is known; answers of devices to invalidation requests go to
// the command queue behind the writes before them. What the architecture asks for is carried out by Actions. Leaves
// out: prefetching; translation requests for several pages get the first. Sources: VT-d 4.1 chapters 3 and 6, RISC-V
// IOMMU 1.0 chapters 3 and 4; the stall of `in_order` fits the published Broadwell curve better than stepping aside
// (pcie-bench, see experiments/iotlb_reach).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "models/base/stats/group.h"
#include "models/iommu/api/architecture.h"
#include "models/iommu/core/actions.h"
#include "models/iommu/core/caches.h"
#include "models/iommu/core/command_engine.h"
#include "models/iommu/core/config.h"
#include "models/iommu/core/drain.h"
#include "models/iommu/core/fault_reasons.h"
#include "models/iommu/core/interrupt_files.h"
#include "models/iommu/core/lookup.h"
#include "models/iommu/core/observer.h"
#include "models/iommu/core/perf_events.h"
#include "models/iommu/core/requesters.h"
#include "models/iommu/core/stale_hit_oracle.h"
#include "models/iommu/core/transaction.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/module.h"
#include "models/tlm/target_port.h"

namespace iommusim::iommu {

class RemappingUnit : public tlm::Module,
                      private tlm::TargetPort::Owner,
                      private tlm::InitiatorPort::Owner,
                      private Lookup::Owner,
                      private CommandEngine::Owner,
                      private Actions::Owner,
                      private InterruptFiles::Owner {
 public:
  /// `upstream_ports`: how many root complex ports feed the unit.
  RemappingUnit(::sc_core::sc_module_name name, tlm::Context& context, const RemappingUnitConfig& config,
                std::unique_ptr<Architecture> architecture, unsigned upstream_ports);
  ~RemappingUnit() override;

  tlm::TargetPort& upstream(unsigned i) { return *upstream_[i]; }
  tlm::InitiatorPort downstream;  ///< translated requests, the unit's own interrupts
  tlm::InitiatorPort walk;        ///< table reads, command queue, records
  tlm::TargetPort registers;
  tlm::InitiatorPort messages;  ///< messages to devices; need not be bound: nobody takes them then

  Architecture& architecture() { return *architecture_; }
  const Caches& caches() const { return caches_; }
  /// Counters of a requester seen so far, or null.
  const RequesterStats* requester(SourceId source) const;
  /// The time for a device's answer to invalidation requests is over.
  void invalidation_timed_out(std::uint32_t tags) { commands_.invalidation_timed_out(tags); }
  /// The command queue stands still until a device answers an invalidation request.
  bool waits_for_devices() const { return commands_.waits_for_devices(); }
  /// True when no request, walk, command or record is in flight; otherwise `holding()` says what is.
  bool quiescent() const;
  std::string holding() const;

  /// Null unless the configuration asks for it.
  StaleHitOracle* stale_hit_oracle() { return oracle_.get(); }

  using Observer = UnitObserver;
  void observe(Observer* observer);

 private:
  // Transport.
  void before_end_of_elaboration() override;
  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void register_done(tlm::Payload* payload);

  // A request's way: arrival, outcome, ordering, departure.
  void arrive(tlm::Payload& payload, unsigned port);
  void message_arrived(Transaction& t);
  void resolved(Transaction& t) override;
  void refuse(Transaction& t);
  void answer_translation(Transaction& t);
  void debug_resolved(Transaction& t);
  void settle(Transaction& t);
  void ordered(Transaction& t);
  void leave(Transaction& t);
  void message_leaves(Transaction& t);
  void store_interrupt(Transaction& t);
  void stored(tlm::Payload& message) override;
  void respond(tlm::Payload& payload);

  // Commands and what the architecture asks for.
  void invalidate(const InvalidationScope& scope) override { lookup_.invalidate(scope); }
  base::Time invalidation_time(const InvalidationScope& scope) const override {
    return lookup_.invalidation_time(scope);
  }
  bool send(const DeviceMessage& message, std::uint8_t tag) override;
  bool begin_drain(const Command& wait) override;
  void waited(const Command& wait, WaitEnd end) override;
  void walker_freed() override { check_drained(); }
  void check_drained();
  void apply(const Effects& effects) override { actions_.apply(effects); }
  void flush(const InvalidationScope& scope) override { lookup_.invalidate(scope); }
  void send_interrupt(const InterruptMessage& message) override;
  void send_message(const DeviceMessage& message) override { send(message, 0); }
  void resolve_debug_request() override;
  void kick_commands() override { commands_.kick(); }

  void register_stats(base::Group& group);

  RemappingUnitConfig config_;
  std::unique_ptr<Architecture> architecture_;
  std::vector<std::unique_ptr<tlm::TargetPort>> upstream_;
  std::unique_ptr<tlm::TargetPort> no_devices_;  ///< bound to `messages` where nobody else is
  Caches caches_;
  Lookup lookup_;
  CommandEngine commands_;
  Actions actions_;
  InterruptFiles interrupt_files_;
  FaultReasons fault_reasons_;
  TransactionPool transactions_;
  Requesters requesters_;
  Requester own_;  ///< of requests that software makes through the unit
  Drain drain_;
  tlm::DelayLine<tlm::Payload*> register_line_;
  std::uint64_t next_ticket_ = 0;
  std::uint32_t own_under_way_ = 0;  ///< interrupts of the unit's own and messages to devices
  Observer* observer_ = nullptr;
  std::unique_ptr<StaleHitOracle> oracle_;

  base::Counter requests_, interrupts_, translation_requests_, page_requests_, ats_blocked_;
  base::Occupancy in_flight_;
  std::array<base::Counter, 10> faults_;  ///< by FaultKind
};

}  // namespace iommusim::iommu
