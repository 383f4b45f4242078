#include "models/iommu/arch/vtd/fault_log.h"

#include <algorithm>

#include "models/iommu/arch/vtd/bits.h"

namespace iommusim::iommu::vtd {

Pair encode(const FaultRecord& r) {
  return {r.information & ones(63, 12), put(r.source, 15, 0) | put(r.page_request, 28) | put(r.privileged, 29) |
                                            put(r.execute, 30) | put(r.has_pasid, 31) | put(r.reason, 39, 32) |
                                            put(r.pasid, 59, 40) | put(r.address_type, 61, 60) | put(r.read, 62) |
                                            put(r.valid, 63)};
}

FaultRecord decode_fault_record(const Pair& w) {
  FaultRecord r;
  r.information = w[0] & ones(63, 12);
  r.source = static_cast<std::uint16_t>(get(w[1], 15, 0));
  r.page_request = get(w[1], 28);
  r.privileged = get(w[1], 29);
  r.execute = get(w[1], 30);
  r.has_pasid = get(w[1], 31);
  r.reason = static_cast<std::uint16_t>(get(w[1], 39, 32));
  r.pasid = static_cast<std::uint32_t>(get(w[1], 59, 40));
  r.address_type = static_cast<std::uint8_t>(get(w[1], 61, 60));
  r.read = get(w[1], 62);
  r.valid = get(w[1], 63);
  return r;
}

bool FaultLog::pending() const {
  return std::any_of(records_.begin(), records_.end(), [](const Pair& w) { return get(w[1], 63); });
}

std::uint32_t FaultLog::status() const {
  return status_ | (pending() ? fault_status::kPending : 0) | first_pending_ << 8;
}

// Section 7.3: an event is raised only if no status bit was set before; otherwise software is already on its way.
Effects FaultLog::raise_unless(bool already) {
  Effects e;
  if (!already) e.interrupt = event.raise();
  return e;
}

Effects FaultLog::record(const FaultRecord& r) {
  if ((status_ & fault_status::kOverflow) != 0) return {};  // nothing is recorded until software clears the overflow
  const bool already = any_status();
  if (get(records_[next_][1], 63)) {
    status_ |= fault_status::kOverflow;
    return raise_unless(already);
  }
  if (!pending()) first_pending_ = next_;
  FaultRecord valid = r;
  valid.valid = true;
  records_[next_] = encode(valid);
  next_ = (next_ + 1) % static_cast<unsigned>(records_.size());
  return raise_unless(already);
}

Effects FaultLog::queue_error(QueueError why) {
  const bool already = any_status();
  status_ |= fault_status::kQueueError;
  queue_error_ = why;
  return raise_unless(already);
}

Effects FaultLog::device_timeout() {
  const bool already = any_status();
  status_ |= fault_status::kDeviceTimeout;
  return raise_unless(already);
}

bool FaultLog::clear_status(std::uint32_t ones_written) {
  constexpr std::uint32_t kStops = fault_status::kQueueError | fault_status::kDeviceTimeout;
  const std::uint32_t cleared = status_ & ones_written & (fault_status::kOverflow | kStops);
  status_ &= ~cleared;
  if (!any_status()) event.serviced();
  if ((cleared & fault_status::kQueueError) != 0) queue_error_ = QueueError::none;
  return (cleared & kStops) != 0 && !queue_stopped();
}

std::uint32_t FaultLog::read_record(std::uint64_t n) const {
  const std::uint64_t word = records_[n / 4][n / 2 % 2];
  return static_cast<std::uint32_t>(n % 2 != 0 ? word >> 32 : word);
}

void FaultLog::write_record(std::uint64_t n, std::uint32_t value) {
  if (n % 4 != 3 || (value >> 31) == 0) return;
  records_[n / 4][1] &= ~bit(63);
  if (!any_status()) event.serviced();
}

}  // namespace iommusim::iommu::vtd
