#include "models/iommu/arch/riscv/performance.h"

#include "models/iommu/arch/riscv/registers.h"

namespace iommusim::iommu::riscv {

namespace {

constexpr unsigned kOverflow = 63, kByAddressSpace = 62, kDeviceValid = 61, kProcessValid = 60, kPartial = 15;

/// eventID of section 6.23, and whether the event can be filtered by GSCID and PSCID.
struct EventNumber {
  unsigned id;
  bool by_address_space;
};
EventNumber number_of(PerformanceEvent e) {
  switch (e) {
    case PerformanceEvent::untranslated_request: return {1, false};
    case PerformanceEvent::translated_request: return {2, false};
    case PerformanceEvent::translation_request: return {3, false};
    case PerformanceEvent::iotlb_miss: return {4, true};
    case PerformanceEvent::context_walk: return {5, false};
    case PerformanceEvent::process_walk: return {6, false};
    case PerformanceEvent::first_stage_walk: return {7, true};
    case PerformanceEvent::second_stage_walk: return {8, true};
  }
  return {0, false};
}

}  // namespace

bool Performance::matches(std::uint64_t selector, const Request& request, const Context* context,
                          bool by_address_space) {
  const bool device_valid = get(selector, kDeviceValid), process_valid = get(selector, kProcessValid);
  if (!device_valid && !process_valid) return true;
  std::uint64_t device = request.source.value(), process = request.has_pasid ? request.pasid.value() : 0;
  bool has_device = true, has_process = request.has_pasid;
  if (get(selector, kByAddressSpace)) {
    if (!by_address_space || context == nullptr) return false;
    const ContextView c(*context);
    has_device = c.second_stage().mode() != kBare;
    has_process = c.first_stage().mode() != kBare;
    device = c.second_stage().gscid();
    process = c.pscid();
  }
  if (process_valid && (!has_process || process != get(selector, 35, 16))) return false;
  if (!device_valid) return true;
  const std::uint64_t wanted = get(selector, 59, 36);
  // With DMASK, the bits up to and including the lowest zero do not count.
  const std::uint64_t ignored = get(selector, kPartial) ? wanted ^ (wanted + 1) : 0;
  return has_device && ((device ^ wanted) & ~ignored) == 0;
}

bool Performance::count(PerformanceEvent event, const Request& request, const Context* context) {
  const EventNumber number = number_of(event);
  bool interrupt = false;
  for (unsigned i = 0; i < counters_; ++i) {
    if (get(selectors_[i], 14, 0) != number.id || (inhibit_ >> (i + 1) & 1) != 0) continue;
    if (!matches(selectors_[i], request, context, number.by_address_space)) continue;
    if (++values_[i] != 0) continue;
    interrupt = interrupt || !get(selectors_[i], kOverflow);
    selectors_[i] |= bit(kOverflow);
  }
  return interrupt;
}

bool Performance::advance(std::uint64_t cycles) {
  if (counters_ == 0 || (inhibit_ & 1) != 0) return false;
  const std::uint64_t before = get(cycles_, 62, 0);
  const bool overflow = before + cycles > ones(62, 0);
  const bool interrupt = overflow && !get(cycles_, kOverflow);
  cycles_ = ((before + cycles) & ones(62, 0)) | put(overflow || get(cycles_, kOverflow), kOverflow);
  return interrupt;
}

std::uint64_t Performance::read64(std::uint64_t offset) const {
  if (counters_ == 0) return 0;
  if (offset == reg::kCycles) return cycles_;
  const bool selector = offset >= reg::kEvents;
  const std::uint64_t n = (offset - (selector ? reg::kEvents : reg::kCounters)) / 8;
  if (n >= counters_) return 0;
  return selector ? selectors_[n] : values_[n];
}

void Performance::write64(std::uint64_t offset, std::uint64_t value) {
  if (counters_ == 0) return;
  if (offset == reg::kCycles) {
    cycles_ = value;
    return;
  }
  const bool selector = offset >= reg::kEvents;
  const std::uint64_t n = (offset - (selector ? reg::kEvents : reg::kCounters)) / 8;
  if (n >= counters_) return;
  (selector ? selectors_[n] : values_[n]) = value;
  if (selector) selected_ = (selected_ & ~(1u << n)) | (get(value, 14, 0) != 0 ? 1u << n : 0);
}

std::uint32_t Performance::overflow_status() const {
  std::uint32_t out = get(cycles_, kOverflow) ? 1 : 0;
  for (unsigned i = 0; i < counters_; ++i) out |= get(selectors_[i], kOverflow) ? 2u << i : 0;
  return out;
}

}  // namespace iommusim::iommu::riscv
