// How address spaces are packed into the tags of cached translations and table pointers (Intel VT-d specification
// rev. 4.0, section 6.2: domain identifier, PASID where a first stage takes part), and which an invalidation selects.
//
//   15:0 domain   35:16 PASID   60 second stage on   61 first stage on   62 privileged
// Legacy mode has the domain alone. Table pointers are the same for all privileges; pointers to second-stage tables are
// shared by all PASIDs of a domain.
#pragma once

#include <cstdint>

#include "models/iommu/api/caches.h"
#include "models/iommu/arch/vtd/contexts.h"

namespace iommusim::iommu::vtd {

namespace space_bits {
constexpr unsigned kSecond = 60, kFirst = 61, kPrivileged = 62;
}

inline Space second_space(const Context& c) {
  return c.domain.value() | (ContextView(c).scalable() ? bit(space_bits::kSecond) : 0);
}
inline Space first_space(const Context& c, std::uint32_t pasid) {
  const bool nested = ContextView(c).pasid().type == Granular::nested;
  return c.domain.value() | put(pasid, 35, 16) | bit(space_bits::kFirst) | put(nested, space_bits::kSecond);
}

/// Address space of a finished translation. Rights differ by privilege where a first stage takes part.
inline Space translation_space(const Context& context, const Request& r, const VtdConfig& config) {
  const ContextView c(context);
  if (!c.scalable() || !c.pasid().uses_first()) return second_space(context);
  return first_space(context, pasid_of(c, r, config)) | put(privileged(c, r), space_bits::kPrivileged);
}

inline Match domain_spaces(std::uint16_t domain) { return {domain, ones(15, 0)}; }
/// Of a domain, those without a first stage.
inline Match second_stage_spaces(std::uint16_t domain) { return {domain, ones(15, 0) | bit(space_bits::kFirst)}; }
/// Of a domain, those with one.
inline Match first_stage_spaces(std::uint16_t domain) {
  return {domain | bit(space_bits::kFirst), ones(15, 0) | bit(space_bits::kFirst)};
}
inline Match process_spaces(std::uint16_t domain, std::uint32_t pasid) {
  const Match m = first_stage_spaces(domain);
  return {m.value | put(pasid, 35, 16), m.mask | ones(35, 16)};
}

/// Keys of the context cache, and of the PASID cache.
inline std::uint64_t context_cache_key(SourceId source) { return source.value() & 0xffff; }
inline std::uint64_t pasid_cache_key(SourceId source, std::uint32_t pasid) {
  return put(source.value(), 35, 20) | put(pasid, 19, 0);
}

}  // namespace iommusim::iommu::vtd
