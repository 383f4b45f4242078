// latency.csv: the latency histogram of each endpoint, reads and writes apart.
#pragma once

#include <string>

#include "platforms/platform.h"

namespace iommusim::runner {

/// Rows endpoint,direction,low_ps,high_ps,count,cumulative: latencies x with low <= x <= high, cells 0.1 % wide.
/// `cumulative` is the count of this row and those before it.
std::string latency_csv(const platforms::Platform& platform);

}  // namespace iommusim::runner
