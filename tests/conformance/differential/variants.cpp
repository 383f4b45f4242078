#include "tests/conformance/differential/variants.h"

#include <algorithm>

#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/vtd/config.h"

namespace iommusim::test::differential {

namespace {

unsigned nine_per_level(unsigned levels) { return 12 + 9 * levels; }
unsigned lower_half(unsigned levels) { return nine_per_level(levels) - 1; }        // the upper half is the sign's
unsigned four_times_wider(unsigned levels) { return nine_per_level(levels) + 2; }  // Sv39x4 and its like

Variant vtd_legacy() {
  auto config = std::make_shared<vtd::VtdConfig>();
  config->guest_address_bits = 57;
  config->table_levels = {3, 4, 5};
  Variant v;
  v.name = "vtd_legacy";
  v.architecture = "vtd";
  v.pass_through_bits = config->guest_address_bits;
  v.config = config;
  v.levels = {3, 4, 5};
  v.address_bits = nine_per_level;
  return v;
}

Variant vtd_caching_mode() {
  Variant v = vtd_legacy();
  auto config = std::make_shared<vtd::VtdConfig>(dynamic_cast<const vtd::VtdConfig&>(*v.config));
  config->caching_mode = true;
  v.name = "vtd_caching_mode";
  v.config = config;
  return v;
}

Variant vtd_scalable(TableStage stage) {
  auto config = std::make_shared<vtd::VtdConfig>();
  const bool first = stage == TableStage::first;
  config->mode = vtd::Mode::scalable;
  config->guest_address_bits = 57;
  config->table_levels = {3, 4, 5};
  config->scalable.domain_stage = stage;
  Variant v;
  v.name = first ? "vtd_first_stage" : "vtd_second_stage";
  v.architecture = "vtd";
  v.pass_through_bits = config->host_address_bits;
  v.signed_addresses = first;
  v.config = config;
  v.levels = first ? std::vector<unsigned>{4, 5} : std::vector<unsigned>{3, 4, 5};
  v.address_bits = first ? lower_half : nine_per_level;
  v.write_implies_read = first;
  return v;
}

Variant riscv_stage(riscv::Stage stage) {
  auto config = std::make_shared<riscv::RiscvConfig>();
  config->domain_stage = stage;
  config->msi_flat = false;  // addresses of interrupts are tested elsewhere
  Variant v;
  v.name = stage == riscv::Stage::first ? "riscv_first_stage" : "riscv_second_stage";
  v.architecture = "riscv";
  v.config = config;
  v.levels = {3, 4, 5};
  v.address_bits = stage == riscv::Stage::first ? lower_half : four_times_wider;
  v.write_implies_read = true;
  // Page faults all, which the model counts as missing permission.
  v.not_mapped = v.beyond_reach = FaultKind::permission;
  return v;
}

}  // namespace

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = {vtd_legacy(),
                                           vtd_caching_mode(),
                                           vtd_scalable(TableStage::first),
                                           vtd_scalable(TableStage::second),
                                           riscv_stage(riscv::Stage::first),
                                           riscv_stage(riscv::Stage::second)};
  return all;
}

}  // namespace iommusim::test::differential
