#include "models/iommu/arch/riscv/config.h"

#include "models/base/error.h"
#include "models/iommu/arch/riscv/bits.h"
#include "models/iommu/arch/riscv/driver.h"
#include "models/iommu/arch/riscv/registers.h"
#include "models/iommu/arch/riscv/unit.h"

namespace iommusim::iommu::riscv {

namespace {

const base::Variants<ArchitectureConfig>::Entry<RiscvConfig> entry("riscv", "RISC-V IOMMU, specification 1.0");

constexpr std::uint8_t kVersion = 0x10;

struct Flag {
  unsigned bit;
  bool RiscvConfig::*member;
};
constexpr Flag kFlags[] = {{8, &RiscvConfig::sv32},
                           {9, &RiscvConfig::sv39},
                           {10, &RiscvConfig::sv48},
                           {11, &RiscvConfig::sv57},
                           {14, &RiscvConfig::software_bits},
                           {15, &RiscvConfig::svpbmt},
                           {16, &RiscvConfig::sv32x4},
                           {17, &RiscvConfig::sv39x4},
                           {18, &RiscvConfig::sv48x4},
                           {19, &RiscvConfig::sv57x4},
                           {21, &RiscvConfig::amo_mrif},
                           {22, &RiscvConfig::msi_flat},
                           {23, &RiscvConfig::msi_mrif},
                           {24, &RiscvConfig::amo_hwad},
                           {25, &RiscvConfig::ats},
                           {26, &RiscvConfig::t2gpa},
                           {27, &RiscvConfig::mixed_endian},
                           {31, &RiscvConfig::debug},
                           {38, &RiscvConfig::pd8},
                           {39, &RiscvConfig::pd17},
                           {40, &RiscvConfig::pd20},
                           {42, &RiscvConfig::nonleaf_invalidation},
                           {43, &RiscvConfig::range_invalidation}};

}  // namespace

const base::Fields<RiscvConfig>& RiscvConfig::fields() {
  using C = RiscvConfig;
  static const char* const kCapabilities = "RISC-V IOMMU 1.0 section 6.3 (capabilities)";
  static const base::Fields<RiscvConfig> f =
      base::Fields<RiscvConfig>("riscv", "RISC-V IOMMU, specification 1.0: two stages, process directories, MSI tables")
          .field("sv32", &C::sv32, "First-stage Sv32")
          .source(kCapabilities)
          .field("sv39", &C::sv39, "First-stage Sv39")
          .source(kCapabilities)
          .field("sv48", &C::sv48, "First-stage Sv48")
          .source(kCapabilities)
          .field("sv57", &C::sv57, "First-stage Sv57")
          .source(kCapabilities)
          .field("sv32x4", &C::sv32x4, "Second-stage Sv32x4")
          .source(kCapabilities)
          .field("sv39x4", &C::sv39x4, "Second-stage Sv39x4")
          .source(kCapabilities)
          .field("sv48x4", &C::sv48x4, "Second-stage Sv48x4")
          .source(kCapabilities)
          .field("sv57x4", &C::sv57x4, "Second-stage Sv57x4")
          .source(kCapabilities)
          .field("svpbmt", &C::svpbmt, "Page-based memory types")
          .source(kCapabilities)
          .field("software_bits", &C::software_bits, "PTE bits 60:59 are left to software (Svrsw60t59b)")
          .source(kCapabilities)
          .field("amo_mrif", &C::amo_mrif, "Interrupt files in memory are updated atomically")
          .source(kCapabilities)
          .field("msi_flat", &C::msi_flat, "MSI page tables; device contexts are then 64 bytes")
          .source(kCapabilities)
          .field("msi_mrif", &C::msi_mrif, "MSI entries may name an interrupt file in memory")
          .source(kCapabilities)
          .field("amo_hwad", &C::amo_hwad, "The unit can set accessed and dirty bits itself")
          .source(kCapabilities)
          .field("ats", &C::ats, "PCIe address translation services and page requests")
          .source(kCapabilities)
          .field("t2gpa", &C::t2gpa, "Translation requests may be answered with guest-physical addresses")
          .source(kCapabilities)
          .field("mixed_endian", &C::mixed_endian, "Both byte orders (END)")
          .source(kCapabilities)
          .field("interrupts", &C::interrupts, "How the unit raises its own interrupts (IGS)",
                 {{"msi", InterruptGeneration::msi},
                  {"wired", InterruptGeneration::wired},
                  {"both", InterruptGeneration::both}})
          .source(kCapabilities)
          .field("event_counters", &C::event_counters, "Event counters beside the cycle counter; 0: no monitor (HPM)")
          .range(0, 31)
          .source("seven recommended: RISC-V IOMMU 1.0 section 6.23")
          .field("debug", &C::debug, "Translation-request registers (DBG)")
          .source(kCapabilities)
          .field("physical_address_bits", &C::physical_address_bits, "Physical address size (PAS)")
          .range(32, 56)
          .source(kCapabilities)
          .field("pd8", &C::pd8, "Process directories of one level")
          .source(kCapabilities)
          .field("pd17", &C::pd17, "Process directories of two levels")
          .source(kCapabilities)
          .field("pd20", &C::pd20, "Process directories of three levels")
          .source(kCapabilities)
          .field("nonleaf_invalidation", &C::nonleaf_invalidation, "IOTINVAL may name non-leaf entries (NL)")
          .source("RISC-V IOMMU non-leaf PTE invalidation extension")
          .field("range_invalidation", &C::range_invalidation, "IOTINVAL may name ranges (S)")
          .source("RISC-V IOMMU address range invalidation extension")
          .field("big_endian", &C::big_endian, "fctl.BE at reset")
          .source("RISC-V IOMMU 1.0 section 6.4")
          .field("wired", &C::wired, "fctl.WSI at reset")
          .source("RISC-V IOMMU 1.0 section 6.4")
          .field("guest_32", &C::guest_32, "fctl.GXL at reset")
          .source("RISC-V IOMMU 1.0 section 6.4")
          .field("big_endian_writable", &C::big_endian_writable, "Software may change fctl.BE")
          .source("RISC-V IOMMU 1.0 section 6.4")
          .field("guest_32_writable", &C::guest_32_writable, "Software may change fctl.GXL")
          .source("RISC-V IOMMU 1.0 section 6.4")
          .field("msi_without_second_stage", &C::msi_without_second_stage,
                 "Device contexts may name an MSI table while their second stage is Bare")
          .source("the specification does not say; its reference model calls it misconfigured")
          .field("vector_bits", &C::vector_bits, "Writable bits of each icvec field: 2^n interrupt vectors")
          .range(0, 4)
          .source("RISC-V IOMMU 1.0 section 6.28")
          .field("bare_size_log2", &C::bare_size_log2,
                 "log2 of the range one IOTLB entry or ATS answer covers when both stages are Bare")
          .range(12, 48)
          .source("2 MiB or 1 GiB recommended: RISC-V IOMMU 1.0 section 3.6")
          .field("domain_stage", &C::domain_stage, "Stage the driver maps DMA domains with",
                 {{"first", Stage::first}, {"second", Stage::second}})
          .source("first in Linux (drivers/iommu/riscv)")
          .field("directory_levels", &C::directory_levels, "Levels of the device directory the driver sets up")
          .range(1, 3)
          .source("three first in Linux (drivers/iommu/riscv)")
          .field("fault_queue_entries", &C::fault_queue_entries, "Records in the driver's fault queue")
          .range(2, 32768)
          .power_of_two()
          .source("this model: one 4 KiB page")
          .field("page_queue_entries", &C::page_queue_entries, "Records in the driver's page-request queue")
          .range(2, 32768)
          .power_of_two()
          .source("this model: one 4 KiB page")
          .check([](const C& c, base::Report& r) {
            const auto [key, message] = c.contradiction();
            if (!message.empty()) r.error(key, message);
          });
  return f;
}

std::pair<std::string, std::string> RiscvConfig::contradiction() const {
  if (sv57 && !sv48) return {"sv57", "needs sv48"};
  if (sv48 && !sv39) return {"sv48", "needs sv39"};
  if (msi_mrif && !msi_flat) return {"msi_mrif", "needs msi_flat"};
  if (big_endian_writable && !mixed_endian) return {"big_endian_writable", "needs mixed_endian"};
  if (wired && interrupts == InterruptGeneration::msi) return {"wired", "needs interrupts: wired or both"};
  if (!wired && interrupts == InterruptGeneration::wired) return {"wired", "must be true with interrupts: wired"};
  return {};
}

RiscvConfig RiscvConfig::from_capabilities(std::uint64_t capabilities) {
  RiscvConfig c;
  for (const Flag& f : kFlags) c.*f.member = get(capabilities, f.bit);
  c.interrupts = static_cast<InterruptGeneration>(get(capabilities, 29, 28));
  c.event_counters = get(capabilities, 30) ? 7 : 0;
  c.physical_address_bits = static_cast<std::uint8_t>(get(capabilities, 37, 32));
  c.wired = c.interrupts == InterruptGeneration::wired;
  return c;
}

std::uint64_t RiscvConfig::capabilities() const {
  std::uint64_t word = kVersion;
  for (const Flag& f : kFlags) word |= put(this->*f.member, f.bit);
  return word | put(static_cast<std::uint64_t>(interrupts), 29, 28) | put(event_counters != 0, 30) |
         put(physical_address_bits, 37, 32);
}

std::uint32_t RiscvConfig::fctl() const {
  return (big_endian ? feature::kBigEndian : 0) | (wired ? feature::kWired : 0) | (guest_32 ? feature::kGuest32 : 0);
}

unsigned RiscvConfig::device_id_bits(unsigned levels) const {
  if (levels == 3) return 24;
  return (msi_flat ? 6 : 7) + (levels == 2 ? 9 : 0);
}

std::unique_ptr<Architecture> RiscvConfig::make_architecture() const { return std::make_unique<Unit>(*this); }
std::unique_ptr<Driver> RiscvConfig::make_driver() const {
  const auto [key, message] = contradiction();
  if (!message.empty()) throw base::UserError("riscv." + key + ": " + message);
  return std::make_unique<RiscvDriver>(*this);
}

}  // namespace iommusim::iommu::riscv
