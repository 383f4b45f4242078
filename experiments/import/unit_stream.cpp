#include "experiments/import/unit_stream.h"

namespace iommusim::importer {
namespace {

constexpr std::uint16_t class_nvme = 0x0108, vendor_intel = 0x8086, id_e1000e = 0x10d3;
constexpr std::uint64_t page_mask = 0xfff, interrupt_region = 0xfee00000, interrupt_region_end = 0xfef00000;
// Leaf entries: bits 51:12 address, bit 0 read or present, bit 1 write, alike in both stages (VT-d specification 4.1
// section 9).
constexpr std::uint64_t leaf_address = 0x000ffffffffff000;

std::vector<base::Bdf> controllers_of(const Capture& capture) {
  std::vector<base::Bdf> found;
  for (const auto& device : capture.header.devices)
    if (device.class_code == class_nvme) found.push_back(device.requester);
  return found;
}

base::Bdf e1000e_of(const Capture& capture) {
  for (const auto& device : capture.header.devices)
    if (device.vendor == vendor_intel && device.device == id_e1000e) return device.requester;
  return {};
}

}  // namespace

UnitStream::UnitStream(const Capture& capture, ImportReport& report)
    : capture_(capture),
      report_(report),
      log_(capture.unit_log),
      nvme_(controllers_of(capture)),
      e1000e_device_(e1000e_of(capture)) {}

bool UnitStream::next(UnitItem& item) {
  while (out_.empty()) {
    if (!started_) {
      have_next_ = log_.next(next_);
      started_ = true;
    }
    if (!have_next_) {
      report_.unknown_unit_lines = log_.ignored();
      return false;
    }
    current_ = next_;
    have_next_ = log_.next(next_);
    take(current_);
  }
  item = std::move(out_.front());
  out_.pop_front();
  return true;
}

UnitItem UnitStream::item(const UnitEvent& event, ep::TraceKind kind) const {
  UnitItem item;
  item.record.kind = kind;
  item.record.time = event.time;
  item.record.line = event.line;
  return item;
}

ep::Outcome UnitStream::physical_outcome() const {
  return enabled_ ? ep::Outcome::passthrough : ep::Outcome::untranslated;
}

void UnitStream::take_access(const UnitEvent& event, UnitItem item) {
  auto& r = item.record;
  item.translated = true;
  if (nvme_.is_controller(r.requester))
    nvme_.classify(r);
  else if (r.requester != e1000e_device_ || !e1000e_.classify(r, have_next_ ? &next_ : nullptr))
    item.open = true;
  if (capture_.header.iommu == ep::TraceIommu::virtio)
    r.write = event.kind == UnitKind::virtio_translated && pending_translate_.c == 2;
  push(std::move(item));
}

void UnitStream::take_virtio(const UnitEvent& event) {
  switch (event.kind) {
    case UnitKind::virtio_attach: {
      virtio_domain_[event.b] = event.a;
      enabled_ = true;
      break;
    }
    case UnitKind::virtio_map:
    case UnitKind::virtio_unmap: {
      auto out = item(event, ep::TraceKind::request);
      auto& r = out.record;
      if (event.c < event.b || event.c - event.b == ~std::uint64_t{0})
        log_.lines().fail("a request for no range: its end lies before its start");
      r.request = event.kind == UnitKind::virtio_map ? ep::RequestKind::map : ep::RequestKind::unmap;
      r.domain = base::DomainId(static_cast<std::uint32_t>(event.a));
      r.iova = base::Iova(event.b);
      r.size = event.c - event.b + 1;  // the logged end is inclusive
      r.paddr = base::Hpa(event.d);
      r.permissions = static_cast<std::uint8_t>(event.e & 3);  // 1 read, 2 write, as ours
      push(std::move(out));
      break;
    }
    case UnitKind::virtio_translate: {
      if (event.b < interrupt_region || event.b >= interrupt_region_end) {
        pending_translate_ = event;
        break;
      }
      auto out = item(event, ep::TraceKind::interrupt);
      out.record.flags = ep::trace_flag::message;
      out.record.requester = base::Bdf(static_cast<std::uint16_t>(event.a));
      out.record.iova = base::Iova(event.b);
      push(std::move(out));
      break;
    }
    default: {  // virtio_translated: a address, b result, c requester
      auto out = item(event, ep::TraceKind::access);
      auto& r = out.record;
      r.outcome = ep::Outcome::translated;
      r.requester = base::Bdf(static_cast<std::uint16_t>(event.c));
      r.domain = base::DomainId(static_cast<std::uint32_t>(virtio_domain_[event.c]));
      r.iova = base::Iova(event.a);
      r.paddr = base::Hpa(event.b);
      out.permissions = 3;
      take_access(event, std::move(out));
    }
  }
}

void UnitStream::take(const UnitEvent& event) {
  switch (event.kind) {
    case UnitKind::mark: {
      auto out = item(event, ep::TraceKind::mark);
      out.record.number = static_cast<std::uint32_t>(event.a);
      return push(std::move(out));
    }
    case UnitKind::hit:
    case UnitKind::fill: {
      auto out = item(event, ep::TraceKind::access);
      auto& r = out.record;
      r.outcome = event.kind == UnitKind::hit ? ep::Outcome::hit : ep::Outcome::fill;
      r.requester = base::Bdf(static_cast<std::uint16_t>(event.a));
      r.iova = base::Iova(event.b);
      r.paddr = base::Hpa((event.c & leaf_address) | (event.b & page_mask));
      r.domain = base::DomainId(static_cast<std::uint32_t>(event.d));
      out.permissions = static_cast<std::uint8_t>(event.c & 3);
      return take_access(event, std::move(out));
    }
    case UnitKind::iotlb_reset: return push(item(event, ep::TraceKind::iotlb_reset));
    case UnitKind::descriptor: {
      auto out = item(event, ep::TraceKind::invalidate);
      decode_descriptor({event.a, event.b}, out.record);
      out.anchor = is_anchor({event.a, event.b});
      return push(std::move(out));
    }
    case UnitKind::enable: {
      auto out = item(event, ep::TraceKind::translation);
      out.record.enable = enabled_ = event.a != 0;
      return push(std::move(out));
    }
    case UnitKind::interrupt: {
      auto out = item(event, ep::TraceKind::interrupt);
      out.record.iova = base::Iova(event.a);
      out.record.value = static_cast<std::uint32_t>(event.b);
      return push(std::move(out));
    }
    case UnitKind::fault: {
      auto out = item(event, ep::TraceKind::fault);
      out.record.requester = base::Bdf(static_cast<std::uint16_t>(event.a));
      out.record.number = static_cast<std::uint32_t>(event.b);
      out.record.iova = base::Iova(event.c);
      out.record.write = event.d != 0;
      return push(std::move(out));
    }
    case UnitKind::passthrough: {
      auto out = item(event, ep::TraceKind::passthrough);
      out.record.requester = base::Bdf(static_cast<std::uint16_t>(event.a));
      return push(std::move(out));
    }
    case UnitKind::virtio_map:
    case UnitKind::virtio_unmap:
    case UnitKind::virtio_attach:
    case UnitKind::virtio_translate:
    case UnitKind::virtio_translated: return take_virtio(event);
    case UnitKind::e1000e_tx:
    case UnitKind::e1000e_rx:
    case UnitKind::e1000e_rx_data: return e1000e_.take(event);
    case UnitKind::e1000e_msix: {
      auto out = item(event, ep::TraceKind::msi);
      out.record.requester = e1000e_device_;
      out.record.number = static_cast<std::uint32_t>(event.a);
      return push(std::move(out));
    }
    default: {
      std::vector<ep::TraceRecord> records;
      nvme_.take(event, physical_outcome(), records);
      for (auto& record : records) {
        UnitItem out;
        out.record = record;
        out.record.time = event.time;
        out.record.line = event.line;
        push(std::move(out));
      }
    }
  }
}

}  // namespace iommusim::importer
