#include "models/iommu/arch/vtd/page_tables.h"

#include <algorithm>
#include <stdexcept>

namespace iommusim::iommu::vtd {

namespace {

constexpr std::uint64_t kTableBytes = 4096;

/// Bytes from `first` to the end of the entry of `level` it lies in, at most `bytes`.
std::uint64_t part(std::uint64_t first, std::uint64_t bytes, unsigned level) {
  const std::uint64_t span = bit(span_log2(level));
  return std::min(bytes, span - (first & (span - 1)));
}

Hpa slot(Hpa table, std::uint64_t address, unsigned level) { return table + 8 * index_in_table(address, level); }

}  // namespace

DomainTables::DomainTables(const VtdConfig& config, TableMemory& memory, TableStage stage, unsigned levels)
    : config_(config), stage_(stage), levels_(levels), root_(memory.allocate(kTableBytes)) {}

unsigned DomainTables::usable_bits() const { return address_bits_of(levels_) - (stage_ == TableStage::first ? 1 : 0); }

bool DomainTables::supports_page(unsigned level) const {
  if (stage_ == TableStage::second) return config_.supports_page(level);
  return level < 3 || (level == 3 && config_.scalable.first_stage_1g);
}

DomainTables::Entry DomainTables::decode(std::uint64_t word, unsigned level) const {
  if (stage_ == TableStage::first) {
    const FirstEntry e = decode_first(word);
    return Entry{e.present, level == 1 || e.page_size, Rights{e.user, e.user && e.write, false}, Hpa(e.address)};
  }
  const PageEntry e = decode_page(word);
  return Entry{e.present(), level == 1 || e.page_size, Rights{e.read, e.write, false}, e.address};
}

std::uint64_t DomainTables::leaf(Hpa page, unsigned level, Rights rights) const {
  if (stage_ == TableStage::second) return encode(PageEntry{rights.read, rights.write, level > 1, false, page});
  FirstEntry e;
  e.present = e.user = e.accessed = true;
  e.write = e.dirty = rights.write;
  e.page_size = level > 1;
  e.execute_disable = config_.scalable.execute_requests && !rights.execute;
  e.address = page.value();
  return encode(e);
}

std::uint64_t DomainTables::pointer(Hpa table) const {
  if (stage_ == TableStage::second) return encode(PageEntry{true, true, false, false, table});
  FirstEntry e;
  e.present = e.write = e.user = e.accessed = true;
  e.address = table.value();
  return encode(e);
}

void DomainTables::check_range(std::uint64_t first, std::uint64_t bytes) const {
  const std::uint64_t reach = bit(usable_bits());
  if ((first | bytes) % kTableBytes != 0) throw std::logic_error("VT-d page tables: range is not made of 4 KiB pages");
  if (first >= reach || bytes > reach - first)
    throw std::logic_error("VT-d page tables: range lies beyond the tables' reach");
}

void DomainTables::map(TableMemory& memory, Iova iova, Hpa hpa, std::uint64_t bytes, Rights rights,
                       std::uint64_t max_page) {
  check_range(iova.value(), bytes);
  if (hpa.value() % kTableBytes != 0) throw std::logic_error("VT-d page tables: physical address is not 4 KiB aligned");
  if (!rights.read && !rights.write) throw std::logic_error("VT-d page tables: a mapping needs a right");
  map_in(memory, root_, levels_, iova.value(), hpa.value(), bytes, Mapping{rights, max_page});
}

void DomainTables::map_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first, std::uint64_t hpa,
                          std::uint64_t bytes, const Mapping& mapping) {
  const std::uint64_t span = bit(span_log2(level));
  while (bytes != 0) {
    const std::uint64_t here = part(first, bytes, level);
    const Hpa at = slot(table, first, level);
    Entry e = decode(memory.read64(at), level);
    if (e.present && e.leaf) throw std::logic_error("VT-d page tables: mapping over a live mapping");
    const bool fits = here == span && hpa % span == 0 && span <= mapping.max_page && supports_page(level);
    if (level == 1 || (fits && !e.present)) {
      memory.write64(at, leaf(Hpa(hpa), level, mapping.rights));
    } else {
      if (!e.present) {
        e.address = memory.allocate(kTableBytes);
        memory.write64(at, pointer(e.address));
      }
      map_in(memory, e.address, level - 1, first, hpa, here, mapping);
    }
    first += here;
    hpa += here;
    bytes -= here;
  }
}

std::uint64_t DomainTables::unmap(TableMemory& memory, Iova iova, std::uint64_t bytes, bool& tables_freed) {
  check_range(iova.value(), bytes);
  tables_freed = false;
  return unmap_in(memory, root_, levels_, iova.value(), bytes, tables_freed);
}

std::uint64_t DomainTables::unmap_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first,
                                     std::uint64_t bytes, bool& freed) {
  const std::uint64_t span = bit(span_log2(level));
  std::uint64_t unmapped = 0;
  while (bytes != 0) {
    const std::uint64_t here = part(first, bytes, level);
    const Hpa at = slot(table, first, level);
    const Entry e = decode(memory.read64(at), level);
    if (e.present && e.leaf) {
      if (here != span) throw std::logic_error("VT-d page tables: unmapping a part of a superpage");
      memory.write64(at, 0);
      unmapped += span;
    } else if (e.present) {
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

void DomainTables::release_freed(TableMemory& memory) {
  for (const Hpa table : freed_) memory.release(table, kTableBytes);
  freed_.clear();
}

std::optional<Translation> DomainTables::lookup(TableMemory& memory, Iova iova) const {
  if ((iova.value() & above(usable_bits())) != 0) return std::nullopt;
  Rights rights = kReadWrite;
  Hpa table = root_;
  for (unsigned level = levels_;; --level) {
    const Entry e = decode(memory.read64(slot(table, iova.value(), level)), level);
    if (!e.present) return std::nullopt;
    rights = Rights{rights.read && e.rights.read, rights.write && e.rights.write, false};
    if (!e.leaf) {
      table = e.address;
      continue;
    }
    const unsigned log2 = span_log2(level);
    return Translation{e.address.align_down(bit(log2)), static_cast<std::uint8_t>(log2), rights, false};
  }
}

}  // namespace iommusim::iommu::vtd
