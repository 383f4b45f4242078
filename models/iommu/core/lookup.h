// What a request passes between its arrival at the unit and the knowledge of how it ends: lookup port, context caches,
// IOTLB, walkers.
//
// A request takes the lookup port (one per `lookup_interval`) and looks up its device context, its process context if
// it needs one, and its translation; a miss takes a walker or merges with the walk already fetching the same. A walker
// goes on from context to process context to page without being given back. When no walker is free the pipeline stalls
// (`in_order`) or the request steps aside (`out_of_order`); it stalls, too, behind a read whose requester's read window
// is full. The order of asking is that of iommu/api/architecture.h. One timed event per request that hits. Misses merge
// by 4 KiB page: the size of a superpage is not known before its walk. With a first level of the IOTLB (iotlb.per_port)
// each upstream port has a lookup port of its own, and what misses there goes on to the shared one; a stalled shared
// pipeline does not hold up hits before it. A walk fills the first levels of all ports whose
// requests waited for it. Leaves out: a turn on the lookup port for a request that looks again after waiting.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/iommu/api/architecture.h"
#include "models/iommu/core/caches.h"
#include "models/iommu/core/config.h"
#include "models/iommu/core/prefetch.h"
#include "models/iommu/core/requesters.h"
#include "models/iommu/core/transaction.h"
#include "models/iommu/core/walk_queue.h"
#include "models/iommu/core/walker_pool.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/timer.h"
#include "models/tlm/tracer.h"

namespace iommusim::iommu {

class Lookup : private WalkerPool::Owner {
 public:
  class Owner {
   public:
    /// t.outcome says how the request ends; t.answered is the owner's to set.
    virtual void resolved(Transaction& t) = 0;
    /// What counting an event has brought about.
    virtual void apply(const Effects& effects) = 0;
    virtual void walker_freed() = 0;

   protected:
    ~Owner() = default;
  };

  Lookup(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config, Architecture& architecture,
         Caches& caches, tlm::InitiatorPort& walk, unsigned upstream_ports, Owner& owner);

  /// A request arrives. Not for messages, which look nothing up.
  void enter(Transaction& t);
  /// A response on the walk port to a walker's access.
  void response(tlm::Payload& payload) { walkers_.response(payload); }
  /// Drops what is selected, and sees to it that no walk in flight brings it back.
  void invalidate(const InvalidationScope& scope);
  /// Reads have left a read queue: one that waited for a place in its window may look up.
  void window_opened();
  /// What the search for what it drops takes.
  base::Time invalidation_time(const InvalidationScope& scope) const;
  void observe(UnitObserver* observer) { observer_ = observer; }

  const WalkerPool& walkers() const { return walkers_; }
  void register_stats(base::Group& group) {
    walkers_.register_stats(group);
    prefetcher_.register_stats(group.group("prefetch"));
  }
  /// Events by their names in the RISC-V IOMMU specification.
  void register_events(base::Group& group);

  base::Counter passed;                 ///< requests that their context passes through
  base::Counter merged;                 ///< misses that joined a walk in flight
  std::array<base::Counter, 8> events;  ///< by PerformanceEvent, whether software counts them or not
  base::Counter stalls;                 ///< requests that found no free walker, or others waiting for one

 private:
  enum class Progress { resolved, waits, needs_walker };

  /// The lookup port of an upstream port's first-level IOTLB.
  struct FirstLevel {
    FirstLevel(tlm::Context& context, const std::string& unit, unsigned port, Lookup& lookup)
        : line(context.scheduler, unit + ".lookup" + std::to_string(port),
               tlm::delegate<&Lookup::looked_up_first>(&lookup)),
          lanes(context, unit, "IOTLB port " + std::to_string(port)) {}
    tlm::DelayLine<Transaction*> line;
    tlm::Lanes lanes;
    base::Time free, last;
  };

  base::Time latency(const Transaction& t) const;
  bool admitted(Transaction& t);  ///< false: its requester's read window is full
  void enter_shared(Transaction& t, base::Time latency);
  static void draw(tlm::Lanes& lanes, const Transaction& t, base::Time start, base::Time stop);
  void looked_up_first(Transaction* t);
  void looked_up(Transaction* t);
  void retry();
  /// In order: what comes now has to wait behind what waits already.
  bool stalled() const {
    return config_.service == Service::in_order &&
           (!stalled_.empty() || waiting_.size() > config_.walker_pool.miss_queue);
  }
  void wait(Transaction& t);
  bool look_again(Transaction& t) { return admitted(t) && attempt(t) != Progress::needs_walker; }
  bool retry_later();

  // The order of asking. `slot`: the walker that has found what is known so far and may go on for this request.
  Progress attempt(Transaction& t);
  Progress with_device_context(Transaction& t, WalkSlot* slot);
  Progress with_process_context(Transaction& t, WalkSlot* slot);
  Progress with_context(Transaction& t, WalkSlot* slot);
  Progress remap_interrupt(Transaction& t);
  Progress walk(WalkKind kind, Space space, std::uint64_t key, Transaction& t, WalkSlot* slot);

  // Ends of walks.
  void walk_finished(WalkSlot& slot) override;
  void keep(const WalkSlot& slot, const Step& last, const Transaction& first);
  void fill_first_level(const Transaction& t, const Step& last);
  Progress answer(WalkKind kind, const Step& last, Transaction& t, WalkSlot* slot, bool same);
  void walker_freed() override;

  // Prefetching.
  void fetch_ahead(const Transaction& t, Space space);
  void prefetch_finished(const WalkSlot& slot);

  // Outcomes.
  Progress done(Transaction& t, Outcome::Kind kind, std::uint64_t address);
  Progress pass(Transaction& t) { return done(t, Outcome::Kind::passed, t.request.address); }
  Progress translated(Transaction& t, const Translation& translation);
  Progress hit(Transaction& t, const Translation& found);
  Progress interrupt(Transaction& t, Outcome::Kind kind, const InterruptMessage& message, std::uint64_t address);
  Progress refuse(Transaction& t, const Fault& fault);

  void count_iotlb(Transaction& t, bool hit, bool first_level = false);
  void count_first_level_miss(Transaction& t);
  void count_process(Transaction& t, bool hit);
  void count(PerformanceEvent event, const Request& request, const Context* context) {
    events[static_cast<unsigned>(event)]++;
    if (architecture_.counting()) owner_.apply(architecture_.count(event, request, context));
  }
  base::Time now() const { return context_.scheduler.now(); }

  tlm::Context& context_;
  const RemappingUnitConfig& config_;
  Architecture& architecture_;
  Caches& caches_;
  Owner& owner_;
  UnitObserver* observer_ = nullptr;
  WalkerPool walkers_;
  std::vector<std::unique_ptr<FirstLevel>> first_levels_;  ///< by upstream port; empty: there is one level
  tlm::DelayLine<Transaction*> pipeline_;                  ///< between the lookup port and the lookup's outcome
  tlm::Timer retry_timer_;   ///< the lookup port serves the next request that waited for a walker
  WalkQueue waiting_;        ///< for a walker
  TransactionList stalled_;  ///< in_order: behind one that waits, not looked up yet
  Prefetcher prefetcher_;
  base::Time port_free_;
  base::Time pipeline_last_;
  tlm::Lanes lanes_;  ///< lookups on the shared port
};

}  // namespace iommusim::iommu
