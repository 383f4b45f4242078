// Capabilities of scalable mode, as the CAP and ECAP registers of a VT-d unit report them, and what its driver makes of
// them. All of it is out of use in legacy mode.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "models/base/config/variants.h"
#include "models/iommu/api/commands.h"

namespace iommusim::iommu::vtd {

struct ScalableConfig {
  bool first_stage = true;
  bool first_stage_5_levels = true;
  bool first_stage_1g = true;
  bool second_stage = true;
  bool nested = true;
  bool second_stage_dirty = true;
  std::uint8_t pasid_bits = 20;
  bool rid_pasid = true;
  bool rid_privileged = false;
  bool page_requests = false;
  bool page_request_drain = true;
  bool supervisor_requests = true;
  bool execute_requests = false;
  bool extended_accessed = false;
  bool coherent_walks = true;

  // the driver's
  TableStage domain_stage = TableStage::second;
  bool track_dirty = false;
  std::uint32_t page_queue_entries = 2048;

  static const base::Fields<ScalableConfig>& fields();
  /// What contradicts something else, as (key, message).
  std::pair<std::string, std::string> contradiction() const;
  /// True if something differs from its default: meaningless in legacy mode.
  bool touched() const;
  std::uint64_t cap() const;   ///< bits of CAP_REG (section 11.4.2) that belong to scalable mode
  std::uint64_t ecap() const;  ///< bits of ECAP_REG (section 11.4.3)
};

}  // namespace iommusim::iommu::vtd
