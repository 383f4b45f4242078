// Driver side of a remapping unit's command queue: a ring in memory, written by cores; the tail goes to the unit by
// MMIO, completion comes back as a status word that the unit writes for a wait descriptor and that the core polls. As
// Linux's queued invalidation (qi_submit_sync): one lock around filling the ring, none while polling.
//
// Left out: completion by interrupt, time-outs and queue errors (a queue that has stopped keeps its submitters
// waiting).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <vector>

#include "models/base/config/fields.h"
#include "models/base/stats/histogram.h"
#include "models/base/stats/metrics.h"
#include "models/host/lock.h"
#include "models/iommu/api/driver.h"

namespace iommusim::host {

struct InvalidationQueueConfig {
  std::uint32_t entries = 256;
  base::Time timeout = base::Time::ms(100);  ///< for a wait descriptor to complete
  base::Time submit_cost;                    ///< core time of a submission, under the lock
  LockConfig lock;
  static const base::Fields<InvalidationQueueConfig>& fields();
};

class InvalidationQueue {
 public:
  /// `registers`: where the unit's registers are. Adds its metrics to `stats`.
  InvalidationQueue(base::Group& stats, iommu::Driver& driver, Hpa registers, const InvalidationQueueConfig& config);

  /// After iommu::Driver::set_up(): takes memory for the status words.
  void set_up(iommu::TableMemory& memory);
  std::uint32_t entries() const { return config_.entries; }

  /// A submission to wait for.
  struct Ticket {
    std::uint64_t position = 0;  ///< of its wait descriptor, counted from the first descriptor ever
    std::uint32_t status = 0;    ///< what the unit will write
  };
  using Batch = std::vector<iommu::Invalidation>;

  /// Inside a task of `core`: writes the batch and a wait descriptor and rings the tail. Waits only while the ring is
  /// full.
  Ticket submit(CpuCore& core, const Batch& batch);
  /// Until the submission's wait descriptor has completed.
  void wait(CpuCore& core, Ticket ticket);
  /// submit() and wait().
  void invalidate(CpuCore& core, const Batch& batch);
  /// Writes exactly this, without a wait descriptor of ours, and rings the tail. For replay.
  void submit_exactly(CpuCore& core, const iommu::Invalidation& invalidation);

  /// Until the unit has taken every descriptor rung so far, by reading its head register.
  void wait_taken(CpuCore& core);

  /// Called for each descriptor as it is written into the ring, in ring order. For logs and tests.
  using Observer = std::function<void(const iommu::Invalidation&)>;
  void observe(Observer observer) { observer_ = std::move(observer); }
  std::uint64_t submitted(iommu::Invalidation::Kind kind) const {
    return submitted_[static_cast<std::size_t>(kind)].value();
  }
  std::uint64_t full_stalls() const { return full_stalls_.value(); }
  const base::Histogram& sync_latency() const { return sync_latency_; }

 private:
  void put(CpuCore& core, const iommu::Invalidation& invalidation);
  void ring(CpuCore& core);
  void make_room(CpuCore& core);
  void read_head(CpuCore& core);
  Hpa status_address(std::uint64_t position) const { return status_ + 4 * (position % config_.entries); }

  iommu::Driver& driver_;
  const Hpa registers_;
  const InvalidationQueueConfig config_;
  Hpa status_;
  // Positions count descriptors since set-up; the ring index is the position modulo the ring's size.
  std::uint64_t tail_ = 0;
  std::uint64_t rung_ = 0;  // the tail the unit knows
  std::uint64_t head_ = 0;  // the unit has taken at least all before this
  std::uint32_t last_status_ = 0;
  Lock lock_;
  Observer observer_;

  static constexpr std::size_t kKinds = 11, kReported = 9;  ///< Invalidation::Kind; those host software gives now
  std::array<base::Counter, kKinds> submitted_;
  base::Counter submissions_, tail_writes_, full_stalls_, head_reads_;
  base::Histogram sync_latency_;
};

}  // namespace iommusim::host
