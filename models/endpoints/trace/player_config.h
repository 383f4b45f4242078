// How a recorded trace is replayed. Meaning, unit, range and source of each member: fields().
#pragma once

#include <cstdint>
#include <string>

#include "models/base/config/fields.h"

namespace iommusim::ep {

/// When the records of a trace happen.
enum class Pace {
  serial,    ///< each finishes before the next starts
  recorded,  ///< at their recorded times, scaled, or as soon after as dependencies allow
  fastest    ///< as soon as dependencies allow
};

/// Under which domain type the devices run.
enum class ReplayDomain {
  recorded,  ///< that of the recording, with its addresses and exactly its invalidations
  identity,  ///< passed through, to the physical pages of the recording
  dma,       ///< "DMA": addresses of our own, invalidations as the strict policy makes them
  dma_fq     ///< "DMA-FQ": the same with the lazy policy
};

struct TracePlayerConfig {
  std::string file;
  Pace pace = Pace::fastest;
  double time_scale = 1.0;
  ReplayDomain domain = ReplayDomain::recorded;
  unsigned window = 1024;
  static const base::Fields<TracePlayerConfig>& fields();
};

}  // namespace iommusim::ep
