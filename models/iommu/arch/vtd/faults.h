// Fault reasons of a VT-d unit (Intel VT-d specification rev. 4.0, sections 7.1 and 5.1.4.1), their wording, and what a
// translation request that meets one is answered.
#pragma once

#include <cstdint>
#include <string>

#include "models/iommu/api/messages.h"
#include "models/iommu/api/request.h"

namespace iommusim::iommu::vtd {

enum class Reason : std::uint16_t {
  // legacy mode
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
  // interrupt remapping
  interrupt_request_reserved = 0x20,
  interrupt_index = 0x21,
  interrupt_not_present = 0x22,
  interrupt_table_access = 0x23,
  interrupt_reserved = 0x24,
  interrupt_compatibility = 0x25,
  interrupt_source = 0x26,
  // the root table address register (RTA)
  table_mode_invalid = 0x30,
  pasid_in_legacy_mode = 0x31,
  page_request_in_legacy_mode = 0x32,
  // scalable mode: root table (SRT), context table (SCT)
  sm_root_access = 0x38,
  sm_root_not_present = 0x39,
  sm_root_reserved = 0x3a,
  sm_context_access = 0x40,
  sm_context_not_present = 0x41,
  sm_context_reserved = 0x42,
  sm_context_invalid = 0x43,
  sm_no_device_tlb = 0x44,
  sm_no_pasid = 0x45,
  sm_pasid_too_large = 0x46,
  sm_no_page_requests = 0x47,
  sm_rid_pasid_too_large = 0x48,
  // PASID directory (SPD) and table (SPT)
  sm_directory_access = 0x50,
  sm_directory_not_present = 0x51,
  sm_directory_reserved = 0x52,
  sm_pasid_access = 0x58,
  sm_pasid_not_present = 0x59,
  sm_pasid_reserved = 0x5a,
  sm_pasid_invalid = 0x5b,
  sm_no_execute_requests = 0x5c,
  sm_no_supervisor_requests = 0x5d,
  // first stage (SFS)
  first_access = 0x70,
  first_not_present = 0x71,
  first_reserved = 0x72,
  first_root_access = 0x73,
  first_entry_beyond_width = 0x74,
  first_root_unreadable = 0x75,
  first_entry_unreadable = 0x76,
  first_entry_unwritable = 0x77,
  first_update_incoherent = 0x90,
  first_update_failed = 0x91,
  // second stage (SSS)
  second_access = 0x78,
  second_not_present = 0x79,
  second_reserved = 0x7a,
  second_root_access = 0x7b,
  second_update_incoherent = 0x7c,
  second_update_failed = 0x7d,
  // general (SGN)
  sm_not_canonical = 0x80,
  sm_user_denied = 0x81,
  sm_execute_denied = 0x82,
  sm_address_beyond_host = 0x83,
  sm_address_beyond_width = 0x84,
  sm_no_write_permission = 0x85,
  sm_no_read_permission = 0x86,
  sm_interrupt_range = 0x87
};

constexpr bool is_interrupt_reason(std::uint16_t r) { return r >= 0x20 && r <= 0x26; }

/// The fault of that reason; `disabled` is the FPD bit of the entry at fault, where the reason heeds one.
Fault fault_of(Reason reason, bool disabled = false);
std::string text_of(std::uint16_t reason);
/// The status of a completion whose translation request met the fault (section 4.2.3): success, with no right granted,
/// for what software may mend (no permission, not present); unsupported request for what it has not set up; completer
/// abort for structures that cannot be used.
AtsCompletion::Status ats_status(std::uint16_t reason);

}  // namespace iommusim::iommu::vtd
