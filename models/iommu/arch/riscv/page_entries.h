// Page-table entries and modes of both stages (RISC-V privileged specification: Sv32, Sv39, Sv48, Sv57 and their x4
// forms, Svnapot, Svpbmt), and entries of MSI page tables (AIA specification, section 9.5).
#pragma once

#include <cstdint>

#include "models/iommu/arch/riscv/bits.h"
#include "models/iommu/arch/riscv/config.h"

namespace iommusim::iommu::riscv {

/// Shape of the tables of one stage.
struct PagingMode {
  std::uint8_t levels = 0;  ///< 0: Bare
  std::uint8_t entry_bytes = 8;
  std::uint8_t index_bits = 9;
  std::uint8_t root_extra_bits = 0;  ///< 2 for the second stage, whose root is 16 KiB
  bool bare() const { return levels == 0; }
  unsigned span_log2(unsigned level) const { return 12u + index_bits * (level - 1u); }  ///< of one entry
  unsigned address_bits() const { return span_log2(levels + 1u) + root_extra_bits; }
  /// Byte offset of an address's entry in its table of `level`.
  std::uint64_t entry_offset(std::uint64_t address, unsigned level) const {
    const unsigned bits = index_bits + (level == levels ? root_extra_bits : 0u);
    return (address >> span_log2(level) & ((std::uint64_t{1} << bits) - 1)) * entry_bytes;
  }
};
/// `narrow`: SXL for the first stage, GXL for the second.
PagingMode first_stage_mode(unsigned mode, bool narrow);
PagingMode second_stage_mode(unsigned mode, bool narrow);

namespace pte {
constexpr unsigned kValid = 0, kRead = 1, kWrite = 2, kExecute = 3, kUser = 4, kGlobal = 5, kAccessed = 6, kDirty = 7;
constexpr unsigned kNapot = 63;
}  // namespace pte

/// A valid entry, decoded; of a leaf, all that its tables say.
struct PageEntry {
  enum class Kind : std::uint8_t { invalid, pointer, leaf };
  Kind kind = Kind::invalid;
  std::uint64_t address = 0;  ///< of the next table, or of the page (aligned to size_log2)
  std::uint8_t size_log2 = 12;
  std::uint8_t memory_type = 0;
  bool napot = false;  ///< one of 16 entries that map 64 KiB together
  bool read = false, write = false, execute = false, user = false, global = false, accessed = false, dirty = false;
};
/// `invalid` for entries that raise a page fault whatever is asked: V clear, reserved bits or encodings, misaligned.
PageEntry decode_page(std::uint64_t word, unsigned level, const PagingMode& mode, const RiscvConfig& config);

/// An entry of an MSI page table.
struct MsiEntry {
  enum class Kind : std::uint8_t { not_valid, misconfigured, translate, file_in_memory };
  Kind kind = Kind::not_valid;
  std::uint64_t address = 0;  ///< translate: page; file_in_memory: of the file (512-byte aligned)
  std::uint64_t notice_address = 0;
  std::uint16_t notice_id = 0;
};
MsiEntry decode_msi(std::uint64_t low, std::uint64_t high, const RiscvConfig& config);
/// Number of the interrupt file an address names: the bits of its page number where `mask` has ones, packed.
std::uint64_t extract(std::uint64_t page_number, std::uint64_t mask);

}  // namespace iommusim::iommu::riscv
