#include "models/iommu/arch/vtd/page_requests.h"

namespace iommusim::iommu::vtd {

namespace {
constexpr std::uint64_t kType = 1;
constexpr unsigned kShift = 5;  // head and tail are byte offsets
constexpr std::uint32_t kOffset = 0x7ffe0;
}  // namespace

PageRequestWords encode(const PageRequest& p) {
  return {kType | put(p.has_pasid, 8) | put(p.source.value(), 31, 16) | put(p.has_pasid ? p.pasid.value() : 0, 51, 32) |
              put(p.execute, 52) | put(p.privileged, 53),
          put(p.read, 0) | put(p.write, 1) | put(p.last, 2) | put(p.group, 11, 3) | (p.address & ones(63, 12)), 0, 0};
}
PageRequest decode_page_request(const PageRequestWords& w) {
  PageRequest p;
  p.has_pasid = get(w[0], 8);
  p.source = SourceId(static_cast<std::uint32_t>(get(w[0], 31, 16)));
  p.pasid = Pasid(static_cast<std::uint32_t>(get(w[0], 51, 32)));
  p.execute = get(w[0], 52);
  p.privileged = get(w[0], 53);
  p.read = get(w[1], 0);
  p.write = get(w[1], 1);
  p.last = get(w[1], 2);
  p.group = static_cast<std::uint16_t>(get(w[1], 11, 3));
  p.address = w[1] & ones(63, 12);
  return p;
}

// An event is raised only when neither status bit was set: otherwise software is already on its way (section 7.7).
Effects PageRequestQueue::raise(std::uint32_t status) {
  Effects e;
  const bool already = status_ != 0;
  status_ |= status;
  if (!already) e.interrupt = event_.raise();
  return e;
}

std::optional<Hpa> PageRequestQueue::reserve(Effects& effects) {
  if (overflown()) return std::nullopt;
  if (((tail_ + 1) & mask()) == head_) {
    effects = raise(page_status::kOverflow);
    return std::nullopt;
  }
  return Hpa(address_ & ones(63, 12)) + std::uint64_t{kBytes} * tail_;
}

Effects PageRequestQueue::written(bool ok) {
  if (!ok) return raise(page_status::kOverflow);
  tail_ = (tail_ + 1) & mask();
  return raise(page_status::kPending);
}

std::uint32_t PageRequestQueue::read(std::uint64_t offset) const {
  switch (offset) {
    case reg::kPageHead: return head_ << kShift;
    case reg::kPageTail: return tail_ << kShift;
    case reg::kPageAddress: return static_cast<std::uint32_t>(address_);
    case reg::kPageAddress + 4: return static_cast<std::uint32_t>(address_ >> 32);
    case reg::kPageStatus: return status_;
    default: break;
  }
  const bool event = offset >= reg::kPageEvent && offset < reg::kPageEvent + 16;
  return event ? event_.read(static_cast<unsigned>(offset - reg::kPageEvent) / 4) : 0;
}

Effects PageRequestQueue::write(std::uint64_t offset, std::uint32_t value) {
  Effects effects;
  switch (offset) {
    case reg::kPageHead: head_ = (value & kOffset) >> kShift & mask(); return effects;
    case reg::kPageTail: tail_ = (value & kOffset) >> kShift & mask(); return effects;
    case reg::kPageAddress: address_ = (address_ & ~std::uint64_t{0xffffffff}) | (value & 0xfffff007u); return effects;
    case reg::kPageAddress + 4: address_ = (address_ & 0xffffffff) | std::uint64_t{value} << 32; return effects;
    case reg::kPageStatus:
      status_ &= ~value;
      if (status_ == 0) event_.serviced();
      return effects;
    default: break;
  }
  if (offset >= reg::kPageEvent && offset < reg::kPageEvent + 16)
    effects.interrupt = event_.write(static_cast<unsigned>(offset - reg::kPageEvent) / 4, value);
  return effects;
}

}  // namespace iommusim::iommu::vtd
