#include "experiments/import/descriptor.h"

namespace iommusim::importer {
namespace {

// Descriptor types, bits 3:0 of the low quadword (bits 11:9 continue them, zero for these).
constexpr unsigned type_context = 1, type_iotlb = 2, type_device_tlb = 3, type_interrupt_entry = 4, type_wait = 5,
                   type_pasid_iotlb = 6;

unsigned bits(std::uint64_t word, unsigned from, unsigned count) {
  return static_cast<unsigned>(word >> from & ((std::uint64_t{1} << count) - 1));
}

}  // namespace

bool is_anchor(const Descriptor& d) {
  const auto type = d.low & 0xf;
  return type != type_wait && type != type_interrupt_entry;
}

void decode_descriptor(const Descriptor& d, ep::TraceRecord& r) {
  using Kind = ep::InvalidateKind;
  r.kind = ep::TraceKind::invalidate;
  r.domain = ep::no_domain;
  const unsigned granularity = bits(d.low, 4, 2);  // 1 global, 2 domain, 3 page or device
  switch (d.low & 0xf) {
    case type_context:
      r.invalidate = granularity == 1   ? Kind::context_global
                     : granularity == 2 ? Kind::context_domain
                                        : Kind::context_device;
      if (granularity != 1) r.domain = base::DomainId(bits(d.low, 16, 16));
      if (granularity == 3) {
        r.requester = base::Bdf(static_cast<std::uint16_t>(bits(d.low, 32, 16)));
        r.mask = static_cast<std::uint8_t>(bits(d.low, 48, 2));
      }
      break;
    case type_iotlb:
      r.invalidate = granularity == 1 ? Kind::iotlb_global : granularity == 2 ? Kind::iotlb_domain : Kind::iotlb_page;
      if (granularity != 1) r.domain = base::DomainId(bits(d.low, 16, 16));
      if (granularity == 3) {
        r.iova = base::Iova(d.high & ~std::uint64_t{0xfff});
        r.mask = static_cast<std::uint8_t>(bits(d.high, 0, 6));
        r.flags = bits(d.high, 6, 1) ? ep::trace_flag::ih : 0;
      }
      break;
    case type_pasid_iotlb:  // first-level tables: granularity 2 all pages of the PASID, 3 page-selective
      r.invalidate = granularity == 3 ? Kind::iotlb_page : Kind::iotlb_domain;
      r.domain = base::DomainId(bits(d.low, 16, 16));
      if (granularity == 3) {
        r.iova = base::Iova(d.high & ~std::uint64_t{0xfff});
        r.mask = static_cast<std::uint8_t>(bits(d.high, 0, 6));
        r.flags = bits(d.high, 6, 1) ? ep::trace_flag::ih : 0;
      }
      break;
    case type_device_tlb:
      r.invalidate = Kind::device_tlb;
      r.requester = base::Bdf(static_cast<std::uint16_t>(bits(d.low, 32, 16)));
      r.iova = base::Iova(d.high & ~std::uint64_t{0xfff});
      if (d.high & 1)  // S: the size is in the address, lowest clear bit from 12 up
        for (r.mask = 1; r.mask < 52 && (d.high >> (11 + r.mask) & 1); ++r.mask) {}
      break;
    case type_interrupt_entry:
      r.invalidate = Kind::interrupt_entry;
      r.mask = static_cast<std::uint8_t>(bits(d.low, 27, 5));
      r.iova = base::Iova(bits(d.low, 32, 16));  // first index
      break;
    case type_wait:
      r.invalidate = Kind::wait;
      r.iova = base::Iova(d.high);  // status address
      break;
    default: r.invalidate = Kind::other;
  }
}

}  // namespace iommusim::importer
