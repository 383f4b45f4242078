// How address spaces of a RISC-V IOMMU are packed into the tags of cached translations, and which of them an
// invalidation selects (specification 1.0, section 3.8: entries carry GSCID, PSCID and address).
//
//   15:0 GSCID   35:16 PSCID   59:36 number of the MSI settings (0: none)   60 second stage on   61 first stage on
//   63:62 whose rights: 0 user, 1 supervisor, 2 supervisor that may use user pages, 3 never cached (guest addresses
//   given to a device)
// Walk caches hold table pointers, which are the same for all rights and MSI tables: those fields are zero there.
#pragma once

#include <cstdint>

#include "models/iommu/api/caches.h"
#include "models/iommu/api/request.h"
#include "models/iommu/arch/riscv/contexts.h"

namespace iommusim::iommu::riscv {

namespace space_bits {
constexpr unsigned kSecond = 60, kFirst = 61;
}

inline bool privileged(const Request& r) { return r.has_pasid && r.privileged; }
/// True for a translation request that is answered with a guest-physical address.
inline bool wants_guest_address(const ContextView& c, const Request& r) {
  return r.at == AddressType::translation_request && c.control(tc::kT2gpa);
}
/// The first stage a request goes through: none for translated ones, which carry guest-physical addresses.
inline Pointer first_stage_of(const ContextView& c, const Request& r) {
  return r.at == AddressType::translated ? Pointer{} : c.first_stage();
}

/// Space of the tables themselves.
inline Space table_space(const ContextView& c, bool first, bool second) {
  return put(second ? c.second_stage().gscid() : 0, 15, 0) | put(first ? c.pscid() : 0, 35, 16) |
         put(second, space_bits::kSecond) | put(first, space_bits::kFirst);
}
inline Space translation_space(const ContextView& c, const Request& r) {
  const bool first = first_stage_of(c, r).mode() != kBare;
  const unsigned rights = wants_guest_address(c, r) ? 3 : !first || !privileged(r) ? 0 : c.sum() ? 2 : 1;
  return table_space(c, first, c.second_stage().mode() != kBare) | put(rights, 63, 62) | put(c.msi_number(), 59, 36);
}

inline Match host_spaces() { return {0, bit(space_bits::kSecond)}; }
inline Match guest_spaces(std::uint32_t gscid) {
  return {put(gscid, 15, 0) | bit(space_bits::kSecond), ones(15, 0) | bit(space_bits::kSecond)};
}
inline Match of_process(Match m, std::uint32_t pscid) {
  return {m.value | put(pscid, 35, 16) | bit(space_bits::kFirst), m.mask | ones(35, 16) | bit(space_bits::kFirst)};
}
inline Match both_stages(Match m) { return {m.value | bit(space_bits::kFirst), m.mask | bit(space_bits::kFirst)}; }
inline Match second_stage_only(Match m) { return {m.value, m.mask | bit(space_bits::kFirst)}; }

/// Keys of the context cache (process_id 0) and the process cache.
inline std::uint64_t process_cache_key(SourceId device, std::uint32_t process) {
  return std::uint64_t{device.value()} << 20 | process;
}
inline Match processes_of(std::uint32_t device) { return {std::uint64_t{device} << 20, ~ones(19, 0)}; }

}  // namespace iommusim::iommu::riscv
