// When a run starts and stops measuring, and its seed.
#pragma once

#include <cstdint>

#include "models/base/config/config.h"

namespace iommusim::runner {

/// The `run` section of an experiment. The window ends after `measure`, or with the DMA number `dmas` that completes in
/// it, or (both zero) when every workload has finished; whichever comes first.
struct RunConfig {
  base::Time warm_up;
  base::Time measure;
  std::uint64_t dmas = 0;
  base::Time drain_timeout = base::Time::ms(1);
  base::Time time_limit = base::Time::ms(100000);
  std::uint64_t seed = 1;
  static const base::Fields<RunConfig>& fields();
};

}  // namespace iommusim::runner
