// The page-table walkers: a finite number of slots, each carrying one architecture walk through memory, one dependent
// read at a time.
//
// A walk asks the page-walk caches, then reads tables through the unit's walk port. A walk in flight when software
// invalidates what it was asked for, or a context that a request waits for it under, finishes for the requests that
// wait for it (`stale`); the command queue's wait holds until it is gone, as VT-d 4.1 section 6.5.2.8 demands of
// requests in flight. It holds, too, for a page walk when another page of its address space is invalidated: one
// superpage may map both, and how large a page is, is not known before the walk ends. What any walk installs is held
// against the invalidations since it began (invalidation_log.h). A walk may begin without a request (prefetch); a
// request may join it. Leaves out: coalesced reads of one line.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "models/base/hash_index.h"
#include "models/base/stats/group.h"
#include "models/iommu/api/architecture.h"
#include "models/iommu/core/caches.h"
#include "models/iommu/core/config.h"
#include "models/iommu/core/invalidation_log.h"
#include "models/iommu/core/requesters.h"
#include "models/iommu/core/transaction.h"
#include "models/iommu/core/walker_tracks.h"
#include "models/tlm/context.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/timed_queue.h"

namespace iommusim::iommu {

/// One walker.
struct WalkSlot {
  std::uint32_t index = 0;
  bool busy = false;
  bool stale = false;        ///< an invalidation selected what this walk was asked for: nobody may join it
  bool unfounded = false;    ///< it goes on from a stale one
  bool overtaken = false;    ///< stale, or perhaps the walk of a superpage of which a page was invalidated
  bool holds_waits = false;  ///< overtaken and asked for: wait commands wait for it
  bool prefetch = false;     ///< begun for a page that nobody had asked for
  Requester* requester = nullptr;
  InvalidationLog::Mark began = 0;
  Walk walk;
  std::uint64_t key = 0;  ///< context and process walks: their cache's key; page walks: 4 KiB page number
  Space space = 0;        ///< page walks
  StepResult result;      ///< of the step in progress, walk.step; a read's data arrive in its words
  base::Time delay;       ///< latency gathered by steps without memory access, paid at the next timed one
  base::Time started;
  std::uint8_t reads = 0;                    ///< memory reads of the walk so far
  std::uint8_t stages_read = 0;              ///< bit n: page tables of stage n
  std::uint64_t context_key = 0;             ///< what the walk rests on besides its key: a device context
  std::optional<std::uint64_t> process_key;  ///< and a process context
  Reservation reservation;                   ///< page walks: of an entry in the IOTLB
  std::uint32_t merged = 0;                  ///< requests that have joined it
  TransactionList waiters;                   ///< the request that started the walk, then those merged with it
  std::optional<tlm::Tracer::Cause> cause;   ///< what a trace shows it for; none: it does not
};

class WalkerPool {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The slot's walk.step says how the walk ended. The slot is freed when this returns, unless continue_walk() was
    /// called on it.
    virtual void walk_finished(WalkSlot& slot) = 0;
    /// A walker has become available.
    virtual void walker_freed() = 0;
  };

  WalkerPool(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config,
             Architecture& architecture, Caches& caches, tlm::InitiatorPort& port, Owner& owner);

  /// A walker is free, and `requester` may have one more.
  bool available(const Requester& requester) const {
    const unsigned most = config_.walker_pool.per_requester;
    return !free_.empty() && (most == 0 || requester.walkers < most);
  }
  /// The pending walk that will resolve the same context or page, or null.
  WalkSlot* pending(WalkKind kind, Space space, std::uint64_t key);
  /// Takes a walker for `t`. Requires available().
  WalkSlot& start(WalkKind kind, Space space, std::uint64_t key, Transaction& t);
  /// The same for a page that nobody has asked for: a read by `t`'s requester under the context that it has found.
  void prefetch(Space space, std::uint64_t page, const Transaction& t);
  /// Whether another request may join a pending walk.
  bool may_join(const WalkSlot& slot) const {
    const unsigned most = config_.walker_pool.merges_per_miss;
    return most == 0 || slot.merged < most;
  }
  /// `t` waits for a pending walk. `stale`: the context it does so under has been invalidated, and nobody else may.
  void join(WalkSlot& slot, Transaction& t, bool stale);
  /// From within walk_finished: the slot goes on with another walk for its first waiter.
  void continue_walk(WalkSlot& slot, WalkKind kind, Space space, std::uint64_t key);
  /// A response on the walk port for the slot named in the payload's extension.
  void response(tlm::Payload& payload);
  /// Whether the caches may keep what the slot's walk ended with: no invalidation since it began would have dropped it.
  bool may_install(const WalkSlot& slot) const;
  /// Marks walks that were asked for what `scope` selects.
  void invalidate(const InvalidationScope& scope);
  /// Walks not finished that an invalidation has overtaken: wait commands wait for them.
  std::uint32_t stale() const { return stale_; }
  std::uint32_t busy() const { return static_cast<std::uint32_t>(slots_.size() - free_.size()); }

  void register_stats(base::Group& group);
  base::Counter walks;                      ///< all of the kinds below
  std::array<base::Counter, 4> kind_walks;  ///< by WalkKind
  base::Counter reads;
  base::Counter swaps, failed_swaps, writes;
  std::array<std::array<base::Counter, 5>, 2> stage_reads;  ///< [stage - 1][level - 1]
  std::array<base::Counter, 8> structure_reads;             ///< by Structure
  std::array<base::Counter, 6> reads_by_level;  ///< page-table reads; index 0: context structures and interrupt entries
  base::Histogram latency;                      ///< ps, from taking the walker to the last step
  base::Histogram reads_per_walk;
  base::Occupancy occupancy;

 private:
  WalkSlot& take(WalkKind kind, Space space, std::uint64_t key, const Transaction& t);
  void overtake(WalkSlot& slot);
  /// A request waits for `slot` under a context that `scope` drops from a cache that it names.
  bool drops_context(const InvalidationScope& scope, const WalkSlot& slot) const;
  void begin(WalkSlot& slot, const Transaction& first, base::Time overhead);
  void count_read(const Step& step);
  static std::uint64_t hash(WalkKind kind, Space space, std::uint64_t key) {
    return base::mix_bits(key ^ space << 40 ^ static_cast<std::uint64_t>(kind) << 60);
  }
  void advance(std::uint32_t index);  // the delay before a step that takes time is over
  void perform(WalkSlot& slot);
  bool may_fill(const WalkSlot& slot) const;
  void forget_invalidations();
  void send(WalkSlot& slot, tlm::Payload& payload);
  void send_swap(WalkSlot& slot);
  void finish(std::uint32_t index);

  tlm::Context& context_;
  const RemappingUnitConfig& config_;
  Architecture& architecture_;
  Caches& caches_;
  tlm::InitiatorPort& port_;
  Owner& owner_;
  std::deque<WalkSlot> slots_;
  std::vector<std::uint32_t> free_;
  base::HashIndex open_;  ///< walks that requests may join
  InvalidationLog log_;   ///< since the oldest walk in flight began
  std::uint32_t stale_ = 0;
  tlm::TimedQueue<std::uint32_t> steps_;
  bool continued_ = false;
  WalkerTracks tracks_;
};

}  // namespace iommusim::iommu
