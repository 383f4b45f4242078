#include "models/iommu/arch/vtd/descriptors.h"

#include "models/iommu/arch/vtd/config.h"

namespace iommusim::iommu::vtd {

namespace {

using Type = Descriptor::Type;
constexpr std::uint64_t kPage = ones(63, 12);

std::uint64_t code(Granularity g) { return static_cast<std::uint64_t>(g); }

/// Reserved bits per type (figures of sections 6.5.2.1 to 6.5.2.8). PFSID of the device-TLB descriptor (15:12 and
/// 63:52) is ignored: there are no virtual functions to throttle.
Pair reserved_bits(Type t) {
  switch (t) {
    case Type::context: return {ones(15, 6) | ones(63, 50), ~std::uint64_t{0}};
    case Type::iotlb: return {ones(15, 8) | ones(63, 32), ones(11, 7)};
    case Type::device_tlb: return {ones(11, 4) | ones(31, 21) | ones(51, 48), ones(11, 1)};
    case Type::interrupt_entry: return {ones(26, 5) | ones(63, 48), ~std::uint64_t{0}};
    case Type::wait: return {ones(31, 7), ones(1, 0)};
    case Type::none: break;
  }
  return {};
}

/// Bytes of an ATS invalidation: with S set, the lowest clear bit from 12 up tells the size (PCIe 6.0 section 10.3.1).
std::uint64_t device_tlb_bytes(const Descriptor& d) {
  unsigned log2 = 12;
  if (d.size) {
    while (log2 < 63 && get(d.address, log2)) ++log2;
    ++log2;
  }
  return log2 >= 64 ? 0 : bit(log2);
}

}  // namespace

Pair encode(const Descriptor& d) {
  const std::uint64_t type = static_cast<std::uint64_t>(d.type);
  switch (d.type) {
    case Type::context:
      return {type | put(code(d.granularity), 5, 4) | put(d.domain, 31, 16) | put(d.source, 47, 32) |
                  put(d.function_mask, 49, 48),
              0};
    case Type::iotlb:
      return {type | put(code(d.granularity), 5, 4) | put(d.drain_writes, 6) | put(d.drain_reads, 7) |
                  put(d.domain, 31, 16),
              (d.address & kPage) | put(d.address_mask, 5, 0) | put(d.leaf_only, 6)};
    case Type::device_tlb:
      return {type | put(d.pending_limit, 20, 16) | put(d.source, 47, 32), (d.address & kPage) | put(d.size, 0)};
    case Type::interrupt_entry:
      return {type | put(d.granularity == Granularity::selective, 4) | put(d.index_mask, 31, 27) | put(d.index, 47, 32),
              0};
    case Type::wait:
      return {type | put(d.interrupt, 4) | put(d.status_write, 5) | put(d.fence, 6) | put(d.status, 63, 32),
              d.address & ones(63, 2)};
    case Type::none: break;
  }
  return {type, 0};
}

Descriptor decode_descriptor(const Pair& w) {
  Descriptor d;
  const auto number = get(w[0], 3, 0);
  d.type = number <= 5 ? static_cast<Type>(number) : Type::none;
  switch (d.type) {
    case Type::context:
      d.granularity = static_cast<Granularity>(get(w[0], 5, 4));
      d.domain = static_cast<std::uint16_t>(get(w[0], 31, 16));
      d.source = static_cast<std::uint16_t>(get(w[0], 47, 32));
      d.function_mask = static_cast<std::uint8_t>(get(w[0], 49, 48));
      break;
    case Type::iotlb:
      d.granularity = static_cast<Granularity>(get(w[0], 5, 4));
      d.drain_writes = get(w[0], 6);
      d.drain_reads = get(w[0], 7);
      d.domain = static_cast<std::uint16_t>(get(w[0], 31, 16));
      d.address = w[1] & kPage;
      d.address_mask = static_cast<std::uint8_t>(get(w[1], 5, 0));
      d.leaf_only = get(w[1], 6);
      break;
    case Type::device_tlb:
      d.pending_limit = static_cast<std::uint8_t>(get(w[0], 20, 16));
      d.source = static_cast<std::uint16_t>(get(w[0], 47, 32));
      d.address = w[1] & kPage;
      d.size = get(w[1], 0);
      break;
    case Type::interrupt_entry:
      d.granularity = get(w[0], 4) ? Granularity::selective : Granularity::global;
      d.index_mask = static_cast<std::uint8_t>(get(w[0], 31, 27));
      d.index = static_cast<std::uint16_t>(get(w[0], 47, 32));
      break;
    case Type::wait:
      d.interrupt = get(w[0], 4);
      d.status_write = get(w[0], 5);
      d.fence = get(w[0], 6);
      d.status = static_cast<std::uint32_t>(w[0] >> 32);
      d.address = w[1] & ones(63, 2);
      break;
    case Type::none: break;
  }
  return d;
}

QueueError check(const Pair& w, const VtdConfig& config) {
  const Descriptor d = decode_descriptor(w);
  const bool absent = (d.type == Type::device_tlb && !config.device_tlb) ||
                      (d.type == Type::interrupt_entry && !config.interrupt_remapping);
  if (d.type == Type::none || absent) return QueueError::type;
  const Pair reserved = reserved_bits(d.type);
  if ((w[0] & reserved[0]) != 0 || (w[1] & reserved[1]) != 0) return QueueError::reserved;
  const bool granular = d.type == Type::context || d.type == Type::iotlb;
  if (granular && d.granularity == Granularity::none) return QueueError::reserved;
  if (d.type == Type::iotlb && d.granularity == Granularity::selective && d.address_mask > config.max_address_mask)
    return QueueError::reserved;
  return QueueError::none;
}

InvalidationScope scope_for(const Descriptor& d, unsigned page_mask_bits) {
  InvalidationScope s;
  if (d.type == Type::context) {
    s.caches = s.caches.with(CacheKind::context);
    if (d.granularity == Granularity::domain) s.domain = Match::exactly(d.domain);
    // FM (section 6.5.2.1): 1, 2, 3 leave out function bit 2, bits 2:1, bits 2:0.
    constexpr std::uint64_t compared[4] = {0xffff, 0xfffb, 0xfff9, 0xfff8};
    if (d.granularity == Granularity::selective) s.source = Match{d.source, compared[d.function_mask & 3]};
  } else if (d.type == Type::iotlb) {
    s.caches = s.caches.with(CacheKind::iotlb).with(CacheKind::walk);
    if (d.granularity == Granularity::domain || d.granularity == Granularity::selective)
      s.space = Match::exactly(d.domain);
    if (d.granularity == Granularity::selective) {
      std::uint64_t pages = ~std::uint64_t{0} << d.address_mask;
      if (page_mask_bits < 64) pages &= bit(page_mask_bits) - 1;
      s.address = Match{d.address, pages << 12};
      s.leaf_only = d.leaf_only;
    }
  } else if (d.type == Type::interrupt_entry) {
    s.caches = s.caches.with(CacheKind::interrupt_entry);
    if (d.granularity == Granularity::selective)
      s.interrupt_index = Match{d.index, d.index_mask >= 16 ? 0 : ~std::uint64_t{0} << d.index_mask};
  }
  return s;
}

Command command_for(const Descriptor& d, unsigned page_mask_bits) {
  Command c;
  c.kind = Command::Kind::invalidate;
  switch (d.type) {
    case Type::context: c.form = Command::Form::context_cache; break;
    case Type::iotlb:
      c.form = d.granularity == Granularity::global   ? Command::Form::iotlb_global
               : d.granularity == Granularity::domain ? Command::Form::iotlb_domain
                                                      : Command::Form::iotlb_page;
      break;
    case Type::interrupt_entry: c.form = Command::Form::interrupt_entry; break;
    case Type::device_tlb:
      c.kind = Command::Kind::device_tlb;
      c.form = Command::Form::device_tlb;
      c.source = SourceId(d.source);
      c.bytes = device_tlb_bytes(d);
      c.address = d.address & ~(c.bytes - 1);
      return c;
    case Type::wait:
      c.kind = Command::Kind::wait;
      c.form = Command::Form::wait;
      c.write_status = d.status_write;
      c.status_address = Hpa(d.address);
      c.status = d.status;
      c.interrupt = d.interrupt;
      c.fence = d.fence;
      return c;
    case Type::none: c.kind = Command::Kind::illegal; return c;
  }
  c.scope = scope_for(d, page_mask_bits);
  return c;
}

Descriptor descriptor_for(const Invalidation& i) {
  using Kind = Invalidation::Kind;
  Descriptor d;
  d.domain = static_cast<std::uint16_t>(i.domain.value());
  d.source = static_cast<std::uint16_t>(i.source.value());
  d.drain_reads = d.drain_writes = true;
  switch (i.kind) {
    case Kind::context_global:
      d.type = Type::context;
      d.granularity = Granularity::global;
      break;
    case Kind::context_domain:
      d.type = Type::context;
      d.granularity = Granularity::domain;
      break;
    case Kind::context_source:
      d.type = Type::context;
      d.granularity = Granularity::selective;
      break;
    case Kind::iotlb_global:
      d.type = Type::iotlb;
      d.granularity = Granularity::global;
      break;
    case Kind::iotlb_domain:
      d.type = Type::iotlb;
      d.granularity = Granularity::domain;
      break;
    case Kind::iotlb_pages:
      d.type = Type::iotlb;
      d.granularity = Granularity::selective;
      d.address = i.address.value();
      d.address_mask = static_cast<std::uint8_t>(i.size_log2 - 12);
      d.leaf_only = i.leaf_only;
      break;
    case Kind::device_tlb:
      d.type = Type::device_tlb;
      d.size = i.size_log2 > 12;
      d.address = i.address.value();
      if (d.size) d.address |= i.size_log2 > 13 ? ones(i.size_log2 - 2u, 12) : 0;
      break;
    case Kind::interrupt_entries:
      d.type = Type::interrupt_entry;
      d.granularity = i.all_interrupts ? Granularity::global : Granularity::selective;
      d.index = static_cast<std::uint16_t>(i.index);
      d.index_mask = i.count_log2;
      break;
    case Kind::wait:
      d.type = Type::wait;
      d.status_write = true;
      d.status = i.status;
      d.address = i.status_address.value();
      break;
  }
  return d;
}

}  // namespace iommusim::iommu::vtd
