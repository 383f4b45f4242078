// The shared services of one simulation, made together and in the right order. One per process (SystemC has one global
// context).
#pragma once

#include "models/tlm/context.h"

namespace iommusim::tlm {

struct Simulation {
  explicit Simulation(std::uint64_t seed = 1, Scheduler::Kind kind = Scheduler::Kind::wheel)
      : scheduler(kind), context(scheduler, pool, stats, seed) {}

  base::Group stats;
  PayloadPool pool;
  Scheduler scheduler;
  Context context;
};

}  // namespace iommusim::tlm
