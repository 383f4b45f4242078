#include "models/iommu/arch/vtd/faults.h"

namespace iommusim::iommu::vtd {

namespace {
struct Entry {
  Reason reason;
  FaultKind kind;
  bool heeds_fpd;  ///< "qualified" in the specification: not recorded when fault processing is disabled
  const char* text;
};
constexpr Entry kEntries[] = {
    {Reason::root_not_present, FaultKind::context_absent, false, "root entry not present (VT-d 9.1)"},
    {Reason::context_not_present, FaultKind::context_absent, true, "context entry not present (VT-d 9.3)"},
    {Reason::context_invalid, FaultKind::context_invalid, true,
     "context entry asks for something unsupported (VT-d 9.3)"},
    {Reason::address_beyond_width, FaultKind::address_width, true, "address beyond the guest address width (VT-d 3.6)"},
    {Reason::no_write_permission, FaultKind::permission, true, "write without write permission (VT-d 3.6.1)"},
    {Reason::no_read_permission, FaultKind::permission, true, "read without read permission (VT-d 3.6.1)"},
    {Reason::page_table_access, FaultKind::structure_access, true, "paging entry could not be read (VT-d 7.1)"},
    {Reason::root_table_access, FaultKind::structure_access, false, "root entry could not be read (VT-d 7.1)"},
    {Reason::context_table_access, FaultKind::structure_access, false, "context entry could not be read (VT-d 7.1)"},
    {Reason::root_reserved, FaultKind::reserved_bits, false, "reserved bits set in a root entry (VT-d 9.1)"},
    {Reason::context_reserved, FaultKind::reserved_bits, false, "reserved bits set in a context entry (VT-d 9.3)"},
    {Reason::page_reserved, FaultKind::reserved_bits, true, "reserved bits set in a paging entry (VT-d 9.8)"},
    {Reason::request_type_blocked, FaultKind::blocked, true,
     "context entry blocks translation and translated requests (VT-d 9.3)"},
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
    {Reason::pasid_in_legacy_mode, FaultKind::blocked, false, "request with PASID in legacy mode (VT-d 7.1)"},
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

}  // namespace iommusim::iommu::vtd
