#include "models/iommu/arch/vtd/scalable_formats.h"

#include "models/iommu/arch/vtd/formats.h"

namespace iommusim::iommu::vtd {

namespace {
constexpr std::uint64_t kPointer = ones(63, 12);
}

std::uint64_t encode(const RootHalf& e) { return (e.context_table.value() & kPointer) | put(e.present, 0); }
RootHalf decode_root_half(std::uint64_t w) { return RootHalf{get(w, 0), Hpa(w & kPointer)}; }
bool reserved_set_root_half(std::uint64_t w, unsigned host_address_bits) {
  return (w & (ones(11, 1) | above(host_address_bits))) != 0;
}

ContextWords encode(const ScalableContext& e) {
  return {(e.directory.value() & kPointer) | put(e.present, 0) | put(e.fault_disable, 1) | put(e.device_tlb, 2) |
              put(e.pasid_enable, 3) | put(e.page_requests, 4) | put(e.directory_size, 11, 9),
          put(e.rid_pasid, 19, 0) | put(e.rid_privileged, 20), 0, 0};
}
ScalableContext decode_scalable_context(std::uint64_t low, std::uint64_t high) {
  ScalableContext e;
  e.present = get(low, 0);
  e.fault_disable = get(low, 1);
  e.device_tlb = get(low, 2);
  e.pasid_enable = get(low, 3);
  e.page_requests = get(low, 4);
  e.directory_size = static_cast<std::uint8_t>(get(low, 11, 9));
  e.directory = Hpa(low & kPointer);
  e.rid_pasid = static_cast<std::uint32_t>(get(high, 19, 0));
  e.rid_privileged = get(high, 20);
  return e;
}
bool reserved_set_scalable_context(const ContextWords& w, const VtdConfig& config) {
  const std::uint64_t low = ones(8, 5) | above(config.host_address_bits);
  std::uint64_t high = above(21);
  if (!config.scalable.rid_privileged) high |= bit(20);
  return (w[0] & low) != 0 || (w[1] & high) != 0 || w[2] != 0 || w[3] != 0;
}

std::uint64_t encode(const PasidDirectoryEntry& e) {
  return (e.table.value() & kPointer) | put(e.present, 0) | put(e.fault_disable, 1);
}
PasidDirectoryEntry decode_directory(std::uint64_t w) {
  return PasidDirectoryEntry{get(w, 0), get(w, 1), Hpa(w & kPointer)};
}
bool reserved_set_directory(std::uint64_t w, unsigned host_address_bits) {
  return (w & (ones(11, 2) | above(host_address_bits))) != 0;
}

PasidWords encode(const PasidEntry& e) {
  PasidWords w{};
  w[0] = (e.second.value() & kPointer) | put(e.present, 0) | put(e.fault_disable, 1) | put(e.width, 4, 2) |
         put(static_cast<std::uint64_t>(e.type), 8, 6) | put(e.second_dirty, 9);
  w[1] = put(e.domain, 15, 0) | put(e.walk_snoop, 23) | put(e.page_snoop, 24);
  w[2] = (e.first & kPointer) | put(e.supervisor, 0) | put(e.execute, 1) | put(e.paging_mode, 3, 2) |
         put(e.write_protect, 4) | put(e.no_execute, 5) | put(e.no_user_execute, 6) | put(e.extended_accessed, 7);
  return w;
}
PasidEntry decode_pasid(std::uint64_t w0, std::uint64_t w1, std::uint64_t w2) {
  PasidEntry e;
  e.present = get(w0, 0);
  e.fault_disable = get(w0, 1);
  e.width = static_cast<std::uint8_t>(get(w0, 4, 2));
  e.type = static_cast<Granular>(get(w0, 8, 6));
  e.second_dirty = get(w0, 9);
  e.second = Hpa(w0 & kPointer);
  e.domain = static_cast<std::uint16_t>(get(w1, 15, 0));
  e.walk_snoop = get(w1, 23);
  e.page_snoop = get(w1, 24);
  e.supervisor = get(w2, 0);
  e.execute = get(w2, 1);
  e.paging_mode = static_cast<std::uint8_t>(get(w2, 3, 2));
  e.write_protect = get(w2, 4);
  e.no_execute = get(w2, 5);
  e.no_user_execute = get(w2, 6);
  e.extended_accessed = get(w2, 7);
  e.first = w2 & kPointer;
  return e;
}

// Pointers that the translation type does not use are not looked at.
bool reserved_set_pasid(const PasidWords& w, const VtdConfig& config) {
  const PasidEntry e = decode_pasid(w[0], w[1], w[2]);
  const ScalableConfig& c = config.scalable;
  std::uint64_t r0 = bit(5) | ones(11, 10);
  std::uint64_t r1 = ones(22, 16) | above(25) | (above(config.domain_id_bits) & ones(15, 0));
  std::uint64_t r2 = ones(11, 8);
  if (!c.second_stage_dirty) r0 |= bit(9);
  if (e.uses_second()) r0 |= above(config.host_address_bits);
  if (!c.coherent_walks) r1 |= bit(23);
  if (!config.snoop_control) r1 |= bit(24);
  if (!c.supervisor_requests) r2 |= bit(0) | bit(4) | bit(6);
  if (!c.execute_requests) r2 |= bit(1);
  if (!c.extended_accessed) r2 |= bit(7);
  if (e.uses_first()) r2 |= above(config.host_address_bits);
  return (w[0] & r0) != 0 || (w[1] & r1) != 0 || (w[2] & r2) != 0 || (w[3] | w[4] | w[5] | w[6] | w[7]) != 0;
}

bool unsupported(const PasidEntry& e, const VtdConfig& config) {
  const ScalableConfig& c = config.scalable;
  if (e.uses_first() && (e.paging_mode > 1 || (e.paging_mode == 1 && !c.first_stage_5_levels))) return true;
  if (e.uses_second() && !config.supports_levels(levels_of(e.width))) return true;
  switch (e.type) {
    case Granular::first: return !c.first_stage;
    case Granular::second: return !c.second_stage;
    case Granular::nested: return !c.nested;
    case Granular::pass_through: return !config.pass_through;
    default: return true;
  }
}

std::uint64_t encode(const FirstEntry& e) {
  return put(e.present, 0) | put(e.write, 1) | put(e.user, 2) | put(e.accessed, first_bits::kAccessed) |
         put(e.dirty, first_bits::kDirty) | put(e.page_size, 7) | put(e.global, 8) |
         put(e.extended_accessed, first_bits::kExtendedAccessed) | (e.address & ones(51, 12)) |
         put(e.execute_disable, 63);
}
FirstEntry decode_first(std::uint64_t w) {
  FirstEntry e;
  e.present = get(w, 0);
  e.write = get(w, 1);
  e.user = get(w, 2);
  e.accessed = get(w, first_bits::kAccessed);
  e.dirty = get(w, first_bits::kDirty);
  e.page_size = get(w, 7);
  e.global = get(w, 8);
  e.extended_accessed = get(w, first_bits::kExtendedAccessed);
  e.execute_disable = get(w, 63);
  e.address = w & ones(51, 12);
  return e;
}
bool reserved_set_first(std::uint64_t w, unsigned level, bool no_execute, const VtdConfig& config) {
  constexpr unsigned kPat = 12;  // of superpages, below the address
  std::uint64_t reserved = above(config.host_address_bits) & ones(51, 12);
  const bool page = level > 1 && get(w, 7);
  const bool may_be_page = level == 2 || (level == 3 && config.scalable.first_stage_1g);
  if (page && !may_be_page) reserved |= bit(7);
  if (page && may_be_page) reserved |= ones(span_log2(level) - 1, kPat + 1);
  if (!no_execute) reserved |= bit(63);
  return (w & reserved) != 0;
}

}  // namespace iommusim::iommu::vtd
