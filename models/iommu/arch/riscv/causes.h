// Fault causes (RISC-V IOMMU specification 1.0, section 4.2, table of CAUSE encodings).
#pragma once

#include <string>

#include "models/iommu/api/messages.h"
#include "models/iommu/api/request.h"

namespace iommusim::iommu::riscv {

enum class FaultCause : std::uint16_t {
  none = 0,
  instruction_access = 1,
  read_access = 5,
  write_access = 7,
  instruction_page = 12,
  read_page = 13,
  write_page = 15,
  instruction_guest_page = 20,
  read_guest_page = 21,
  write_guest_page = 23,
  all_disallowed = 256,
  ddt_access = 257,
  ddt_not_valid = 258,
  ddt_misconfigured = 259,
  type_disallowed = 260,
  msi_access = 261,
  msi_not_valid = 262,
  msi_misconfigured = 263,
  mrif_access = 264,
  pdt_access = 265,
  pdt_not_valid = 266,
  pdt_misconfigured = 267,
  ddt_corrupt = 268,
  pdt_corrupt = 269,
  msi_corrupt = 270,
  mrif_corrupt = 271,
  data_path = 272,
  own_msi_access = 273,
  page_table_corrupt = 274
};

/// What a request asks for, as far as causes of access and page faults distinguish it.
enum class Access : std::uint8_t { execute, read, write };
/// Translation requests count as reads unless they ask for execute permission.
Access access_of(const Request& request);

FaultCause access_fault(Access a);
FaultCause page_fault(Access a);
FaultCause guest_page_fault(Access a);

/// A fault as the unit handles it. `filtered`: the device context disables translation faults (tc.DTF).
Fault fault_of(FaultCause cause, bool filtered = false, std::uint64_t detail = 0);
/// How a translation request that ended in a fault is answered (section 3.6); success means without rights.
AtsCompletion::Status ats_status(FaultCause cause);
std::string text_of(std::uint16_t cause);

}  // namespace iommusim::iommu::riscv
