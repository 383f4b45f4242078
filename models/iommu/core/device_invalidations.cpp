#include "models/iommu/core/device_invalidations.h"

#include <algorithm>

namespace iommusim::iommu {

using base::Time;

DeviceInvalidations::DeviceInvalidations(tlm::Scheduler& scheduler, const std::string& name, Time timeout,
                                         tlm::Delegate<void()> timed_out)
    : scheduler_(scheduler),
      timeout_(timeout),
      timed_out_(timed_out),
      timer_(scheduler, name + ".device_timeout", tlm::delegate<&DeviceInvalidations::expire>(this)) {}

std::optional<std::uint8_t> DeviceInvalidations::issue(SourceId device, bool has_segment) {
  const auto tag = tags_.issue(device, has_segment);
  if (!tag) return tag;
  sent_[*tag] = scheduler_.now();
  in_flight.add(scheduler_.now());
  if (!timer_.armed()) timer_.arm(scheduler_.now() + timeout_);
  return tag;
}

bool DeviceInvalidations::complete(SourceId device, bool has_segment, std::uint32_t tags, unsigned count) {
  const std::uint32_t before = tags_.in_use();
  const bool expected = tags_.complete(device, has_segment, tags, count);
  const std::uint32_t answered = before & ~tags_.in_use();
  for (unsigned i = 0; i < AtsInvalidations::kTags; ++i) {
    if ((answered >> i & 1) != 0) latency.add(scheduler_.now() - sent_[i]);
  }
  note(before);
  return expected;
}

void DeviceInvalidations::withdraw(std::uint8_t tag) {
  const std::uint32_t before = tags_.in_use();
  tags_.release(tag);
  note(before);
}

void DeviceInvalidations::give_up(std::uint32_t tags) {
  const std::uint32_t before = tags_.in_use();
  tags_.time_out(tags);
  timeouts += static_cast<unsigned>(__builtin_popcount(before & ~tags_.in_use()));
  note(before);
}

// Tags have been freed. An armed timer stays: it looks for itself when it goes off.
void DeviceInvalidations::note(std::uint32_t before) {
  const std::uint32_t freed = before & ~tags_.in_use();
  if (freed != 0) in_flight.sub(scheduler_.now(), static_cast<unsigned>(__builtin_popcount(freed)));
}

void DeviceInvalidations::expire() {
  const Time now = scheduler_.now();
  std::uint32_t late = 0;
  Time next = Time::max();
  for (unsigned i = 0; i < AtsInvalidations::kTags; ++i) {
    if ((tags_.in_use() >> i & 1) == 0) continue;
    if (now - sent_[i] >= timeout_) {
      late |= 1u << i;
    } else {
      next = std::min(next, sent_[i] + timeout_);
    }
  }
  if (next != Time::max()) timer_.arm(next);
  if (late == 0) return;
  give_up(late);
  timed_out_();
}

void DeviceInvalidations::register_stats(base::Group& group) {
  group.add("latency", latency, "ps", "From sending an invalidation request to a device to its last answer");
  group.add("timeouts", timeouts, "1", "Invalidation requests that a device did not answer in time");
  group.add("in_flight", in_flight, "1", "Invalidation requests not yet answered");
}

}  // namespace iommusim::iommu
