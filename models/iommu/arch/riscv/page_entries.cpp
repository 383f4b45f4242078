#include "models/iommu/arch/riscv/page_entries.h"

#include "models/iommu/arch/riscv/contexts.h"

namespace iommusim::iommu::riscv {

namespace {

PagingMode paging_mode(unsigned mode, bool narrow, std::uint8_t extra) {
  if (mode == kBare) return {};
  if (narrow) return {2, 4, 10, extra};
  return {static_cast<std::uint8_t>(mode - kMode8 + 3), 8, 9, extra};
}

constexpr unsigned kMostReservedType = 3;

bool upper_bits_valid(std::uint64_t word, const RiscvConfig& config) {
  if ((word & ones(58, 54)) != 0) return false;
  if (!config.software_bits && (word & ones(60, 59)) != 0) return false;
  const auto type = get(word, 62, 61);
  return config.svpbmt ? type != kMostReservedType : type == 0;
}

}  // namespace

PagingMode first_stage_mode(unsigned mode, bool narrow) { return paging_mode(mode, narrow, 0); }
PagingMode second_stage_mode(unsigned mode, bool narrow) { return paging_mode(mode, narrow, 2); }

PageEntry decode_page(std::uint64_t word, unsigned level, const PagingMode& mode, const RiscvConfig& config) {
  PageEntry e;
  e.read = get(word, pte::kRead);
  e.write = get(word, pte::kWrite);
  e.execute = get(word, pte::kExecute);
  e.user = get(word, pte::kUser);
  e.global = get(word, pte::kGlobal);
  e.accessed = get(word, pte::kAccessed);
  e.dirty = get(word, pte::kDirty);
  const bool wide = mode.entry_bytes == 8;
  if (!get(word, pte::kValid) || (e.write && !e.read) || (wide && !upper_bits_valid(word, config))) return e;
  const std::uint64_t page = get(word, wide ? 53 : 31, 10);

  if (!e.read && !e.write && !e.execute) {
    const bool reserved = e.user || e.accessed || e.dirty || (wide && (word & ones(63, 61)) != 0);
    if (level == 1 || reserved) return e;
    e.kind = PageEntry::Kind::pointer;
    e.address = page << 12;
    return e;
  }
  e.size_log2 = static_cast<std::uint8_t>(mode.span_log2(level));
  e.address = page << 12;
  if (wide && get(word, pte::kNapot)) {  // Svnapot defines 64 KiB only: PPN ends in 1000b
    if (level != 1 || (page & 0xf) != 8) return e;
    e.napot = true;
    e.size_log2 = 16;
    e.address &= above(16);
  } else if ((e.address & ~above(e.size_log2)) != 0) {
    return e;
  }
  e.memory_type = wide ? static_cast<std::uint8_t>(get(word, 62, 61)) : 0;
  e.kind = PageEntry::Kind::leaf;
  return e;
}

MsiEntry decode_msi(std::uint64_t low, std::uint64_t high, const RiscvConfig& config) {
  MsiEntry e;
  if (!get(low, 0)) return e;
  e.kind = MsiEntry::Kind::misconfigured;
  const bool custom = get(low, 63);
  const auto mode = get(low, 2, 1);
  if (custom) return e;  // no custom formats here
  if (mode == 3) {
    if ((low & (ones(9, 3) | ones(62, 54))) != 0) return e;  // the second doubleword is software's
    e.kind = MsiEntry::Kind::translate;
    e.address = page_address(low);
  } else if (mode == 1 && config.msi_mrif) {
    if ((low & (ones(6, 3) | ones(62, 54))) != 0 || (high & (ones(59, 54) | ones(63, 61))) != 0) return e;
    e.kind = MsiEntry::Kind::file_in_memory;
    e.address = get(low, 53, 7) << 9;
    e.notice_address = page_address(high);
    e.notice_id = static_cast<std::uint16_t>(get(high, 9, 0) | (get(high, 60) ? 1u << 10 : 0));
  }
  return e;
}

std::uint64_t extract(std::uint64_t page_number, std::uint64_t mask) {
  std::uint64_t out = 0;
  for (unsigned n = 0; mask != 0; mask &= mask - 1) out |= (page_number >> __builtin_ctzll(mask) & 1) << n++;
  return out;
}

}  // namespace iommusim::iommu::riscv
