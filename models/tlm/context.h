// The services every module of one simulation shares, passed by reference to each constructor.
#pragma once

#include <cstdint>

#include "models/base/stats/group.h"
#include "models/tlm/payload_pool.h"
#include "models/tlm/scheduler.h"

namespace iommusim::tlm {

/// How deep the running code is in transport calls of either direction. Ports keep it, so that none ever calls the
/// opposite path from inside a transport call, whichever module asked for it (DESIGN section 3.2).
struct TransportDepth {
  unsigned forward = 0;
  unsigned backward = 0;
};

class Tracer;

struct Context {
  Context(Scheduler& scheduler_, PayloadPool& pool_, base::Group& stats_, std::uint64_t seed_)
      : scheduler(scheduler_), pool(pool_), stats(stats_), seed(seed_) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Scheduler& scheduler;
  PayloadPool& pool;
  base::Group& stats;  ///< root of the metrics; a Module has its own group, stats()
  std::uint64_t seed;  ///< of the run; named streams are derived from it
  TransportDepth transport;
  Tracer* tracer = nullptr;  ///< who draws the run's time line (tracer.h); null: nobody. Set before anything moves
};

}  // namespace iommusim::tlm
