// What system software does for a RISC-V IOMMU: device directory, MSI tables, queues and the register writes that bring
// the unit up (RISC-V IOMMU specification 1.0, chapter 7 on software guidelines).
//
// Interrupts: all devices share one flat MSI table; entry n of it is reached through page n of a window of
// guest-physical addresses. Domains of the first stage map the window onto itself. A source with processes keeps the
// tables of its requests without a process in process context 0 (tc.DPE). Leaves out: processes behind a second stage,
// whose directory would lie in the guest's memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "models/iommu/api/driver.h"
#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/riscv/contexts.h"
#include "models/iommu/arch/riscv/page_tables.h"

namespace iommusim::iommu::riscv {

class RiscvDriver : public Driver {
 public:
  /// First address of the window of interrupt pages.
  static constexpr std::uint64_t kMsiWindow = 0xfee00000;
  static constexpr std::uint32_t kMsiEntries = 256;

  explicit RiscvDriver(const RiscvConfig& config) : config_(config) {}

  /// `queue_entries`: 2 to 32768. Afterwards the unit lets DMA pass.
  std::vector<RegisterWrite> set_up(TableMemory& memory, std::uint32_t queue_entries) override;
  std::vector<RegisterWrite> enable(bool interrupt_remapping) override;
  std::vector<RegisterWrite> disable_translation() override;
  std::vector<RegisterWrite> route_events(InterruptMessage message) override;
  std::unique_ptr<PageTables> create_tables(TableMemory& memory, DomainGeometry geometry) override;
  /// `tables` must come from this driver. A context already present is cleared before it is rewritten.
  void attach(TableMemory& memory, SourceId source, DomainId domain, const PageTables* tables) override;
  void detach(TableMemory& memory, SourceId source) override;
  DriverFeatures features() const override;
  void attach_nested(TableMemory& memory, SourceId source, DomainId domain, const PageTables& first,
                     const PageTables& second) override;
  void attach_process(TableMemory& memory, SourceId source, Pasid pasid, DomainId domain, const PageTables* tables,
                      const PageTables* second) override;
  void detach_process(TableMemory& memory, SourceId source, Pasid pasid) override;
  /// `index`: below kMsiEntries. The format says nothing of sources: any device may use any entry.
  InterruptMessage set_interrupt(TableMemory& memory, std::uint32_t index, SourceId source,
                                 InterruptMessage target) override;

  CommandBytes encode(const Invalidation& invalidation) const override;
  Hpa queue_base() const override { return queue_; }
  std::uint32_t queue_entries() const override { return queue_entries_; }
  std::uint8_t command_bytes() const override { return 16; }
  RegisterWrite tail_write(std::uint32_t tail) const override;
  std::uint64_t head_register() const override;
  std::uint32_t head_index(std::uint64_t value) const override { return static_cast<std::uint32_t>(value); }

  Hpa fault_queue() const { return fault_queue_; }

 private:
  /// The tables of a source's requests without a process.
  struct Stages {
    DomainId domain;
    const DomainTables* first = nullptr;
    const DomainTables* second = nullptr;
  };
  using ProcessContext = std::array<std::uint64_t, 2>;
  void write_context(TableMemory& memory, SourceId source);
  unsigned directory_mode() const;
  ProcessContext process_context(DomainId domain, const DomainTables* tables) const;
  Hpa process_slot(TableMemory& memory, Hpa directory, Pasid pasid);
  void write_process(TableMemory& memory, Hpa directory, Pasid pasid, const ProcessContext& context);
  Hpa context_slot(TableMemory& memory, SourceId source);
  Hpa msi_table(TableMemory& memory);
  std::uint64_t ordered(std::uint64_t value) const { return in_order(value, config_.big_endian); }

  const RiscvConfig config_;
  Hpa directory_, queue_, fault_queue_, page_queue_;
  std::uint32_t queue_entries_ = 0;
  std::optional<Hpa> msi_table_;
  std::map<std::uint32_t, Stages> attached_;          ///< by source
  std::map<std::uint32_t, Hpa> process_directories_;  ///< by source
};

}  // namespace iommusim::iommu::riscv
