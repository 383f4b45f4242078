// Completion time-outs and what the engine reports of itself. Outstanding reads form a list by age, so that one timer,
// moved at most once per time-out interval, watches them all.
#include <fmt/format.h>

#include "models/endpoints/dma_engine.h"

namespace iommusim::ep {

void DmaEngine::link_tag(std::uint32_t tag) {
  if (config_.completion_timeout == base::Time()) return;
  OutstandingRead& t = tags_[tag];
  t.linked = true;
  t.previous = newest_;
  (newest_ == no_tag ? oldest_ : tags_[newest_].next) = tag;
  newest_ = tag;
  if (!timeout_.armed()) timeout_.arm(now() + config_.completion_timeout);
}

void DmaEngine::unlink_tag(std::uint32_t tag) {
  OutstandingRead& t = tags_[tag];
  if (!t.linked) return;
  t.linked = false;
  (t.previous == no_tag ? oldest_ : tags_[t.previous].next) = t.next;
  (t.next == no_tag ? newest_ : tags_[t.next].previous) = t.previous;
}

// The timer is armed for the read that was oldest when it was set; it may have been answered since.
void DmaEngine::check_timeouts() {
  while (oldest_ != no_tag && tags_[oldest_].sent + config_.completion_timeout <= now()) {
    const std::uint32_t tag = oldest_;
    unlink_tag(tag);
    tags_[tag].state = OutstandingRead::State::given_up;
    finished(tags_[tag].dma, nullptr, tlm::CompletionStatus::timeout);
  }
  if (oldest_ != no_tag) timeout_.arm(tags_[oldest_].sent + config_.completion_timeout);
}

std::string DmaEngine::holding() const {
  if (quiescent()) return "";
  return fmt::format("{}: {} DMAs waiting for a slot, {} in progress, {} read tags, {} posted writes", name(),
                     submitted_.size(), slots_.in_use(), tags_.in_use(), posted_);
}

void DmaEngine::add_metrics() {
  base::Group& g = stats();
  g.add("reads", stats_.reads, "1", "read DMAs ended well");
  g.add("writes", stats_.writes, "1", "write DMAs visible in memory");
  g.add("read_bytes", stats_.read_bytes, "B", "payload of those reads");
  g.add("write_bytes", stats_.write_bytes, "B", "payload of those writes");
  g.add("read_requests", stats_.read_requests, "1", "read request TLPs sent");
  g.add("write_requests", stats_.write_requests, "1", "write request TLPs sent");
  g.add("messages", stats_.messages, "1", "MSIs sent");
  g.add("failed_unsupported", stats_.failed_unsupported, "1", "read DMAs ended as unsupported request");
  g.add("failed_abort", stats_.failed_abort, "1", "read DMAs ended by completer abort");
  g.add("failed_timeout", stats_.failed_timeout, "1", "read DMAs ended by completion time-out");
  g.add("dropped_writes", stats_.dropped_writes, "1",
        "write DMAs of which somebody on the way (remapping unit, access control, memory) dropped a part: in no other "
        "figure here, though no device can see it");
  g.add("late_completions", stats_.late_completions, "1",
        "completions of requests that had timed out or were given up by a reset, dropped");
  g.add("unexpected_completions", stats_.unexpected_completions, "1",
        "completions with a tag that was not outstanding, dropped");
  g.add("reset", stats_.reset, "1", "DMAs and messages ended by a function-level reset");
  g.add("device_messages", stats_.device_messages, "1", "messages other than MSIs sent");
  g.add("bus_master_stalls", stats_.bus_master_stalls, "1", "requests that waited for Bus Master Enable");
  g.add("tag_stalls", stats_.tag_stalls, "1", "read requests that waited for a tag");
  g.add("posted_stalls", stats_.posted_stalls, "1", "write requests that waited for the posted window");
  g.add("tags_used", tags_.occupancy(), "1", "read requests outstanding");
  g.add("posted_used", stats_.posted, "1", "write requests sent and not yet visible");
  g.add("dmas_used", slots_.occupancy(), "1", "DMAs taken and not yet done");
  stats_.read_latency.add_metrics(g.group("read"));
  stats_.write_latency.add_metrics(g.group("write"));
  g.group("read").add("first_data", stats_.first_data, "ps",
                      "time from the intended start of a read until its first completion TLP was at the device");
  const auto per_second = [](double amount, base::Time window) {
    return window == base::Time() ? 0.0 : amount / window.seconds();
  };
  g.add(
      "throughput",
      [this, per_second](base::Time window) {
        return per_second(8e-9 * static_cast<double>(stats_.read_bytes.value() + stats_.write_bytes.value()), window);
      },
      "Gb/s", "payload of DMAs completed in the window, per window");
  g.add(
      "dma_rate",
      [this, per_second](base::Time window) {
        return per_second(static_cast<double>(stats_.reads.value() + stats_.writes.value()), window);
      },
      "1/s", "DMAs completed in the window, per window");
  g.on_reset([this](base::Time) { slowest_.reset(); });
  g.on_reset(
      [this](base::Time at) { offered_before_ = workload_ == nullptr ? Workload::Offered{} : workload_->offered(at); });
  g.add(
      "offered_throughput",
      [this, per_second](base::Time window) {
        if (workload_ == nullptr) return 0.0;
        return per_second(8e-9 * static_cast<double>(workload_->offered(now()).bytes - offered_before_.bytes), window);
      },
      "Gb/s", "payload of DMAs the workload wanted to start in the window, per window");
  g.add(
      "offered_rate",
      [this, per_second](base::Time window) {
        if (workload_ == nullptr) return 0.0;
        return per_second(static_cast<double>(workload_->offered(now()).dmas - offered_before_.dmas), window);
      },
      "1/s", "DMAs the workload wanted to start in the window, per window");
}

}  // namespace iommusim::ep
