#include "models/host/invalidation_queue.h"

#include <algorithm>
#include <stdexcept>

#include "models/base/error.h"

namespace iommusim::host {

using iommu::Invalidation;

const base::Fields<InvalidationQueueConfig>& InvalidationQueueConfig::fields() {
  static const base::Fields<InvalidationQueueConfig> f =
      base::Fields<InvalidationQueueConfig>("invalidation_queue", "The driver's side of the invalidation queue")
          .field("entries", &InvalidationQueueConfig::entries, "Descriptors the ring holds; one stays free")
          .range(4u, 32768u)
          .power_of_two()
          .source("256 in the Linux driver of Intel VT-d (QI_LENGTH, drivers/iommu/intel/iommu.h)")
          .field("submit_cost", &InvalidationQueueConfig::submit_cost,
                 "Core time of a submission, under the queue's lock")
          .at_most("1 ms")
          .field("timeout", &InvalidationQueueConfig::timeout,
                 "A completion that takes longer ends the run: the unit has stopped at an error")
          .range("1 us", "10 s")
          .source(
              "Linux gives up after 10 s (DMAR_OPERATION_TIMEOUT); shorter here, where nothing else can delay the unit")
          .object("lock", &InvalidationQueueConfig::lock, "The queue's lock");
  return f;
}

InvalidationQueue::InvalidationQueue(base::Group& stats, iommu::Driver& driver, Hpa registers,
                                     const InvalidationQueueConfig& config)
    : driver_(driver), registers_(registers), config_(config), lock_(config.lock) {
  static constexpr std::array<std::pair<const char*, const char*>, kReported> kNames{{
      {"context_global", "Context-cache invalidations of everything"},
      {"context_domain", "Context-cache invalidations of a domain"},
      {"context_source", "Context-cache invalidations of a source"},
      {"iotlb_global", "IOTLB invalidations of everything"},
      {"iotlb_domain", "IOTLB invalidations of a domain"},
      {"iotlb_pages", "IOTLB invalidations of a page range"},
      {"device_tlb", "Device-TLB invalidations"},
      {"interrupt_entries", "Interrupt-entry-cache invalidations"},
      {"wait", "Wait descriptors"},
  }};
  for (std::size_t i = 0; i < kReported; ++i) {
    stats.add(kNames[i].first, submitted_[i], "1", std::string(kNames[i].second) + " submitted");
  }
  stats.add("submissions", submissions_, "1", "Batches submitted");
  stats.add("tail_writes", tail_writes_, "1", "MMIO writes of the tail register");
  stats.add("full_stalls", full_stalls_, "1", "Times a core found the ring full and waited for the head to move");
  stats.add("head_reads", head_reads_, "1", "MMIO reads of the head register");
  stats.add("sync_latency", sync_latency_, "ps",
            "Synchronous invalidation: from the call, lock included, to its wait descriptor seen");
  lock_.register_stats(stats, "lock", "the invalidation queue");
}

void InvalidationQueue::set_up(iommu::TableMemory& memory) {
  status_ = memory.allocate(std::max<std::uint64_t>(4096, std::uint64_t{4} * config_.entries));
}

InvalidationQueue::Ticket InvalidationQueue::submit(CpuCore& core, const Batch& batch) {
  const CpuCore::Span span(core, "submit invalidation");
  Lock::Guard guard(lock_, core);
  core.spend(config_.submit_cost);
  ++submissions_;
  for (const Invalidation& invalidation : batch) put(core, invalidation);
  Invalidation wait;
  wait.kind = Invalidation::Kind::wait;
  wait.status_address = status_address(tail_);
  wait.status = ++last_status_;
  const Ticket ticket{tail_, wait.status};
  put(core, wait);
  ring(core);
  return ticket;
}

namespace {
base::UserError stopped() {
  return base::UserError(
      "the remapping unit has stopped working on its invalidation queue: it refuses a descriptor (a device-TLB "
      "invalidation "
      "needs architecture.device_tlb: true), or queue.timeout is too short");
}
}  // namespace

void InvalidationQueue::wait(CpuCore& core, Ticket ticket) {
  const CpuCore::Span span(core, "wait for invalidation");
  // A later wait descriptor may have used the same word since: it is then done all the more.
  const bool completed = core.poll32(
      status_address(ticket.position),
      [&](std::uint32_t word) { return static_cast<std::int32_t>(word - ticket.status) >= 0; }, config_.timeout);
  if (!completed) throw stopped();
  head_ = std::max(head_, ticket.position + 1);
}

void InvalidationQueue::invalidate(CpuCore& core, const Batch& batch) {
  const base::Time start = core.now();
  wait(core, submit(core, batch));
  sync_latency_.add(core.now() - start);
}

void InvalidationQueue::submit_exactly(CpuCore& core, const Invalidation& invalidation) {
  Lock::Guard guard(lock_, core);
  core.spend(config_.submit_cost);
  ++submissions_;
  put(core, invalidation);
  ring(core);
}

void InvalidationQueue::put(CpuCore& core, const Invalidation& invalidation) {
  make_room(core);
  const iommu::CommandBytes command = driver_.encode(invalidation);
  const unsigned bytes = driver_.command_bytes();
  core.write(driver_.queue_base() + (tail_ % config_.entries) * bytes, command.words.data(), bytes);
  ++tail_;
  ++submitted_[static_cast<std::size_t>(invalidation.kind)];
  if (observer_) observer_(invalidation);
}

void InvalidationQueue::ring(CpuCore& core) {
  if (rung_ == tail_) return;
  rung_ = tail_;
  const iommu::RegisterWrite w = driver_.tail_write(static_cast<std::uint32_t>(tail_ % config_.entries));
  ++tail_writes_;
  core.mmio_write(registers_ + w.offset, w.value, w.bytes);
}

// A ring whose head equals its tail is empty, so one entry stays free.
void InvalidationQueue::make_room(CpuCore& core) {
  if (tail_ - head_ < config_.entries - 1) return;
  ++full_stalls_;
  ring(core);  // what is waiting must be able to drain
  const base::Time limit = core.now() + config_.timeout;
  for (;;) {
    read_head(core);
    if (tail_ - head_ < config_.entries - 1) return;
    if (core.now() > limit) throw stopped();
    core.poll_pause();
  }
}

void InvalidationQueue::read_head(CpuCore& core) {
  ++head_reads_;
  const std::uint32_t index = driver_.head_index(core.mmio_read(registers_ + driver_.head_register(), 8));
  head_ += (index - head_) & (config_.entries - 1);
}

void InvalidationQueue::wait_taken(CpuCore& core) {
  const base::Time limit = core.now() + config_.timeout;
  for (read_head(core); head_ != rung_; read_head(core)) {
    if (core.now() > limit) throw stopped();
    core.poll_pause();
  }
}

}  // namespace iommusim::host
