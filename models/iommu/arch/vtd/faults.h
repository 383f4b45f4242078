// Fault reasons of a VT-d unit (Intel VT-d specification rev. 4.0, sections 7.1 and 5.1.4.1, legacy mode) and their
// wording.
#pragma once

#include <cstdint>
#include <string>

#include "models/iommu/api/request.h"

namespace iommusim::iommu::vtd {

enum class Reason : std::uint16_t {
  root_not_present = 0x01,
  context_not_present = 0x02,
  context_invalid = 0x03,
  address_beyond_width = 0x04,
  no_write_permission = 0x05,
  no_read_permission = 0x06,
  page_table_access = 0x07,
  root_table_access = 0x08,
  context_table_access = 0x09,
  root_reserved = 0x0a,
  context_reserved = 0x0b,
  page_reserved = 0x0c,
  request_type_blocked = 0x0d,
  interrupt_range = 0x0e,
  interrupt_request_reserved = 0x20,
  interrupt_index = 0x21,
  interrupt_not_present = 0x22,
  interrupt_table_access = 0x23,
  interrupt_reserved = 0x24,
  interrupt_compatibility = 0x25,
  interrupt_source = 0x26,
  pasid_in_legacy_mode = 0x31
};

constexpr bool is_interrupt_reason(std::uint16_t r) { return r >= 0x20 && r <= 0x26; }

/// The fault of that reason; `disabled` is the FPD bit of the entry at fault, where the reason heeds one.
Fault fault_of(Reason reason, bool disabled = false);
std::string text_of(std::uint16_t reason);

}  // namespace iommusim::iommu::vtd
