// What system software does for a VT-d unit: root, context and PASID tables, interrupt entries, queue descriptors and
// the register writes that bring the unit up, in an order the specification allows (rev. 4.0, sections 6.5.2, 10.7 and
// 11.4.4). In scalable mode every source has a PASID table; entry 0 of it is for requests without PASID (RID_PASID 0,
// as in Linux).
#pragma once

#include <cstdint>
#include <map>

#include "models/iommu/api/driver.h"
#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/page_tables.h"

namespace iommusim::iommu::vtd {

class VtdDriver : public Driver {
 public:
  explicit VtdDriver(const VtdConfig& config) : config_(config) {}

  /// `queue_entries`: 256 to 32768. The caches are emptied by register commands before the queue is enabled; Linux does
  /// it through the queue, which at boot comes to the same.
  std::vector<RegisterWrite> set_up(TableMemory& memory, std::uint32_t queue_entries) override;
  std::vector<RegisterWrite> enable(bool interrupt_remapping) override;
  std::vector<RegisterWrite> disable_translation() override;
  std::vector<RegisterWrite> route_events(InterruptMessage message) override;
  std::unique_ptr<PageTables> create_tables(TableMemory& memory, DomainGeometry geometry) override;
  /// `tables` must come from this driver. A context entry already present is cleared before it is rewritten.
  void attach(TableMemory& memory, SourceId source, DomainId domain, const PageTables* tables) override;
  void detach(TableMemory& memory, SourceId source) override;
  DriverFeatures features() const override;
  void attach_nested(TableMemory& memory, SourceId source, DomainId domain, const PageTables& first,
                     const PageTables& second) override;
  void attach_process(TableMemory& memory, SourceId source, Pasid pasid, DomainId domain, const PageTables* tables,
                      const PageTables* second) override;
  void detach_process(TableMemory& memory, SourceId source, Pasid pasid) override;
  InterruptMessage set_interrupt(TableMemory& memory, std::uint32_t index, SourceId source,
                                 InterruptMessage target) override;
  bool invalidate_on_map() const override { return config_.caching_mode; }

  CommandBytes encode(const Invalidation& invalidation) const override;
  Hpa queue_base() const override { return queue_; }
  std::uint32_t queue_entries() const override { return queue_entries_; }
  std::uint8_t command_bytes() const override { return config_.is_scalable() ? 32 : 16; }
  RegisterWrite tail_write(std::uint32_t tail) const override;
  std::uint64_t head_register() const override;
  std::uint32_t head_index(std::uint64_t value) const override {
    return static_cast<std::uint32_t>((value & 0x7ffff) >> queue_shift());
  }

 private:
  Hpa context_table(TableMemory& memory, std::uint32_t which);
  Hpa context_slot(TableMemory& memory, SourceId source);
  void attach_legacy(TableMemory& memory, SourceId source, DomainId domain, const DomainTables* tables);
  /// The PASID entry of a source; its context and directory entries are made if they are missing.
  Hpa pasid_slot(TableMemory& memory, SourceId source, Pasid pasid);
  void write_pasid(TableMemory& memory, SourceId source, Pasid pasid, DomainId domain, const DomainTables* tables,
                   const DomainTables* second);
  void check_domain(DomainId domain) const;
  unsigned queue_shift() const { return config_.is_scalable() ? 5 : 4; }
  RegisterWrite global_command(std::uint32_t switches, std::uint32_t one_shot) const;

  const VtdConfig config_;
  Hpa root_, queue_, page_queue_, interrupt_table_;
  std::uint32_t queue_entries_ = 0;
  std::uint32_t switches_ = 0;                   ///< what GCMD holds enabled: every write repeats it
  std::map<std::uint32_t, Hpa> context_tables_;  ///< by bus; in scalable mode by bus and half
};

}  // namespace iommusim::iommu::vtd
