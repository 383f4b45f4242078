#include "models/iommu/arch/vtd/formats.h"

namespace iommusim::iommu::vtd {

namespace {
constexpr std::uint64_t kPointer = ones(63, 12);
// Function bits of the source identifier compared under each SQ value (section 9.9).
constexpr std::uint16_t kSourceMask[4] = {0xffff, 0xfffb, 0xfff9, 0xfff8};
}  // namespace

Pair encode(const RootEntry& e) { return {(e.context_table.value() & kPointer) | put(e.present, 0), 0}; }
RootEntry decode_root(const Pair& w) { return RootEntry{get(w[0], 0), Hpa(w[0] & kPointer)}; }
bool reserved_set_root(const Pair& w, unsigned host_address_bits) {
  return (w[0] & (ones(11, 1) | above(host_address_bits))) != 0 || w[1] != 0;
}

Pair encode(const ContextEntry& e) {
  return {(e.table.value() & kPointer) | put(e.present, 0) | put(e.fault_disable, 1) |
              put(static_cast<std::uint64_t>(e.type), 3, 2),
          put(e.width, 2, 0) | put(e.domain, 23, 8)};
}
ContextEntry decode_context(const Pair& w) {
  ContextEntry e;
  e.present = get(w[0], 0);
  e.fault_disable = get(w[0], 1);
  e.type = static_cast<TranslationType>(get(w[0], 3, 2));
  e.table = Hpa(w[0] & kPointer);
  e.width = static_cast<std::uint8_t>(get(w[1], 2, 0));
  e.domain = static_cast<std::uint16_t>(get(w[1], 23, 8));
  return e;
}
bool reserved_set_context(const Pair& w, unsigned host_address_bits, unsigned domain_id_bits) {
  std::uint64_t low = ones(11, 4);
  if (decode_context(w).type != TranslationType::pass_through) low |= above(host_address_bits);
  const std::uint64_t high = bit(7) | (above(domain_id_bits) << 8 & ones(23, 8)) | above(24);
  return (w[0] & low) != 0 || (w[1] & high) != 0;
}

std::uint64_t encode(const PageEntry& e) {
  return put(e.read, 0) | put(e.write, 1) | put(e.page_size, 7) | put(e.snoop, 11) | (e.address.value() & ones(51, 12));
}
PageEntry decode_page(std::uint64_t w) {
  return PageEntry{get(w, 0), get(w, 1), get(w, 7), get(w, 11), Hpa(w & ones(51, 12))};
}

Pair encode(const InterruptEntry& e, bool extended) {
  const std::uint64_t destination = extended ? put(e.destination, 63, 32) : put(e.destination, 47, 40);
  return {put(e.present, 0) | put(e.fault_disable, 1) | put(e.logical_destination, 2) | put(e.redirection_hint, 3) |
              put(e.level_triggered, 4) | put(e.delivery_mode, 7, 5) | put(e.vector, 23, 16) | destination,
          put(e.source, 15, 0) | put(e.source_qualifier, 17, 16) | put(e.source_validation, 19, 18)};
}
InterruptEntry decode_interrupt(const Pair& w, bool extended) {
  InterruptEntry e;
  e.present = get(w[0], 0);
  e.fault_disable = get(w[0], 1);
  e.logical_destination = get(w[0], 2);
  e.redirection_hint = get(w[0], 3);
  e.level_triggered = get(w[0], 4);
  e.delivery_mode = static_cast<std::uint8_t>(get(w[0], 7, 5));
  e.vector = static_cast<std::uint8_t>(get(w[0], 23, 16));
  e.destination = static_cast<std::uint32_t>(extended ? get(w[0], 63, 32) : get(w[0], 47, 40));
  e.source = static_cast<std::uint16_t>(get(w[1], 15, 0));
  e.source_qualifier = static_cast<std::uint8_t>(get(w[1], 17, 16));
  e.source_validation = static_cast<std::uint8_t>(get(w[1], 19, 18));
  return e;
}
bool reserved_set_interrupt(const Pair& w, bool extended) {
  // Bit 15 (IM) selects posted mode, which this unit does not have (CAP.PI clear): then the bit is reserved.
  const std::uint64_t low = ones(14, 12) | bit(15) | ones(31, 24) | (extended ? 0 : ones(39, 32) | ones(63, 48));
  return (w[0] & low) != 0 || (w[1] & above(20)) != 0 || get(w[1], 19, 18) == 3;
}

bool source_allowed(const InterruptEntry& e, std::uint16_t requester) {
  if (e.source_validation == 0) return true;
  if (e.source_validation == 1) return ((e.source ^ requester) & kSourceMask[e.source_qualifier & 3]) == 0;
  const unsigned bus = requester >> 8;
  return bus >= static_cast<unsigned>(e.source >> 8) && bus <= (e.source & 0xffu);
}

InterruptMessage remappable(std::uint32_t index) {
  return InterruptMessage{kInterruptFirst | put(index, 19, 5) | put(get(index, 15), 2) | bit(4) | bit(3), 0};
}

// Message layout: Intel SDM volume 3, section 11.11 (message signalled interrupts). Only an assertion is ever sent.
InterruptMessage compose(const InterruptEntry& e, bool extended) {
  InterruptMessage m;
  m.address = kInterruptFirst | put(e.destination, 19, 12) | put(e.redirection_hint, 3) | put(e.logical_destination, 2);
  if (extended) m.address |= put(e.destination >> 8, 63, 40);
  m.data = static_cast<std::uint32_t>(put(e.vector, 7, 0) | put(e.delivery_mode, 10, 8) | put(e.level_triggered, 14) |
                                      put(e.level_triggered, 15));
  return m;
}
InterruptEntry entry_for(const InterruptMessage& m, bool extended) {
  InterruptEntry e;
  e.logical_destination = get(m.address, 2);
  e.redirection_hint = get(m.address, 3);
  e.level_triggered = get(m.data, 15);
  e.delivery_mode = static_cast<std::uint8_t>(get(m.data, 10, 8));
  e.vector = static_cast<std::uint8_t>(get(m.data, 7, 0));
  e.destination = static_cast<std::uint32_t>(get(m.address, 19, 12));
  if (extended) e.destination |= static_cast<std::uint32_t>(get(m.address, 63, 40)) << 8;
  return e;
}

}  // namespace iommusim::iommu::vtd
