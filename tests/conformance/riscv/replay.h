// Replays one scenario on a machine and compares each operation.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/conformance/riscv/machine.h"
#include "tests/conformance/riscv/scenario.h"

namespace iommusim::conformance {

struct Tally {
  std::uint64_t passed = 0, failed = 0;
  std::uint64_t skipped = 0;  ///< differ where the specification leaves the result to the implementation
  Tally& operator+=(const Tally& t) {
    passed += t.passed;
    failed += t.failed;
    skipped += t.skipped;
    return *this;
  }
};

/// The configuration a scenario asks for. Throws BadFile where it cannot be had.
iommu::riscv::RiscvConfig config_of(const Scenario& scenario);

/// `report`: called with each disagreement.
Tally replay(const Scenario& scenario, Machine& machine, const std::function<void(const std::string&)>& report);

}  // namespace iommusim::conformance
