#include "models/iommu/arch/riscv/page_tables.h"

#include <algorithm>
#include <stdexcept>

#include "models/iommu/arch/riscv/contexts.h"

namespace iommusim::iommu::riscv {

namespace {

constexpr std::uint64_t kTableBytes = 4096, kSecondRootBytes = 16384;

std::uint64_t leaf(Hpa page, Rights rights) {
  return put(page.value() >> 12, 53, 10) | bit(pte::kValid) | bit(pte::kRead) | put(rights.write, pte::kWrite) |
         put(rights.execute, pte::kExecute) | bit(pte::kUser) | bit(pte::kAccessed) | put(rights.write, pte::kDirty);
}
std::uint64_t pointer(Hpa table) { return put(table.value() >> 12, 53, 10) | bit(pte::kValid); }
constexpr unsigned mode_of_levels(unsigned levels) { return kMode8 + levels - 3; }

}  // namespace

DomainTables::DomainTables(const RiscvConfig& config, TableMemory& memory, TableStage stage, unsigned levels)
    : config_(config),
      stage_(stage),
      mode_(stage == TableStage::first ? first_stage_mode(mode_of_levels(levels), false)
                                       : second_stage_mode(mode_of_levels(levels), false)),
      root_(memory.allocate(stage == TableStage::first ? kTableBytes : kSecondRootBytes)) {}

unsigned DomainTables::pointer_mode() const { return mode_of_levels(mode_.levels); }

PageEntry DomainTables::read_entry(TableMemory& memory, Hpa at, unsigned level) const {
  return decode_page(in_order(memory.read64(at), config_.big_endian), level, mode_, config_);
}
void DomainTables::write_entry(TableMemory& memory, Hpa at, std::uint64_t value) const {
  memory.write64(at, in_order(value, config_.big_endian));
}

/// Bytes from `first` to the end of the entry of `level` it lies in, at most `bytes`.
std::uint64_t DomainTables::part(std::uint64_t first, std::uint64_t bytes, unsigned level) const {
  const std::uint64_t span = bit(mode_.span_log2(level));
  return std::min(bytes, span - (first & (span - 1)));
}

void DomainTables::check_range(std::uint64_t first, std::uint64_t bytes) const {
  const std::uint64_t reach = bit(usable_bits());
  if ((first | bytes) % kTableBytes != 0)
    throw std::logic_error("RISC-V page tables: range is not made of 4 KiB pages");
  if (first >= reach || bytes > reach - first)
    throw std::logic_error("RISC-V page tables: range lies beyond the tables' reach");
}

void DomainTables::map(TableMemory& memory, Iova iova, Hpa hpa, std::uint64_t bytes, Rights rights,
                       std::uint64_t max_page) {
  check_range(iova.value(), bytes);
  if (hpa.value() % kTableBytes != 0)
    throw std::logic_error("RISC-V page tables: physical address is not 4 KiB aligned");
  if (!rights.read && !rights.write) throw std::logic_error("RISC-V page tables: a mapping needs a right");
  map_in(memory, root_, mode_.levels, iova.value(), hpa.value(), bytes, Mapping{rights, max_page});
}

void DomainTables::map_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first, std::uint64_t hpa,
                          std::uint64_t bytes, const Mapping& mapping) {
  const std::uint64_t span = bit(mode_.span_log2(level));
  while (bytes != 0) {
    const std::uint64_t here = part(first, bytes, level);
    const Hpa at = slot(table, first, level);
    const PageEntry e = read_entry(memory, at, level);
    if (e.kind == PageEntry::Kind::leaf) throw std::logic_error("RISC-V page tables: mapping over a live mapping");
    const bool present = e.kind == PageEntry::Kind::pointer;
    const bool fits = here == span && hpa % span == 0 && span <= mapping.max_page;
    if (level == 1 || (fits && !present)) {
      write_entry(memory, at, leaf(Hpa(hpa), mapping.rights));
    } else {
      Hpa next(e.address);
      if (!present) {
        next = memory.allocate(kTableBytes);
        write_entry(memory, at, pointer(next));
      }
      map_in(memory, next, level - 1, first, hpa, here, mapping);
    }
    first += here;
    hpa += here;
    bytes -= here;
  }
}

std::uint64_t DomainTables::unmap(TableMemory& memory, Iova iova, std::uint64_t bytes, bool& tables_freed) {
  check_range(iova.value(), bytes);
  tables_freed = false;
  return unmap_in(memory, root_, mode_.levels, iova.value(), bytes, tables_freed);
}

std::uint64_t DomainTables::unmap_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first,
                                     std::uint64_t bytes, bool& freed) {
  const std::uint64_t span = bit(mode_.span_log2(level));
  std::uint64_t unmapped = 0;
  while (bytes != 0) {
    const std::uint64_t here = part(first, bytes, level);
    const Hpa at = slot(table, first, level);
    const PageEntry e = read_entry(memory, at, level);
    if (e.kind == PageEntry::Kind::leaf) {
      if (here != span) throw std::logic_error("RISC-V page tables: unmapping a part of a superpage");
      write_entry(memory, at, 0);
      unmapped += span;
    } else if (e.kind == PageEntry::Kind::pointer) {
      unmapped += unmap_in(memory, Hpa(e.address), level - 1, first, here, freed);
      if (here == span) {  // all that the table maps has gone, and the table with it
        write_entry(memory, at, 0);
        freed_.push_back(Hpa(e.address));
        freed = true;
      }
    }
    first += here;
    bytes -= here;
  }
  return unmapped;
}

void DomainTables::release_freed(TableMemory& memory) {
  for (const Hpa table : freed_) memory.release(table, kTableBytes);
  freed_.clear();
}

std::optional<Translation> DomainTables::lookup(TableMemory& memory, Iova iova) const {
  if ((iova.value() & above(usable_bits())) != 0) return std::nullopt;
  Hpa table = root_;
  for (unsigned level = mode_.levels;; --level) {
    const PageEntry e = read_entry(memory, slot(table, iova.value(), level), level);
    if (e.kind == PageEntry::Kind::invalid) return std::nullopt;
    if (e.kind == PageEntry::Kind::pointer) {
      table = Hpa(e.address);
      continue;
    }
    Translation t;
    t.output = Hpa(e.address);
    t.size_log2 = e.size_log2;
    t.rights = Rights{e.read, e.write, e.execute};
    return t;
  }
}

}  // namespace iommusim::iommu::riscv
