// Register map of a VT-d unit (Intel VT-d specification rev. 4.0, section 11.4): offsets in bytes, bits within the
// register.
#pragma once

#include <cstdint>

#include "models/iommu/arch/vtd/bits.h"

namespace iommusim::iommu::vtd {

namespace reg {
constexpr std::uint64_t kVersion = 0x00;
constexpr std::uint64_t kCap = 0x08;
constexpr std::uint64_t kEcap = 0x10;
constexpr std::uint64_t kGlobalCommand = 0x18;
constexpr std::uint64_t kGlobalStatus = 0x1c;
constexpr std::uint64_t kRootTable = 0x20;
constexpr std::uint64_t kContextCommand = 0x28;
constexpr std::uint64_t kFaultStatus = 0x34;
constexpr std::uint64_t kFaultEvent = 0x38;  ///< control, data, address, upper address
constexpr std::uint64_t kQueueHead = 0x80;
constexpr std::uint64_t kQueueTail = 0x88;
constexpr std::uint64_t kQueueAddress = 0x90;
constexpr std::uint64_t kCompletionStatus = 0x9c;
constexpr std::uint64_t kCompletionEvent = 0xa0;  ///< control, data, address, upper address
constexpr std::uint64_t kQueueError = 0xb0;
constexpr std::uint64_t kInterruptTable = 0xb8;
constexpr std::uint64_t kPageHead = 0xc0;
constexpr std::uint64_t kPageTail = 0xc8;
constexpr std::uint64_t kPageAddress = 0xd0;
constexpr std::uint64_t kPageStatus = 0xdc;
constexpr std::uint64_t kPageEvent = 0xe0;  ///< control, data, address, upper address
// Where CAP.FRO and ECAP.IRO place what the specification leaves free; the offsets are those of QEMU's unit.
constexpr std::uint64_t kInvalidateAddress = 0xf0;
constexpr std::uint64_t kIotlbInvalidate = 0xf8;
constexpr std::uint64_t kFaultRecords = 0x220;
}  // namespace reg

constexpr std::uint32_t kVersionValue = 0x10;          ///< architecture version 1.0: legacy mode only
constexpr std::uint32_t kScalableVersionValue = 0x50;  ///< 5.0, as Sapphire Rapids reports

/// RTADDR.TTM (11.4.5), bits 11:10 of the root table address.
enum class TableMode : std::uint8_t { legacy = 0, scalable = 1, reserved = 2, abort = 3 };

namespace global {  // GCMD and GSTS have the same positions (11.4.4)
constexpr std::uint32_t kTranslation = 1u << 31;
constexpr std::uint32_t kSetRootTable = 1u << 30;
constexpr std::uint32_t kQueuedInvalidation = 1u << 26;
constexpr std::uint32_t kInterruptRemapping = 1u << 25;
constexpr std::uint32_t kSetInterruptTable = 1u << 24;
constexpr std::uint32_t kCompatibilityInterrupts = 1u << 23;
constexpr std::uint32_t kOneShot = kSetRootTable | kSetInterruptTable;
constexpr std::uint32_t kSwitches = kTranslation | kQueuedInvalidation | kInterruptRemapping | kCompatibilityInterrupts;
}  // namespace global

namespace fault_status {                           // FSTS (11.4.9)
constexpr std::uint32_t kOverflow = 1u << 0;       ///< PFO
constexpr std::uint32_t kPending = 1u << 1;        ///< PPF
constexpr std::uint32_t kQueueError = 1u << 4;     ///< IQE
constexpr std::uint32_t kDeviceTimeout = 1u << 6;  ///< ITE
constexpr std::uint32_t kAny = kOverflow | kPending | kQueueError | kDeviceTimeout;
}  // namespace fault_status

namespace page_status {                       // PRS (11.4.11.4)
constexpr std::uint32_t kPending = 1u << 0;   ///< PPR
constexpr std::uint32_t kOverflow = 1u << 1;  ///< PRO
}  // namespace page_status

namespace event {  // FECTL, IECTL, PECTL
constexpr std::uint32_t kMasked = 1u << 31;
constexpr std::uint32_t kPending = 1u << 30;
}  // namespace event

/// Why the queue stopped: IQERCD.IQEI (11.4.9).
enum class QueueError : std::uint8_t {
  none = 0,
  tail = 1,
  fetch = 2,
  type = 3,
  reserved = 4,
  width = 5,           ///< 16-byte descriptors in scalable mode
  tail_alignment = 6,  ///< the tail points into a 32-byte descriptor
  table_mode = 7
};

/// CCMD (11.4.6): one context-cache invalidation by register. ICC 63, CIRG 62:61, CAIG 60:59, FM 33:32, SID 31:16, DID
/// 15:0. IOTLB_REG (11.4.8.1): IVT 63, IIRG 61:60, IAIG 58:57, DID 47:32. IVA_REG: ADDR 63:12, IH 6, AM 5:0.
enum class Granularity : std::uint8_t { none = 0, global = 1, domain = 2, selective = 3 };

/// IQA (11.4.20): base 63:12, descriptor width 11 (reserved where the unit has no scalable mode), size 2:0: 2^size
/// pages of 16- or 32-byte descriptors.
constexpr bool wide_descriptors(std::uint64_t iqa) { return get(iqa, 11); }
constexpr unsigned descriptor_shift(std::uint64_t iqa) { return wide_descriptors(iqa) ? 5 : 4; }
constexpr std::uint32_t queue_entries_of(std::uint64_t iqa) { return 4096u >> descriptor_shift(iqa) << get(iqa, 2, 0); }

/// IRTA (11.4.21): base 63:12, extended interrupt mode 11, size 3:0: 2^(size + 1) entries.
constexpr std::uint32_t interrupt_entries_of(std::uint64_t irta) { return 2u << get(irta, 3, 0); }

}  // namespace iommusim::iommu::vtd
