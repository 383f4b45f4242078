// Bit layouts of the structures a VT-d unit reads from memory in legacy mode: root, context, second-stage paging and
// interrupt remapping table entries, and the format of a remappable interrupt request. Section numbers: Intel VT-d
// specification, rev. 4.0. Builder (driver, page_tables) and walker share this file and nothing else. decode(encode(x))
// == x.
#pragma once

#include <cstdint>

#include "models/base/types.h"
#include "models/iommu/api/request.h"
#include "models/iommu/api/walk.h"
#include "models/iommu/arch/vtd/bits.h"

namespace iommusim::iommu::vtd {

/// Root entry, one per bus (section 9.1): P 0, context-table pointer 63:12; the high word is reserved in legacy mode.
struct RootEntry {
  bool present = false;
  Hpa context_table;  ///< 4 KiB aligned
};
Pair encode(const RootEntry& e);
RootEntry decode_root(const Pair& w);
/// True if reserved bits are set: 11:1, address bits beyond the host address width, the high word.
bool reserved_set_root(const Pair& w, unsigned host_address_bits);

/// Translation type of a context entry (section 9.3, TT).
enum class TranslationType : std::uint8_t {
  untranslated_only = 0,  ///< second-stage translation; ATS and translated requests are blocked
  device_tlb = 1,         ///< the same, and the device may use ATS
  pass_through = 2,
  reserved = 3
};

/// Context entry, one per device and function (section 9.3).
/// Low: P 0, FPD 1, TT 3:2, second-stage table pointer 63:12. High: AW 2:0, ignored 6:3, domain identifier 23:8.
struct ContextEntry {
  bool present = false;
  bool fault_disable = false;
  TranslationType type = TranslationType::untranslated_only;
  Hpa table;               ///< root of the second-stage tables; 4 KiB aligned
  std::uint8_t width = 2;  ///< AW code: 1, 2, 3 for tables of 3, 4, 5 levels
  std::uint16_t domain = 0;
};
Pair encode(const ContextEntry& e);
ContextEntry decode_context(const Pair& w);
/// True if reserved bits are set. The table pointer is not looked at under pass-through; domain identifiers beyond
/// `domain_id_bits` count as reserved (section 9.3, DID).
bool reserved_set_context(const Pair& w, unsigned host_address_bits, unsigned domain_id_bits);

/// Levels of tables and bits of address for an AW code; 0 levels for a code that is no width of this architecture.
constexpr unsigned levels_of(unsigned width_code) { return width_code >= 1 && width_code <= 3 ? width_code + 2 : 0; }
constexpr unsigned address_bits_of(unsigned levels) { return 12 + 9 * levels; }
/// log2 of the bytes that one entry of a table of this level spans: 12 for level 1, 21 for level 2...
constexpr unsigned span_log2(unsigned level) { return 12 + 9 * (level - 1); }
constexpr std::uint64_t index_in_table(std::uint64_t address, unsigned level) {
  return address >> span_log2(level) & 0x1ff;
}

/// Second-stage paging entry (section 9.8): R 0, W 1, page size 7, snoop 11, address 51:12, transient mapping 62.
/// Bits 2 (X), 6:3 (memory type), 9:8 (A/D), 10, 61:52 and 63 are ignored by this model.
struct PageEntry {
  bool read = false;
  bool write = false;
  bool page_size = false;  ///< at levels 2 and 3: maps a page instead of pointing to a table
  bool snoop = false;
  Hpa address;
  bool present() const { return read || write; }
};
std::uint64_t encode(const PageEntry& e);
PageEntry decode_page(std::uint64_t w);

/// Interrupt remapping table entry, remapped (not posted) mode (section 9.9).
/// Low: P 0, FPD 1, DM 2, RH 3, TM 4, DLM 7:5, AVAIL 11:8, IM 15, V 23:16, DST 63:32. High: SID 15:0, SQ 17:16, SVT
/// 19:18.
struct InterruptEntry {
  bool present = false;
  bool fault_disable = false;
  bool logical_destination = false;  ///< DM
  bool redirection_hint = false;     ///< RH
  bool level_triggered = false;      ///< TM
  std::uint8_t delivery_mode = 0;    ///< DLM
  std::uint8_t vector = 0;
  std::uint32_t destination = 0;       ///< APIC identifier: 8 bits, or 32 with extended interrupt mode
  std::uint16_t source = 0;            ///< SID
  std::uint8_t source_qualifier = 0;   ///< SQ: which function bits of SID are not compared
  std::uint8_t source_validation = 0;  ///< SVT: 0 none, 1 SID under SQ, 2 bus in [SID 15:8, SID 7:0]
};
/// `extended`: 32-bit destinations (x2APIC); else the 8-bit identifier lies in bits 15:8 of DST.
Pair encode(const InterruptEntry& e, bool extended);
InterruptEntry decode_interrupt(const Pair& w, bool extended);
bool reserved_set_interrupt(const Pair& w, bool extended);
/// The source-id check of section 5.1.3.
bool source_allowed(const InterruptEntry& e, std::uint16_t requester);

/// Interrupt address range (section 3.14).
constexpr std::uint64_t kInterruptFirst = 0xfee00000;
constexpr std::uint64_t kInterruptLast = 0xfeefffff;
constexpr bool in_interrupt_range(std::uint64_t address) {
  return address >= kInterruptFirst && address <= kInterruptLast;
}

/// Interrupt request (section 5.1.2). Remappable format: address 19:5 and 2 hold the handle, 3 says that data 15:0 is a
/// subhandle.
constexpr bool is_remappable(const InterruptMessage& m) { return get(m.address, 4); }
constexpr bool reserved_set_request(const InterruptMessage& m) { return get(m.address, 3) && m.data >> 16 != 0; }
constexpr std::uint32_t interrupt_index(const InterruptMessage& m) {
  const auto handle = static_cast<std::uint32_t>(get(m.address, 19, 5) | get(m.address, 2, 2) << 15);
  return handle + (get(m.address, 3) ? m.data & 0xffff : 0);
}
/// The request a device must send to reach an entry: subhandle valid and zero, as Linux programs MSI.
InterruptMessage remappable(std::uint32_t index);
/// The interrupt message an entry stands for. With `extended`, destination bits 31:8 travel in address bits 63:40, the
/// convention of the unit's own FEUADDR and IEUADDR registers.
InterruptMessage compose(const InterruptEntry& e, bool extended);
/// The fields of an entry that a message in that format asks for; the inverse of compose().
InterruptEntry entry_for(const InterruptMessage& m, bool extended);

}  // namespace iommusim::iommu::vtd
