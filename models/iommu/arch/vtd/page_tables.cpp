#include "models/iommu/arch/vtd/page_tables.h"

#include <algorithm>
#include <stdexcept>

namespace iommusim::iommu::vtd {

namespace {

constexpr std::uint64_t kTableBytes = 4096;

bool is_leaf(const PageEntry& e, unsigned level) { return level == 1 || e.page_size; }

/// Bytes from `first` to the end of the entry of `level` it lies in, at most `bytes`.
std::uint64_t part(std::uint64_t first, std::uint64_t bytes, unsigned level) {
  const std::uint64_t span = bit(span_log2(level));
  return std::min(bytes, span - (first & (span - 1)));
}

Hpa slot(Hpa table, std::uint64_t address, unsigned level) { return table + 8 * index_in_table(address, level); }

}  // namespace

SecondStageTables::SecondStageTables(const VtdConfig& config, TableMemory& memory, unsigned levels)
    : config_(config), levels_(levels), root_(memory.allocate(kTableBytes)) {}

void SecondStageTables::check_range(std::uint64_t first, std::uint64_t bytes) const {
  const std::uint64_t reach = bit(address_bits_of(levels_));
  if ((first | bytes) % kTableBytes != 0) throw std::logic_error("VT-d page tables: range is not made of 4 KiB pages");
  if (first >= reach || bytes > reach - first)
    throw std::logic_error("VT-d page tables: range lies beyond the tables' reach");
}

void SecondStageTables::map(TableMemory& memory, Iova iova, Hpa hpa, std::uint64_t bytes, Rights rights,
                            std::uint64_t max_page) {
  check_range(iova.value(), bytes);
  if (hpa.value() % kTableBytes != 0) throw std::logic_error("VT-d page tables: physical address is not 4 KiB aligned");
  if (!rights.read && !rights.write) throw std::logic_error("VT-d page tables: a mapping needs a right");
  map_in(memory, root_, levels_, iova.value(), hpa.value(), bytes, Mapping{rights, max_page});
}

void SecondStageTables::map_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first, std::uint64_t hpa,
                               std::uint64_t bytes, const Mapping& mapping) {
  const std::uint64_t span = bit(span_log2(level));
  while (bytes != 0) {
    const std::uint64_t here = part(first, bytes, level);
    const Hpa at = slot(table, first, level);
    PageEntry e = decode_page(memory.read64(at));
    if (e.present() && is_leaf(e, level)) throw std::logic_error("VT-d page tables: mapping over a live mapping");
    const bool fits = here == span && hpa % span == 0 && span <= mapping.max_page && config_.supports_page(level);
    if (level == 1 || (fits && !e.present())) {
      memory.write64(at, encode(PageEntry{mapping.rights.read, mapping.rights.write, level > 1, false, Hpa(hpa)}));
    } else {
      if (!e.present()) {
        e = PageEntry{true, true, false, false, memory.allocate(kTableBytes)};
        memory.write64(at, encode(e));
      }
      map_in(memory, e.address, level - 1, first, hpa, here, mapping);
    }
    first += here;
    hpa += here;
    bytes -= here;
  }
}

std::uint64_t SecondStageTables::unmap(TableMemory& memory, Iova iova, std::uint64_t bytes, bool& tables_freed) {
  check_range(iova.value(), bytes);
  tables_freed = false;
  return unmap_in(memory, root_, levels_, iova.value(), bytes, tables_freed);
}

std::uint64_t SecondStageTables::unmap_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first,
                                          std::uint64_t bytes, bool& freed) {
  const std::uint64_t span = bit(span_log2(level));
  std::uint64_t unmapped = 0;
  while (bytes != 0) {
    const std::uint64_t here = part(first, bytes, level);
    const Hpa at = slot(table, first, level);
    const PageEntry e = decode_page(memory.read64(at));
    if (e.present() && is_leaf(e, level)) {
      if (here != span) throw std::logic_error("VT-d page tables: unmapping a part of a superpage");
      memory.write64(at, 0);
      unmapped += span;
    } else if (e.present()) {
      unmapped += unmap_in(memory, e.address, level - 1, first, here, freed);
      if (here == span) {  // all that the table maps has gone, and the table with it
        memory.write64(at, 0);
        freed_.push_back(e.address);
        freed = true;
      }
    }
    first += here;
    bytes -= here;
  }
  return unmapped;
}

void SecondStageTables::release_freed(TableMemory& memory) {
  for (const Hpa table : freed_) memory.release(table, kTableBytes);
  freed_.clear();
}

std::optional<Translation> SecondStageTables::lookup(TableMemory& memory, Iova iova) const {
  if ((iova.value() & above(address_bits_of(levels_))) != 0) return std::nullopt;
  Rights rights = kReadWrite;
  Hpa table = root_;
  for (unsigned level = levels_;; --level) {
    const PageEntry e = decode_page(memory.read64(slot(table, iova.value(), level)));
    if (!e.present()) return std::nullopt;
    rights = Rights{rights.read && e.read, rights.write && e.write, false};
    if (!is_leaf(e, level)) {
      table = e.address;
      continue;
    }
    const unsigned log2 = span_log2(level);
    return Translation{e.address.align_down(bit(log2)), static_cast<std::uint8_t>(log2), rights, false};
  }
}

}  // namespace iommusim::iommu::vtd
