// Capabilities of a VT-d unit, as its CAP and ECAP registers report them, and what its driver chooses.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/base/config/variants.h"
#include "models/iommu/api/factory.h"
#include "models/iommu/arch/vtd/scalable_config.h"

namespace iommusim::iommu::vtd {

/// Departures from the specification, of implementations that published data come from.
struct Quirks {
  /// Bits of the page number that a page-selective IOTLB invalidation compares, from the lowest. 64: all, as specified.
  /// 8: QEMU before 10.0, which cuts the mask ~((1 << AM) - 1) to a byte, so that pages equal in those 8 bits go too.
  std::uint8_t page_mask_bits = 64;
  static const base::Fields<Quirks>& fields();
};

/// How contexts are found and what they say (RTADDR.TTM): by device alone, or by device and PASID.
enum class Mode : std::uint8_t { legacy, scalable };

struct VtdConfig : ArchitectureConfig {
  Mode mode = Mode::legacy;
  std::uint8_t host_address_bits = 46;
  std::uint8_t guest_address_bits = 48;
  std::vector<unsigned> table_levels{3, 4};
  bool superpages_2m = true;
  bool superpages_1g = true;
  std::uint8_t domain_id_bits = 16;
  bool pass_through = true;
  bool device_tlb = false;
  bool snoop_control = false;
  bool coherent_walks = true;
  bool caching_mode = false;
  bool zero_length_reads = true;
  bool draining = true;
  std::uint8_t max_address_mask = 18;
  std::uint16_t fault_records = 8;
  bool interrupt_remapping = true;
  bool extended_interrupt_mode = false;
  bool implied_invalidation = false;
  std::uint32_t interrupt_entries = 65536;
  ScalableConfig scalable;
  Quirks quirks;

  static const base::Fields<VtdConfig>& fields();
  std::unique_ptr<Architecture> make_architecture() const override;
  std::unique_ptr<Driver> make_driver() const override;

  /// What contradicts something else, as (key, message); both empty if nothing does. For structs filled in by code,
  /// make_* throws it as base::UserError.
  std::pair<std::string, std::string> contradiction() const;
  bool is_scalable() const { return mode == Mode::scalable; }
  bool supports_levels(unsigned levels) const;
  unsigned most_levels() const;
  /// Bits of address a second stage of so many levels takes: its width, at most the unit's.
  unsigned second_stage_bits(unsigned levels) const;
  bool supports_page(unsigned level) const;  ///< may an entry at this level map a page?
  std::uint64_t cap() const;                 ///< CAP_REG, section 11.4.2
  std::uint64_t ecap() const;                ///< ECAP_REG, section 11.4.3
};

}  // namespace iommusim::iommu::vtd
