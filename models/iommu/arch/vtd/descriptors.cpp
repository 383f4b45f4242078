#include "models/iommu/arch/vtd/descriptors.h"

#include "models/iommu/arch/vtd/config.h"

namespace iommusim::iommu::vtd {

namespace {

using Type = Descriptor::Type;
constexpr std::uint64_t kPage = ones(63, 12);
constexpr std::uint64_t kTypeHigh = ones(11, 9);  // type bits 6:4, of types that do not exist yet

std::uint64_t code(Granularity g) { return static_cast<std::uint64_t>(g); }

/// Reserved bits per type (figures of sections 6.5.2.1 to 6.5.2.9). PFSID of the device-TLB descriptors (15:12 and
/// 63:52) is ignored: there are no virtual functions to throttle. So are PDP and LPIG of page responses, which drivers
/// of earlier revisions set.
Pair reserved_bits(Type t, const VtdConfig& config) {
  const bool drains = config.is_scalable() && config.scalable.page_requests && config.scalable.page_request_drain;
  switch (t) {
    case Type::context: return {ones(15, 6) | ones(63, 50), ~std::uint64_t{0}};
    case Type::iotlb: return {ones(15, 8) | ones(63, 32), ones(11, 7)};
    case Type::device_tlb: return {ones(11, 4) | ones(31, 21) | ones(51, 48), ones(11, 1)};
    case Type::interrupt_entry: return {ones(26, 5) | ones(63, 48), ~std::uint64_t{0}};
    case Type::wait: return {ones(31, 8) | put(!drains, 7), ones(1, 0)};
    case Type::process_iotlb: return {ones(15, 6) | ones(63, 52), ones(11, 7)};
    case Type::process_cache: return {ones(15, 6) | ones(63, 52), ~std::uint64_t{0}};
    case Type::process_device_tlb: return {ones(11, 9), ones(10, 1)};
    case Type::page_response: return {ones(11, 6) | ones(63, 52), ones(1, 0) | ones(63, 12)};
    case Type::none: break;
  }
  return {};
}

bool exists(Type t, unsigned bytes, const VtdConfig& config) {
  switch (t) {
    case Type::none: return false;
    case Type::device_tlb: return config.device_tlb;
    case Type::interrupt_entry: return config.interrupt_remapping;
    case Type::process_iotlb:
    case Type::process_cache: return bytes == 32;
    case Type::process_device_tlb: return bytes == 32 && config.device_tlb;
    case Type::page_response: return bytes == 32 && config.scalable.page_requests;
    default: return true;
  }
}

}  // namespace

Pair encode(const Descriptor& d) {
  const std::uint64_t type = static_cast<std::uint64_t>(d.type);
  const std::uint64_t pages = (d.address & kPage) | put(d.address_mask, 5, 0) | put(d.leaf_only, 6);
  const std::uint64_t process = put(d.process_granularity, 5, 4) | put(d.domain, 31, 16) | put(d.pasid, 51, 32);
  switch (d.type) {
    case Type::context:
      return {type | put(code(d.granularity), 5, 4) | put(d.domain, 31, 16) | put(d.source, 47, 32) |
                  put(d.function_mask, 49, 48),
              0};
    case Type::iotlb:
      return {type | put(code(d.granularity), 5, 4) | put(d.drain_writes, 6) | put(d.drain_reads, 7) |
                  put(d.domain, 31, 16),
              pages};
    case Type::device_tlb:
      return {type | put(d.pending_limit, 20, 16) | put(d.source, 47, 32), (d.address & kPage) | put(d.size, 0)};
    case Type::interrupt_entry:
      return {type | put(d.granularity == Granularity::selective, 4) | put(d.index_mask, 31, 27) | put(d.index, 47, 32),
              0};
    case Type::wait:
      return {type | put(d.interrupt, 4) | put(d.status_write, 5) | put(d.fence, 6) | put(d.drain_pages, 7) |
                  put(d.status, 63, 32),
              d.address & ones(63, 2)};
    case Type::process_iotlb: return {type | process, pages};
    case Type::process_cache: return {type | process, 0};
    case Type::process_device_tlb:
      return {type | put(d.pending_limit, 8, 4) | put(d.source, 31, 16) | put(d.pasid, 51, 32),
              (d.address & kPage) | put(d.size, 11) | put(d.global, 0)};
    case Type::page_response:
      return {type | put(d.has_pasid, 4) | put(d.code, 15, 12) | put(d.source, 31, 16) | put(d.pasid, 51, 32),
              put(d.group, 11, 3)};
    case Type::none: break;
  }
  return {type, 0};
}

Descriptor decode_descriptor(const Pair& w) {
  Descriptor d;
  const auto number = get(w[0], 3, 0);
  d.type = number <= 9 && (w[0] & kTypeHigh) == 0 ? static_cast<Type>(number) : Type::none;
  const auto source_at = [&w](unsigned low) { return static_cast<std::uint16_t>(get(w[0], low + 15, low)); };
  const auto pages = [&d, &w] {
    d.address = w[1] & kPage;
    d.address_mask = static_cast<std::uint8_t>(get(w[1], 5, 0));
    d.leaf_only = get(w[1], 6);
  };
  const auto process = [&d, &w] {
    d.process_granularity = static_cast<std::uint8_t>(get(w[0], 5, 4));
    d.domain = static_cast<std::uint16_t>(get(w[0], 31, 16));
    d.pasid = static_cast<std::uint32_t>(get(w[0], 51, 32));
  };
  switch (d.type) {
    case Type::context:
      d.granularity = static_cast<Granularity>(get(w[0], 5, 4));
      d.domain = static_cast<std::uint16_t>(get(w[0], 31, 16));
      d.source = source_at(32);
      d.function_mask = static_cast<std::uint8_t>(get(w[0], 49, 48));
      break;
    case Type::iotlb:
      d.granularity = static_cast<Granularity>(get(w[0], 5, 4));
      d.drain_writes = get(w[0], 6);
      d.drain_reads = get(w[0], 7);
      d.domain = static_cast<std::uint16_t>(get(w[0], 31, 16));
      pages();
      break;
    case Type::device_tlb:
      d.pending_limit = static_cast<std::uint8_t>(get(w[0], 20, 16));
      d.source = source_at(32);
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
      d.drain_pages = get(w[0], 7);
      d.status = static_cast<std::uint32_t>(w[0] >> 32);
      d.address = w[1] & ones(63, 2);
      break;
    case Type::process_iotlb:
      process();
      pages();
      break;
    case Type::process_cache: process(); break;
    case Type::process_device_tlb:
      d.pending_limit = static_cast<std::uint8_t>(get(w[0], 8, 4));
      d.source = source_at(16);
      d.pasid = static_cast<std::uint32_t>(get(w[0], 51, 32));
      d.address = w[1] & kPage;
      d.size = get(w[1], 11);
      d.global = get(w[1], 0);
      break;
    case Type::page_response:
      d.has_pasid = get(w[0], 4);
      d.code = static_cast<std::uint8_t>(get(w[0], 15, 12));
      d.source = source_at(16);
      d.pasid = static_cast<std::uint32_t>(get(w[0], 51, 32));
      d.group = static_cast<std::uint16_t>(get(w[1], 11, 3));
      break;
    case Type::none: break;
  }
  return d;
}

QueueError check(const Words& words, unsigned bytes, bool scalable, const VtdConfig& config) {
  if (scalable && bytes == 16) return QueueError::width;
  const Descriptor d = decode_descriptor({words[0], words[1]});
  if (!exists(d.type, bytes, config)) return QueueError::type;
  const Pair reserved = reserved_bits(d.type, config);
  if ((words[0] & reserved[0]) != 0 || (words[1] & reserved[1]) != 0) return QueueError::reserved;
  if (bytes == 32 && (words[2] | words[3]) != 0) return QueueError::reserved;
  const bool granular = d.type == Type::context || d.type == Type::iotlb;
  if (granular && d.granularity == Granularity::none) return QueueError::reserved;
  if (d.type == Type::process_iotlb && d.process_granularity < Descriptor::kAddresses) return QueueError::reserved;
  if (d.type == Type::process_cache && d.process_granularity == 2) return QueueError::reserved;
  const bool by_page = (d.type == Type::iotlb && d.granularity == Granularity::selective) ||
                       (d.type == Type::process_iotlb && d.process_granularity == Descriptor::kPages);
  return by_page && d.address_mask > config.max_address_mask ? QueueError::reserved : QueueError::none;
}

}  // namespace iommusim::iommu::vtd
