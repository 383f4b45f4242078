// Comparison of what an operation gave with what the vectors say it should give.
#pragma once

#include <string>

#include "tests/conformance/riscv/scenario.h"

namespace iommusim::conformance {

/// What differs, as "key: expected X, got Y; ..."; empty if all that is to be compared agrees. `got` holds the members
/// that expected results may have, lists and memory included; `op` decides what a model may answer otherwise.
std::string differences(const Json& op, const Json& expected, const Json& got, bool records_listed);

}  // namespace iommusim::conformance
