#include "models/iommu/arch/vtd/config.h"

#include <algorithm>

#include "models/base/error.h"
#include "models/iommu/arch/vtd/driver.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/registers.h"
#include "models/iommu/arch/vtd/unit.h"

namespace iommusim::iommu::vtd {

namespace {
const base::Variants<ArchitectureConfig>::Entry<VtdConfig> entry("vtd", "Intel VT-d, legacy or scalable mode");
}

const base::Fields<Quirks>& Quirks::fields() {
  static const base::Fields<Quirks> f = base::Fields<Quirks>("vtd_quirks", "Departures from the VT-d specification")
                                            .field("page_mask_bits", &Quirks::page_mask_bits,
                                                   "Low bits of the page number that a page-selective IOTLB "
                                                   "invalidation compares; 64 is the specified rule, 8 that "
                                                   "of QEMU before 10.0")
                                            .range(1, 64)
                                            .source("VT-d rev. 4.0 section 6.5.2.3; 8 bits observed in QEMU 7.2");
  return f;
}

const base::Fields<VtdConfig>& VtdConfig::fields() {
  using C = VtdConfig;
  static const base::Fields<VtdConfig> f =
      base::Fields<VtdConfig>(
          "vtd",
          "Intel VT-d remapping unit: root and context tables with second-stage translation (legacy mode), or "
          "PASID tables with first-stage, second-stage and nested translation (scalable mode)")
          .field("mode", &C::mode, "Translation mode: what the unit can do (ECAP.SMTS) and the driver asks for (TTM)",
                 {{"legacy", Mode::legacy}, {"scalable", Mode::scalable}})
          .source("VT-d rev. 4.0 sections 3.4 and 11.4.5; Linux takes scalable mode where the unit has it")
          .field("host_address_bits", &C::host_address_bits,
                 "Host address width; table pointers beyond it are reserved bits")
          .range(32, 52)
          .source("VT-d rev. 4.0 section 8.1 (DMAR header); 46 on Xeon Scalable")
          .field("guest_address_bits", &C::guest_address_bits, "Largest address a device may use (CAP.MGAW)")
          .range(32, 57)
          .source("VT-d rev. 4.0 section 11.4.2")
          .list("table_levels", &C::table_levels, "Depths of second-stage tables the unit walks (CAP.SAGAW)")
          .range(3, 5)
          .items_between(1, 3)
          .source("VT-d rev. 4.0 section 11.4.2")
          .field("superpages_2m", &C::superpages_2m, "2 MiB pages (CAP.SLLPS bit 0)")
          .source("VT-d rev. 4.0 section 11.4.2")
          .field("superpages_1g", &C::superpages_1g, "1 GiB pages (CAP.SLLPS bit 1)")
          .source("VT-d rev. 4.0 section 11.4.2")
          .field("domain_id_bits", &C::domain_id_bits, "Bits of domain identifiers (CAP.ND): 4, 6, ... 16")
          .range(4, 16)
          .source("VT-d rev. 4.0 section 11.4.2")
          .field("pass_through", &C::pass_through, "Context entries may say pass through (ECAP.PT)")
          .source("VT-d rev. 4.0 section 11.4.3")
          .field("device_tlb", &C::device_tlb, "Devices may cache translations by ATS (ECAP.DT)")
          .source("VT-d rev. 4.0 section 11.4.3")
          .field("snoop_control", &C::snoop_control, "Page entries may set the snoop bit (ECAP.SC)")
          .source("VT-d rev. 4.0 section 11.4.3")
          .field("coherent_walks", &C::coherent_walks, "The unit reads its tables coherently (ECAP.C)")
          .source("VT-d rev. 4.0 section 11.4.3")
          .field("caching_mode", &C::caching_mode,
                 "Software invalidates after mapping too (CAP.CM), as virtual units ask for")
          .source("VT-d rev. 4.0 section 6.1")
          .field("zero_length_reads", &C::zero_length_reads, "Zero-length reads of write-only pages succeed (CAP.ZLR)")
          .source("VT-d rev. 4.0 section 11.4.2")
          .field("draining", &C::draining,
                 "Drain reads and writes where an invalidation asks for it (CAP.DRD, CAP.DWD)")
          .source("VT-d rev. 4.0 section 11.4.2")
          .field("max_address_mask", &C::max_address_mask,
                 "Largest page-selective invalidation, log2 of 4 KiB pages (CAP.MAMV)")
          .range(0, 63)
          .source("18 on Ivy Bridge-EP (datasheet volume 2, VTD1_CAP) and in QEMU")
          .field("fault_records", &C::fault_records, "Fault recording registers (CAP.NFR + 1)")
          .range(1, 256)
          .source("8 on Xeon E7 v2 (datasheet volume 2, VTD0_FLTREC[0:7])")
          .field("interrupt_remapping", &C::interrupt_remapping, "Interrupt remapping (ECAP.IR)")
          .source("VT-d rev. 4.0 section 5.1")
          .field("extended_interrupt_mode", &C::extended_interrupt_mode, "32-bit APIC identifiers (ECAP.EIM)")
          .source("VT-d rev. 4.0 section 5.1.4")
          .field("implied_invalidation", &C::implied_invalidation,
                 "Setting a table pointer empties the caches (CAP.ESRTPS, ESIRTPS)")
          .source("VT-d rev. 4.0 section 11.4.2")
          .field("interrupt_entries", &C::interrupt_entries, "Interrupt remapping table entries the driver allocates")
          .range(2, 65536)
          .power_of_two()
          .source("65536 in Linux (INTR_REMAP_TABLE_ENTRIES)")
          .object("scalable", &C::scalable, "Capabilities of scalable mode")
          .object("quirks", &C::quirks, "Departures from the specification")
          .check([](const C& c, base::Report& r) {
            const auto [key, message] = c.contradiction();
            if (!message.empty()) r.error(key, message);
          });
  return f;
}

std::pair<std::string, std::string> VtdConfig::contradiction() const {
  if (domain_id_bits % 2 != 0) return {"domain_id_bits", "must be even: CAP.ND reports 4, 6, ... 16 bits"};
  const unsigned reach = address_bits_of(most_levels());
  if (guest_address_bits > reach)
    return {"guest_address_bits", std::to_string(guest_address_bits) + " bits do not fit tables of " +
                                      std::to_string(most_levels()) + " levels, which map " + std::to_string(reach) +
                                      " bits"};
  if (superpages_1g && !superpages_2m)
    return {"superpages_1g", "needs superpages_2m: no unit reports 1 GiB pages alone"};
  if (!is_scalable() && scalable.touched()) return {"scalable", "needs mode: scalable"};
  if (is_scalable()) {
    const auto [key, message] = scalable.contradiction();
    if (!message.empty()) return {"scalable." + key, message};
    if (scalable.page_requests && !device_tlb) return {"scalable.page_requests", "needs device_tlb"};
  }
  if (extended_interrupt_mode && !interrupt_remapping) return {"extended_interrupt_mode", "needs interrupt_remapping"};
  return {};
}

bool VtdConfig::supports_levels(unsigned levels) const {
  return std::find(table_levels.begin(), table_levels.end(), levels) != table_levels.end();
}
unsigned VtdConfig::most_levels() const { return *std::max_element(table_levels.begin(), table_levels.end()); }
unsigned VtdConfig::second_stage_bits(unsigned levels) const {
  return std::min<unsigned>(address_bits_of(levels), guest_address_bits);
}
bool VtdConfig::supports_page(unsigned level) const {
  return level == 1 || (level == 2 && superpages_2m) || (level == 3 && superpages_1g);
}

std::uint64_t VtdConfig::cap() const {
  std::uint64_t widths = 0;
  for (const auto l : table_levels) widths |= bit(l - 2u);
  return put((domain_id_bits - 4u) / 2, 2, 0) | put(caching_mode, 7) | put(widths, 12, 8) |
         put(guest_address_bits - 1u, 21, 16) | put(zero_length_reads, 22) | put(reg::kFaultRecords / 16, 33, 24) |
         put(superpages_2m, 34) | put(superpages_1g, 35) | put(true, 39) | put(fault_records - 1u, 47, 40) |
         put(max_address_mask, 53, 48) | put(draining, 54) | put(draining, 55) |
         put(implied_invalidation && interrupt_remapping, 62) | put(implied_invalidation, 63) |
         (is_scalable() ? scalable.cap() : 0);
}

std::uint64_t VtdConfig::ecap() const {
  constexpr std::uint64_t kMaxHandleMask = 15;
  return put(coherent_walks, 0) | put(true, 1) | put(device_tlb, 2) | put(interrupt_remapping, 3) |
         put(extended_interrupt_mode, 4) | put(pass_through, 6) | put(snoop_control, 7) |
         put(reg::kInvalidateAddress / 16, 17, 8) | put(interrupt_remapping ? kMaxHandleMask : 0, 23, 20) |
         (is_scalable() ? scalable.ecap() : 0);
}

std::unique_ptr<Architecture> VtdConfig::make_architecture() const {
  const auto [key, message] = contradiction();
  if (!message.empty()) throw base::UserError("vtd." + key + ": " + message);
  return std::make_unique<Unit>(*this);
}
std::unique_ptr<Driver> VtdConfig::make_driver() const {
  const auto [key, message] = contradiction();
  if (!message.empty()) throw base::UserError("vtd." + key + ": " + message);
  return std::make_unique<VtdDriver>(*this);
}

}  // namespace iommusim::iommu::vtd
