// Every mode a walk can have: architecture, stages, levels, page sizes; and how many memory reads its definition says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/vtd/config.h"

namespace iommusim::test {

struct WalkMode {
  std::string unit;                            ///< "VT-d", "RISC-V"
  std::string name;                            ///< as the specification calls it
  unsigned first = 0, second = 0;              ///< levels of each stage; 0: not there
  unsigned first_page = 12, second_page = 12;  ///< log2 of the pages
  std::shared_ptr<const iommu::ArchitectureConfig> architecture;

  static unsigned steps(unsigned levels, unsigned page_log2) { return levels == 0 ? 0 : levels - (page_log2 - 12) / 9; }
  /// Entries read of page tables with nothing cached: each entry of the first stage lies at a guest-physical address,
  /// which takes the second stage to find, as does the result.
  unsigned reads() const {
    const unsigned one = steps(first, first_page), two = steps(second, second_page);
    return one * (two + 1) + two;
  }
};

inline std::vector<WalkMode> walk_modes() {
  std::vector<WalkMode> modes;
  const unsigned sizes[] = {12, 21, 30};
  auto vtd = std::make_shared<iommu::vtd::VtdConfig>();
  vtd->table_levels = {3, 4, 5};
  for (unsigned levels = 3; levels <= 5; ++levels) {
    for (const unsigned size : sizes)
      modes.push_back({"VT-d", "legacy, " + std::to_string(levels) + "-level", 0, levels, 12, size, vtd});
  }
  auto scalable = std::make_shared<iommu::vtd::VtdConfig>(*vtd);
  scalable->mode = iommu::vtd::Mode::scalable;
  const auto level = [](unsigned n) { return std::to_string(n) + "-level"; };
  for (unsigned levels = 4; levels <= 5; ++levels) {
    for (const unsigned size : sizes)
      modes.push_back({"VT-d", "scalable, first stage " + level(levels), levels, 0, size, 12, scalable});
  }
  for (unsigned levels = 3; levels <= 5; ++levels) {
    for (const unsigned size : sizes)
      modes.push_back({"VT-d", "scalable, second stage " + level(levels), 0, levels, 12, size, scalable});
  }
  for (unsigned first = 4; first <= 5; ++first) {
    for (unsigned second = 3; second <= 5; ++second) {
      for (const unsigned one : sizes) {
        for (const unsigned two : sizes)
          modes.push_back(
              {"VT-d", "scalable, " + level(first) + " over " + level(second), first, second, one, two, scalable});
      }
    }
  }
  auto riscv = std::make_shared<iommu::riscv::RiscvConfig>();
  const auto sv = [](unsigned levels) { return "Sv" + std::to_string(12 + 9 * levels); };
  for (unsigned levels = 3; levels <= 5; ++levels) {
    for (const unsigned size : sizes) modes.push_back({"RISC-V", sv(levels), levels, 0, size, 12, riscv});
  }
  for (unsigned levels = 3; levels <= 5; ++levels) {
    for (const unsigned size : sizes) modes.push_back({"RISC-V", sv(levels) + "x4", 0, levels, 12, size, riscv});
  }
  for (unsigned first = 3; first <= 5; ++first) {
    for (unsigned second = 3; second <= 5; ++second) {
      for (const unsigned one : sizes) {
        for (const unsigned two : sizes)
          modes.push_back({"RISC-V", sv(first) + " over " + sv(second) + "x4", first, second, one, two, riscv});
      }
    }
  }
  return modes;
}

}  // namespace iommusim::test
