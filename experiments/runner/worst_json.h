// worst.json: the slowest DMAs of the measurement window, each with the parts of its latency in the order they passed.
#pragma once

#include <string>

#include "platforms/platform.h"

namespace iommusim::runner {

/// {"schema": 1, "dmas": [{endpoint, direction, iova, bytes, translated, iotlb_hit, intended_ps, latency_ps,
/// parts: [{part, until_ps}]}]}: at most ep::SlowestDmas::kept of all functions together, slowest first, one DMA per
/// line. A part begins where the one before it ends, the first at intended_ps; a part that took no time is left out;
/// the last ends at intended_ps + latency_ps. Names are those of the breakdown in result.json.
std::string worst_json(const platforms::Platform& platform);

}  // namespace iommusim::runner
