// Records of the fault queue and the page-request queue (RISC-V IOMMU specification 1.0, sections 4.2 and 4.3).
#pragma once

#include <array>
#include <cstdint>

#include "models/iommu/api/messages.h"
#include "models/iommu/api/request.h"

namespace iommusim::iommu::riscv {

/// TTYP of a fault record.
enum class TransactionType : std::uint8_t {
  none = 0,
  untranslated_execute = 1,
  untranslated_read = 2,
  untranslated_write = 3,
  translated_execute = 5,
  translated_read = 6,
  translated_write = 7,
  translation_request = 8,
  message = 9
};
TransactionType type_of(const Request& request);

struct FaultRecord {
  std::uint16_t cause = 0;
  TransactionType type = TransactionType::none;
  std::uint32_t device = 0;
  bool has_process = false;
  std::uint32_t process = 0;
  bool privileged = false;
  std::uint64_t address = 0;   ///< iotval
  std::uint64_t address2 = 0;  ///< iotval2
};
std::array<std::uint64_t, 4> encode(const FaultRecord& r);
FaultRecord decode_fault_record(const std::array<std::uint64_t, 4>& words);

/// A page request as the unit queues it, and back.
std::array<std::uint64_t, 2> encode(const PageRequest& r);
PageRequest decode_page_request(const std::array<std::uint64_t, 2>& words);
/// The last eight bytes of the message: R, W, L, group, page address.
std::uint64_t payload_of(const PageRequest& r);
void set_payload(PageRequest& r, std::uint64_t payload);

}  // namespace iommusim::iommu::riscv
