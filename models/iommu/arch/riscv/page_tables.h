// Page tables of one domain, of either stage, as a driver writes them (RISC-V privileged specification, Sv39 to Sv57
// and Sv39x4 to Sv57x4).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/iommu/api/driver.h"
#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/riscv/page_entries.h"

namespace iommusim::iommu::riscv {

/// Leaves are user pages with accessed and dirty bits set, as Linux writes them, so that a walk updates none. A mapping
/// that can be written can be read: the format has no other. Contiguous pages are not marked as such (Svnapot).
class DomainTables : public PageTables {
 public:
  /// `stage`: first or second. `levels`: 3, 4 or 5. The root is allocated at once and stays until the object goes
  /// (memory is not given back then).
  DomainTables(const RiscvConfig& config, TableMemory& memory, TableStage stage, unsigned levels);

  /// Addresses beyond the tables' reach or a live mapping in the way: std::logic_error. Where an emptied table is still
  /// in place, the mapping uses that table's smaller pages instead of a superpage, so that no walk cache goes stale.
  void map(TableMemory& memory, Iova iova, Hpa hpa, std::uint64_t bytes, Rights rights,
           std::uint64_t max_page) override;
  std::uint64_t unmap(TableMemory& memory, Iova iova, std::uint64_t bytes, bool& tables_freed) override;
  void release_freed(TableMemory& memory) override;
  std::optional<Translation> lookup(TableMemory& memory, Iova iova) const override;

  TableStage stage() const override { return stage_; }
  Hpa root() const { return root_; }
  unsigned levels() const { return mode_.levels; }
  unsigned pointer_mode() const;  ///< MODE of iosatp or iohgatp
  /// Addresses a device may use: the lower half of a first stage, whose upper half needs its sign repeated.
  unsigned usable_bits() const { return mode_.address_bits() - (stage_ == TableStage::first ? 1 : 0); }

 private:
  struct Mapping {
    Rights rights;
    std::uint64_t max_page;
  };
  PageEntry read_entry(TableMemory& memory, Hpa at, unsigned level) const;
  void write_entry(TableMemory& memory, Hpa at, std::uint64_t value) const;
  Hpa slot(Hpa table, std::uint64_t address, unsigned level) const {
    return table + mode_.entry_offset(address, level);
  }
  std::uint64_t part(std::uint64_t first, std::uint64_t bytes, unsigned level) const;
  void map_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first, std::uint64_t hpa,
              std::uint64_t bytes, const Mapping& mapping);
  std::uint64_t unmap_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first, std::uint64_t bytes,
                         bool& freed);
  void check_range(std::uint64_t first, std::uint64_t bytes) const;

  const RiscvConfig config_;
  TableStage stage_;
  PagingMode mode_;
  Hpa root_;
  std::vector<Hpa> freed_;
};

}  // namespace iommusim::iommu::riscv
