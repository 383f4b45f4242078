// Page tables of one domain, of either stage, as a driver writes them (Intel VT-d specification rev. 4.0, sections 3.6,
// 3.7, 9.7 and 9.8).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "models/iommu/api/driver.h"
#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/scalable_formats.h"

namespace iommusim::iommu::vtd {

/// First-stage leaves are user pages with accessed and dirty bits set, as Linux writes them for DMA domains, so that a
/// walk updates none. They can always be read: the format has no other.
class DomainTables : public PageTables {
 public:
  /// `stage`: first or second. `levels`: 3, 4 or 5. The root table is allocated at once and stays until the object goes
  /// (memory is not given back then).
  DomainTables(const VtdConfig& config, TableMemory& memory, TableStage stage, unsigned levels);

  /// Addresses beyond the tables' reach or a live mapping in the way: std::logic_error. Where an emptied table is still
  /// in place, the mapping uses that table's smaller pages instead of a superpage, so that no walk cache goes stale.
  void map(TableMemory& memory, Iova iova, Hpa hpa, std::uint64_t bytes, Rights rights,
           std::uint64_t max_page) override;
  std::uint64_t unmap(TableMemory& memory, Iova iova, std::uint64_t bytes, bool& tables_freed) override;
  void release_freed(TableMemory& memory) override;
  std::optional<Translation> lookup(TableMemory& memory, Iova iova) const override;

  TableStage stage() const override { return stage_; }
  Hpa root() const { return root_; }
  unsigned levels() const { return levels_; }
  /// Addresses a device may use: the lower half of a first stage, whose upper half needs its sign repeated.
  unsigned usable_bits() const;

 private:
  /// What both formats say.
  struct Entry {
    bool present = false;
    bool leaf = false;
    Rights rights;
    Hpa address;
  };
  Entry decode(std::uint64_t word, unsigned level) const;
  std::uint64_t leaf(Hpa page, unsigned level, Rights rights) const;
  std::uint64_t pointer(Hpa table) const;
  bool supports_page(unsigned level) const;

  struct Mapping {
    Rights rights;
    std::uint64_t max_page;
  };
  void map_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first, std::uint64_t hpa,
              std::uint64_t bytes, const Mapping& mapping);
  std::uint64_t unmap_in(TableMemory& memory, Hpa table, unsigned level, std::uint64_t first, std::uint64_t bytes,
                         bool& freed);
  void check_range(std::uint64_t first, std::uint64_t bytes) const;

  const VtdConfig config_;
  TableStage stage_;
  unsigned levels_;
  Hpa root_;
  std::vector<Hpa> freed_;
};

}  // namespace iommusim::iommu::vtd
