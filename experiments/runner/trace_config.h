// What a run records packet by packet, beside its statistics.
#pragma once

#include "models/base/config/config.h"
#include "models/pcie/tlp_trace.h"

namespace iommusim::runner {

/// The `trace` section of an experiment. It watches only: results are the same with and without.
struct TraceConfig {
  pcie::TlpTraceConfig tlp;
  static const base::Fields<TraceConfig>& fields();
};

}  // namespace iommusim::runner
