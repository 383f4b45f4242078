// run.log: how fast the simulator was. Wall-clock figures live here and nowhere else, because they differ from run to
// run.
#pragma once

#include <string>

#include "experiments/runner/run_cycle.h"

namespace iommusim::runner {

std::string run_log(const RunOutcome& outcome);

}  // namespace iommusim::runner
