// A remapping unit (IOMMU) between root complex and memory, of any architecture: lookup pipeline, caches, walkers,
// ordering, command queue, fault recording, registers.
//
// A request takes the lookup port (one per `lookup_interval`), passes the context cache and the IOTLB, and leaves
// downstream translated; a miss takes a walker or merges with the walk already fetching its page. When no walker is
// free the pipeline stalls (`in_order`) or the request steps aside (`out_of_order`). Posted writes leave in arrival
// order per requester. One timed event per request that hits. Leaves out: ATS and page requests (refused as the
// architecture refuses them), a second-level IOTLB, prefetching. Misses merge by 4 KiB page: the size of a
// superpage is not known before its walk. A request that looks again after waiting takes no turn on the lookup port.
// Sources: VT-d 4.1 chapters 3 and 6; the stall fits the published Broadwell curve better than stepping aside
// (pcie-bench, see experiments/iotlb_reach).
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/base/stats/group.h"
#include "models/iommu/api/architecture.h"
#include "models/iommu/core/caches.h"
#include "models/iommu/core/command_engine.h"
#include "models/iommu/core/config.h"
#include "models/iommu/core/observer.h"
#include "models/iommu/core/posted_order.h"
#include "models/iommu/core/transaction.h"
#include "models/iommu/core/walker_pool.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/module.h"
#include "models/tlm/target_port.h"
#include "models/tlm/timer.h"

namespace iommusim::iommu {

/// Counters of one requester.
struct RequesterStats {
  base::Counter requests;  ///< ordinary requests looked up
  base::Counter iotlb_hits;
  base::Counter iotlb_misses;  ///< merged ones included
  base::Counter passed;        ///< ordinary requests passed through untranslated
  base::Counter faults;
  base::Counter interrupts;
};

class RemappingUnit : public tlm::Module,
                      private tlm::TargetPort::Owner,
                      private tlm::InitiatorPort::Owner,
                      private WalkerPool::Owner,
                      private CommandEngine::Owner {
 public:
  /// `upstream_ports`: how many root complex ports feed the unit.
  RemappingUnit(::sc_core::sc_module_name name, tlm::Context& context, const RemappingUnitConfig& config,
                std::unique_ptr<Architecture> architecture, unsigned upstream_ports);
  ~RemappingUnit() override;

  tlm::TargetPort& upstream(unsigned i) { return *upstream_[i]; }
  tlm::InitiatorPort downstream;  ///< translated requests, the unit's own interrupts
  tlm::InitiatorPort walk;        ///< table reads, command queue
  tlm::TargetPort registers;

  Architecture& architecture() { return *architecture_; }
  const Caches& caches() const { return caches_; }
  /// Counters of a requester seen so far, or null.
  const RequesterStats* requester(SourceId source) const;
  /// True when no request, walk or command is in flight; otherwise `holding()` says what is.
  bool quiescent() const;
  std::string holding() const;

  using Observer = UnitObserver;
  void observe(Observer* observer) { observer_ = observer; }

 private:
  struct RequesterState {
    SourceId source;
    PostedOrder order;
    RequesterStats stats;
  };
  enum class Lookup { resolved, waits_for_walk, needs_walker };

  // Transport.
  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void register_done(tlm::Payload* payload);

  // Pipeline, in the order a request passes it.
  void looked_up(Transaction* t);
  void retry();
  bool proceed(Transaction& t);  ///< false: needs a walker and none is free
  Lookup look_up(Transaction& t);
  Lookup translate(Transaction& t);  ///< with t.context known
  Lookup remap_interrupt(Transaction& t);
  void count_iotlb(Transaction& t, bool hit);
  Lookup walk_or_merge(WalkKind kind, Space space, std::uint64_t key, Transaction& t);
  void pass(Transaction& t);
  void translated(Transaction& t, const Translation& translation);
  void deliver_interrupt(Transaction& t, const InterruptMessage& message);
  void refuse(Transaction& t, const Fault& fault);
  void settle(Transaction& t);
  void leave(Transaction& t);

  // Walks and commands.
  void walk_finished(WalkSlot& slot) override;
  bool walk_answers(WalkSlot& slot, const Step& last, Transaction& t, bool first, Rights needed);
  bool context_walk_goes_on(WalkSlot& slot, Transaction& t);
  void walker_freed() override;
  void invalidate(const InvalidationScope& scope) override;
  bool send(const DeviceMessage& message, std::uint8_t tag) override;
  bool begin_drain(const Command& wait) override;
  void apply(const Effects& effects) override;

  RequesterState& requester_state(SourceId source, std::uint32_t& index);
  void register_stats(base::Group& group);
  void register_requester(RequesterState& requester);

  RemappingUnitConfig config_;
  std::unique_ptr<Architecture> architecture_;
  std::vector<std::unique_ptr<tlm::TargetPort>> upstream_;
  Caches caches_;
  WalkerPool walkers_;
  CommandEngine commands_;
  TransactionPool transactions_;
  tlm::DelayLine<Transaction*> pipeline_;  ///< between the lookup port and the lookup's outcome
  tlm::DelayLine<tlm::Payload*> register_line_;
  tlm::Timer retry_timer_;   ///< the lookup port serves the next request that waited for a walker
  TransactionList waiting_;  ///< for a walker, in arrival order (in_order: the whole stalled pipeline)
  base::Time port_free_;
  base::Time pipeline_last_;
  std::uint64_t next_ticket_ = 0;
  std::uint32_t held_ = 0;      ///< requests resolved and not left
  std::uint32_t drains_ = 0;    ///< wait commands that have begun to drain
  std::uint32_t draining_ = 0;  ///< held ones the wait command in progress waits for
  std::unordered_map<std::uint32_t, std::uint32_t> requester_index_;
  std::vector<std::unique_ptr<RequesterState>> requesters_;
  std::uint32_t last_requester_ = 0;  ///< most requests come from the requester of the one before
  base::Group* requester_group_ = nullptr;
  Observer* observer_ = nullptr;

  base::Counter requests_, passed_, merged_, stalls_, interrupts_;
  base::Occupancy in_flight_;
  std::array<base::Counter, 10> faults_;  ///< by FaultKind
};

}  // namespace iommusim::iommu
