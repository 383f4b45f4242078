#include "models/iommu/arch/vtd/faults.h"

namespace iommusim::iommu::vtd {

namespace {
using Ats = AtsCompletion::Status;
struct Entry {
  Reason reason;
  FaultKind kind;
  bool heeds_fpd;  ///< "qualified" in the specification: not recorded when fault processing is disabled
  const char* text;
  Ats ats = Ats::success;
};
constexpr Ats kUnsupported = Ats::unsupported_request, kAbort = Ats::completer_abort;
constexpr Entry kEntries[] = {
    {Reason::root_not_present, FaultKind::context_absent, false, "root entry not present (VT-d 9.1)", kUnsupported},
    {Reason::context_not_present, FaultKind::context_absent, true, "context entry not present (VT-d 9.3)",
     kUnsupported},
    {Reason::context_invalid, FaultKind::context_invalid, true,
     "context entry asks for something unsupported (VT-d 9.3)", kAbort},
    {Reason::address_beyond_width, FaultKind::address_width, true, "address beyond the guest address width (VT-d 3.6)"},
    {Reason::no_write_permission, FaultKind::permission, true, "write without write permission (VT-d 3.6.1)"},
    {Reason::no_read_permission, FaultKind::permission, true, "read without read permission (VT-d 3.6.1)"},
    {Reason::page_table_access, FaultKind::structure_access, true, "paging entry could not be read (VT-d 7.1)", kAbort},
    {Reason::root_table_access, FaultKind::structure_access, false, "root entry could not be read (VT-d 7.1)", kAbort},
    {Reason::context_table_access, FaultKind::structure_access, false, "context entry could not be read (VT-d 7.1)",
     kAbort},
    {Reason::root_reserved, FaultKind::reserved_bits, false, "reserved bits set in a root entry (VT-d 9.1)", kAbort},
    {Reason::context_reserved, FaultKind::reserved_bits, false, "reserved bits set in a context entry (VT-d 9.3)",
     kAbort},
    {Reason::page_reserved, FaultKind::reserved_bits, true, "reserved bits set in a paging entry (VT-d 9.8)", kAbort},
    {Reason::request_type_blocked, FaultKind::blocked, true,
     "context entry blocks translation and translated requests (VT-d 9.3)", kUnsupported},
    {Reason::interrupt_range, FaultKind::blocked, true, "access to the interrupt address range (VT-d 3.14)"},
    {Reason::interrupt_request_reserved, FaultKind::interrupt, false,
     "reserved fields set in an interrupt request (VT-d 5.1.2)"},
    {Reason::interrupt_index, FaultKind::interrupt, false, "interrupt index beyond the table (VT-d 5.1.3)"},
    {Reason::interrupt_not_present, FaultKind::interrupt, true, "interrupt entry not present (VT-d 9.9)"},
    {Reason::interrupt_table_access, FaultKind::interrupt, false, "interrupt entry could not be read (VT-d 5.1.4)"},
    {Reason::interrupt_reserved, FaultKind::interrupt, true, "reserved bits set in an interrupt entry (VT-d 9.9)"},
    {Reason::interrupt_compatibility, FaultKind::interrupt, false,
     "compatibility-format interrupt blocked (VT-d 5.1.2.1)"},
    {Reason::interrupt_source, FaultKind::interrupt, true,
     "interrupt from a source the entry does not allow (VT-d 5.1.3)"},
    {Reason::pasid_in_legacy_mode, FaultKind::blocked, false, "request with PASID in legacy mode (VT-d 7.1)",
     kUnsupported},
    {Reason::table_mode_invalid, FaultKind::context_invalid, false,
     "the root table address register names no mode of this unit (VT-d 11.4.5)", kAbort},
    {Reason::page_request_in_legacy_mode, FaultKind::blocked, false, "page request in legacy mode (VT-d 7.1)",
     kUnsupported},
    {Reason::sm_root_access, FaultKind::structure_access, false,
     "scalable-mode root entry could not be read (VT-d 7.1)", kAbort},
    {Reason::sm_root_not_present, FaultKind::context_absent, false, "scalable-mode root entry not present (VT-d 9.2)",
     kUnsupported},
    {Reason::sm_root_reserved, FaultKind::reserved_bits, false,
     "reserved bits set in a scalable-mode root entry (VT-d 9.2)", kAbort},
    {Reason::sm_context_access, FaultKind::structure_access, false,
     "scalable-mode context entry could not be read (VT-d 7.1)", kAbort},
    {Reason::sm_context_not_present, FaultKind::context_absent, true,
     "scalable-mode context entry not present (VT-d 9.4)", kUnsupported},
    {Reason::sm_context_reserved, FaultKind::reserved_bits, true,
     "reserved bits set in a scalable-mode context entry (VT-d 9.4)", kAbort},
    {Reason::sm_context_invalid, FaultKind::context_invalid, true,
     "scalable-mode context entry asks for something unsupported (VT-d 9.4)", kAbort},
    {Reason::sm_no_device_tlb, FaultKind::blocked, true,
     "translation or translated request where DTE is clear (VT-d 9.4)", kUnsupported},
    {Reason::sm_no_pasid, FaultKind::blocked, true, "request with PASID where PASIDE is clear (VT-d 9.4)",
     kUnsupported},
    {Reason::sm_pasid_too_large, FaultKind::blocked, true, "PASID beyond the PASID directory (VT-d 9.4)", kUnsupported},
    {Reason::sm_no_page_requests, FaultKind::blocked, true, "page request where PRE is clear (VT-d 9.4)", kUnsupported},
    {Reason::sm_rid_pasid_too_large, FaultKind::context_invalid, true,
     "RID_PASID beyond the PASID directory (VT-d 9.4)", kAbort},
    {Reason::sm_directory_access, FaultKind::structure_access, false,
     "PASID directory entry could not be read (VT-d 7.1)", kAbort},
    {Reason::sm_directory_not_present, FaultKind::context_absent, true, "PASID directory entry not present (VT-d 9.5)",
     kUnsupported},
    {Reason::sm_directory_reserved, FaultKind::reserved_bits, true,
     "reserved bits set in a PASID directory entry (VT-d 9.5)", kAbort},
    {Reason::sm_pasid_access, FaultKind::structure_access, false, "PASID table entry could not be read (VT-d 7.1)",
     kAbort},
    {Reason::sm_pasid_not_present, FaultKind::context_absent, true, "PASID table entry not present (VT-d 9.6)",
     kUnsupported},
    {Reason::sm_pasid_reserved, FaultKind::reserved_bits, true, "reserved bits set in a PASID table entry (VT-d 9.6)",
     kAbort},
    {Reason::sm_pasid_invalid, FaultKind::context_invalid, true,
     "PASID table entry asks for something unsupported (VT-d 9.6)", kAbort},
    {Reason::sm_no_execute_requests, FaultKind::blocked, true, "request to execute where ERE is clear (VT-d 9.6)",
     kUnsupported},
    {Reason::sm_no_supervisor_requests, FaultKind::blocked, true, "privileged request where SRE is clear (VT-d 9.6)",
     kUnsupported},
    {Reason::first_access, FaultKind::structure_access, true, "first-stage paging entry could not be read (VT-d 7.1)",
     kAbort},
    {Reason::first_not_present, FaultKind::not_present, true, "first-stage paging entry not present (VT-d 3.6)"},
    {Reason::first_reserved, FaultKind::reserved_bits, true,
     "reserved bits set in a first-stage paging entry (VT-d 9.7)", kAbort},
    {Reason::first_root_access, FaultKind::structure_access, true,
     "top-level first-stage entry could not be read (VT-d 7.1)", kAbort},
    {Reason::first_entry_beyond_width, FaultKind::address_width, true,
     "first-stage entry at a guest address beyond the second stage (VT-d 3.8)", kAbort},
    {Reason::first_root_unreadable, FaultKind::permission, true,
     "second stage does not let the top-level first-stage entry be read (VT-d 3.8)"},
    {Reason::first_entry_unreadable, FaultKind::permission, true,
     "second stage does not let a first-stage entry be read (VT-d 3.8)"},
    {Reason::first_entry_unwritable, FaultKind::permission, true,
     "second stage does not let accessed or dirty bits be set in a first-stage entry (VT-d 3.8)"},
    {Reason::first_update_incoherent, FaultKind::context_invalid, true,
     "accessed or dirty bits to be set in the first stage by a walk that does not snoop (VT-d 3.9)", kAbort},
    {Reason::first_update_failed, FaultKind::structure_access, true,
     "accessed or dirty bits of the first stage could not be set (VT-d 3.6.2)", kAbort},
    {Reason::second_access, FaultKind::structure_access, true, "second-stage paging entry could not be read (VT-d 7.1)",
     kAbort},
    {Reason::second_not_present, FaultKind::not_present, true,
     "second-stage paging entry grants neither reads nor writes (VT-d 3.7)"},
    {Reason::second_reserved, FaultKind::reserved_bits, true,
     "reserved bits set in a second-stage paging entry (VT-d 9.8)", kAbort},
    {Reason::second_root_access, FaultKind::structure_access, true,
     "top-level second-stage entry could not be read (VT-d 7.1)", kAbort},
    {Reason::second_update_incoherent, FaultKind::context_invalid, true,
     "accessed or dirty bits to be set in the second stage by a walk that does not snoop (VT-d 3.9)", kAbort},
    {Reason::second_update_failed, FaultKind::structure_access, true,
     "accessed or dirty bits of the second stage could not be set (VT-d 3.7.2)", kAbort},
    {Reason::sm_not_canonical, FaultKind::address_width, true, "address not canonical for the first stage (VT-d 3.6)"},
    {Reason::sm_user_denied, FaultKind::permission, true, "user request for a supervisor page (VT-d 3.6.1)"},
    {Reason::sm_execute_denied, FaultKind::permission, true,
     "request to execute without execute permission (VT-d 3.6.1)"},
    {Reason::sm_address_beyond_host, FaultKind::address_width, true,
     "address beyond the host address width (VT-d 3.6)"},
    {Reason::sm_address_beyond_width, FaultKind::address_width, true, "address beyond the second stage (VT-d 3.7)"},
    {Reason::sm_no_write_permission, FaultKind::permission, true, "write without write permission (VT-d 3.6.1, 3.7.1)"},
    {Reason::sm_no_read_permission, FaultKind::permission, true, "read without read permission (VT-d 3.7.1)"},
    {Reason::sm_interrupt_range, FaultKind::blocked, true, "access to the interrupt address range (VT-d 3.14)"},
};

const Entry* find(std::uint16_t reason) {
  for (const Entry& e : kEntries)
    if (static_cast<std::uint16_t>(e.reason) == reason) return &e;
  return nullptr;
}
}  // namespace

Fault fault_of(Reason reason, bool disabled) {
  const Entry& e = *find(static_cast<std::uint16_t>(reason));
  return Fault{e.kind, static_cast<std::uint16_t>(reason), !(disabled && e.heeds_fpd)};
}

std::string text_of(std::uint16_t reason) {
  const Entry* e = find(reason);
  return e ? e->text : "unknown VT-d fault reason " + std::to_string(reason);
}

AtsCompletion::Status ats_status(std::uint16_t reason) {
  const Entry* e = find(reason);
  return e != nullptr ? e->ats : Ats::completer_abort;
}

}  // namespace iommusim::iommu::vtd
