// Linux's lazy mode (domain type DMA-FQ): an unmap leaves its range in a queue of its CPU; one invalidation of the
// domain frees all ranges queued before it, when a queue is full or a timer expires (queue_iova, fq_flush_timeout in
// drivers/iommu/dma-iommu.c).
//
// As there: a ring of n entries holds n - 1; the timer is started by the first range queued while it is off, runs on
// that CPU, is not stopped by an overflow, and flushes even if the queues have emptied since. Left out: the queues' own
// locks (a queue is used by its CPU and the timer only), the tick to which timers are rounded.
#include <deque>
#include <map>

#include "models/host/domain.h"
#include "models/host/invalidation_policy.h"

namespace iommusim::host {

namespace {

class Lazy final : public InvalidationPolicy {
 public:
  explicit Lazy(const Services& services) : s_(services) {}

  void unmapped(CpuCore& core, IovaRange range, bool) override {
    Queue& queue = queues_[core.number()];
    release_finished(core, queue);
    if (queue.size() + 1 >= s_.config.flush_queue_entries) {
      ++s_.stats.overflow_flushes;
      flush_domain(core);
      release_finished(core, queue);
    }
    queue.push_back({range, started_});
    s_.stats.deferred.add(core.now());
    if (!timer_on_) {
      timer_on_ = true;
      s_.wake_up(*this, core, core.now() + s_.config.flush_queue_timeout);
    }
  }

  void timer(CpuCore& core) override {
    timer_on_ = false;
    ++s_.stats.timer_flushes;
    flush(core);
  }

  void flush(CpuCore& core) override {
    flush_domain(core);
    for (auto& [cpu, queue] : queues_) release_finished(core, queue);
  }

 private:
  struct Entry {
    IovaRange range;
    std::uint64_t started;  // flushes started when it was queued: a later one covers it
  };
  using Queue = std::deque<Entry>;

  void flush_domain(CpuCore& core) {
    const CpuCore::Span span(core, "flush");
    const std::uint64_t flush = ++started_;
    const std::uint64_t releases = s_.domain.table_releases;
    iommu::Invalidation i;
    i.kind = iommu::Invalidation::Kind::iotlb_domain;
    i.domain = s_.domain.id;
    s_.queue.invalidate(core, {i});
    finished_ = std::max(finished_, flush);
    s_.release_tables(core, releases);
  }

  void release_finished(CpuCore& core, Queue& queue) {
    for (; !queue.empty() && queue.front().started < finished_; queue.pop_front()) {
      s_.release(queue.front().range);
      s_.stats.deferred.sub(core.now());
    }
  }

  const Services s_;
  std::map<unsigned, Queue> queues_;  // by CPU
  std::uint64_t started_ = 0;         // flushes, in all
  std::uint64_t finished_ = 0;        // the latest one known to be over
  bool timer_on_ = false;
};

const InvalidationPolicies::Entry entry("lazy", "unmapped ranges are queued per CPU and flushed together",
                                        [](const InvalidationPolicy::Services& s) {
                                          return std::make_unique<Lazy>(s);
                                        });

}  // namespace

}  // namespace iommusim::host
