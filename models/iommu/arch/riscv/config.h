// Capabilities of a RISC-V IOMMU, as its capabilities and fctl registers report them, and what its driver chooses
// (RISC-V IOMMU specification 1.0, sections 6.3 and 6.4).
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "models/base/config/variants.h"
#include "models/iommu/api/factory.h"

namespace iommusim::iommu::riscv {

/// How the unit raises interrupts of its own (capabilities.IGS).
enum class InterruptGeneration : std::uint8_t { msi, wired, both };
/// Which stage a driver maps DMA domains with: the first (as Linux does for its own devices) or the second (virtual
/// machines).
using Stage = TableStage;

struct RiscvConfig : ArchitectureConfig {
  // capabilities
  bool sv32 = false, sv39 = true, sv48 = true, sv57 = true;
  bool sv32x4 = false, sv39x4 = true, sv48x4 = true, sv57x4 = true;
  bool svpbmt = true;
  bool software_bits = false;  ///< bit 14: PTE bits 60:59 belong to software
  bool amo_mrif = false, msi_flat = true, msi_mrif = false;
  bool amo_hwad = true;
  bool ats = true, t2gpa = true;
  bool mixed_endian = false;
  InterruptGeneration interrupts = InterruptGeneration::msi;
  std::uint8_t event_counters = 7;  ///< 0: no performance monitor
  bool debug = true;
  std::uint8_t physical_address_bits = 56;
  bool pd8 = true, pd17 = true, pd20 = true;
  bool nonleaf_invalidation = true, range_invalidation = true;

  // reset and writability of fctl
  bool big_endian = false;
  bool wired = false;
  bool guest_32 = false;  ///< fctl.GXL
  bool big_endian_writable = false;
  bool guest_32_writable = false;

  bool msi_without_second_stage = true;  ///< device contexts may name an MSI table with iohgatp Bare
  std::uint8_t vector_bits = 2;          ///< writable bits of each icvec field
  std::uint8_t bare_size_log2 = 30;      ///< size of a translation whose stages are both Bare

  // the driver's
  Stage domain_stage = Stage::first;
  std::uint8_t directory_levels = 3;
  std::uint32_t fault_queue_entries = 128;
  std::uint32_t page_queue_entries = 128;

  static const base::Fields<RiscvConfig>& fields();
  /// Takes any capabilities, as a register can hold any.
  std::unique_ptr<Architecture> make_architecture() const override;
  /// Throws base::UserError for capabilities that contradict each other.
  std::unique_ptr<Driver> make_driver() const override;

  /// A unit whose capabilities register reads as given; the rest is default.
  static RiscvConfig from_capabilities(std::uint64_t capabilities);
  std::uint64_t capabilities() const;
  std::uint32_t fctl() const;  ///< at reset
  std::uint64_t dc_bytes() const { return msi_flat ? 64 : 32; }
  unsigned device_id_bits(unsigned levels) const;

  /// What contradicts something else, as (key, message); both empty if nothing does. No such unit is configured from
  /// YAML or gets a driver.
  std::pair<std::string, std::string> contradiction() const;
};

}  // namespace iommusim::iommu::riscv
