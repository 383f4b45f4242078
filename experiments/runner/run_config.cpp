#include "experiments/runner/run_config.h"

namespace iommusim::runner {

const base::Fields<RunConfig>& RunConfig::fields() {
  static const base::Fields<RunConfig> f =
      base::Fields<RunConfig>("run", "Warm-up, measurement window and drain of a run")
          .field("warm_up", &RunConfig::warm_up,
                 "Simulated time before the measurement window; its statistics are dropped")
          .at_most(base::Time::ms(100000))
          .field("measure", &RunConfig::measure,
                 "Length of the measurement window; 0 ns: until `dmas`, or until the workloads have finished")
          .at_most(base::Time::ms(100000))
          .field("dmas", &RunConfig::dmas,
                 "Ends the window with this many DMAs completed in it, all endpoints together; 0: no such end")
          .at_most(1000000000000)
          .field("drain_timeout", &RunConfig::drain_timeout,
                 "Simulated time in which everything in flight must finish once no more is issued; beyond it the run "
                 "has failed")
          .range(base::Time::ns(1), base::Time::ms(100000))
          .field("time_limit", &RunConfig::time_limit,
                 "Simulated time by which the window must have ended; beyond it the run has failed")
          .range(base::Time::ns(1), base::Time::ms(1000000))
          .field("seed", &RunConfig::seed, "Seed of every random stream")
          .check([](const RunConfig& c, base::Report& r) {
            if (c.warm_up + c.measure > c.time_limit)
              r.error("time_limit", "must not be shorter than warm_up and measure together");
          });
  return f;
}

}  // namespace iommusim::runner
