#include "models/iommu/arch/riscv/causes.h"

namespace iommusim::iommu::riscv {

namespace {

struct Row {
  FaultCause cause;
  FaultKind kind;
  bool filterable;  ///< not reported when tc.DTF is set
  AtsCompletion::Status ats;
  const char* text;
};

using Status = AtsCompletion::Status;
constexpr Status kDone = Status::success, kAbort = Status::completer_abort, kUnsupported = Status::unsupported_request;

// The answers to translation requests are those of section 3.6; for corrupt data the hardware guidelines (section 8.3)
// name Completer Abort.
constexpr Row kRows[] = {
    {FaultCause::instruction_access, FaultKind::structure_access, true, kAbort, "Instruction access fault"},
    {FaultCause::read_access, FaultKind::structure_access, true, kAbort, "Read access fault"},
    {FaultCause::write_access, FaultKind::structure_access, true, kAbort, "Write/AMO access fault"},
    {FaultCause::instruction_page, FaultKind::permission, true, kDone, "Instruction page fault"},
    {FaultCause::read_page, FaultKind::permission, true, kDone, "Read page fault"},
    {FaultCause::write_page, FaultKind::permission, true, kDone, "Write/AMO page fault"},
    {FaultCause::instruction_guest_page, FaultKind::permission, true, kDone, "Instruction guest page fault"},
    {FaultCause::read_guest_page, FaultKind::permission, true, kDone, "Read guest-page fault"},
    {FaultCause::write_guest_page, FaultKind::permission, true, kDone, "Write/AMO guest-page fault"},
    {FaultCause::all_disallowed, FaultKind::blocked, false, kUnsupported, "All inbound transactions disallowed"},
    {FaultCause::ddt_access, FaultKind::structure_access, false, kUnsupported, "DDT entry load access fault"},
    {FaultCause::ddt_not_valid, FaultKind::context_absent, false, kUnsupported, "DDT entry not valid"},
    {FaultCause::ddt_misconfigured, FaultKind::context_invalid, false, kUnsupported, "DDT entry misconfigured"},
    {FaultCause::type_disallowed, FaultKind::blocked, true, kUnsupported, "Transaction type disallowed"},
    {FaultCause::msi_access, FaultKind::structure_access, true, kAbort, "MSI PTE load access fault"},
    {FaultCause::msi_not_valid, FaultKind::interrupt, true, kDone, "MSI PTE not valid"},
    {FaultCause::msi_misconfigured, FaultKind::interrupt, true, kAbort, "MSI PTE misconfigured"},
    {FaultCause::mrif_access, FaultKind::structure_access, true, kAbort, "MRIF access fault"},
    {FaultCause::pdt_access, FaultKind::structure_access, true, kAbort, "PDT entry load access fault"},
    {FaultCause::pdt_not_valid, FaultKind::context_absent, true, kDone, "PDT entry not valid"},
    {FaultCause::pdt_misconfigured, FaultKind::context_invalid, true, kAbort, "PDT entry misconfigured"},
    {FaultCause::ddt_corrupt, FaultKind::structure_access, false, kAbort, "DDT data corruption"},
    {FaultCause::pdt_corrupt, FaultKind::structure_access, true, kAbort, "PDT data corruption"},
    {FaultCause::msi_corrupt, FaultKind::structure_access, true, kAbort, "MSI PT data corruption"},
    {FaultCause::mrif_corrupt, FaultKind::structure_access, true, kAbort, "MSI MRIF data corruption"},
    {FaultCause::data_path, FaultKind::structure_access, false, kAbort, "Internal data path error"},
    {FaultCause::own_msi_access, FaultKind::structure_access, false, kAbort, "IOMMU MSI write access fault"},
    {FaultCause::page_table_corrupt, FaultKind::structure_access, true, kAbort,
     "First/second-stage PT data corruption"},
};

const Row* row_of(FaultCause cause) {
  for (const Row& r : kRows) {
    if (r.cause == cause) return &r;
  }
  return nullptr;
}

FaultCause by_access(Access a, FaultCause execute, FaultCause read, FaultCause write) {
  return a == Access::execute ? execute : a == Access::read ? read : write;
}

}  // namespace

Access access_of(const Request& r) {
  if (r.needed.execute) return Access::execute;
  return r.needed.write && r.at != AddressType::translation_request ? Access::write : Access::read;
}

FaultCause access_fault(Access a) {
  return by_access(a, FaultCause::instruction_access, FaultCause::read_access, FaultCause::write_access);
}
FaultCause page_fault(Access a) {
  return by_access(a, FaultCause::instruction_page, FaultCause::read_page, FaultCause::write_page);
}
FaultCause guest_page_fault(Access a) {
  return by_access(a, FaultCause::instruction_guest_page, FaultCause::read_guest_page, FaultCause::write_guest_page);
}

Fault fault_of(FaultCause cause, bool filtered, std::uint64_t detail) {
  const Row* row = row_of(cause);
  Fault f;
  f.kind = row != nullptr ? row->kind : FaultKind::blocked;
  f.reason = static_cast<std::uint16_t>(cause);
  f.recorded = !(filtered && row != nullptr && row->filterable);
  f.detail = detail;
  return f;
}

AtsCompletion::Status ats_status(FaultCause cause) {
  const Row* row = row_of(cause);
  return row != nullptr ? row->ats : kAbort;
}

std::string text_of(std::uint16_t cause) {
  const Row* row = row_of(static_cast<FaultCause>(cause));
  if (row == nullptr) return "unknown cause " + std::to_string(cause);
  return std::string(row->text) + " (RISC-V IOMMU 1.0 section 4.2, cause " + std::to_string(cause) + ")";
}

}  // namespace iommusim::iommu::riscv
