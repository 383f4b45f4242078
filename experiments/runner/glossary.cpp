#include "experiments/runner/glossary.h"

#include <systemc>

#include "models/base/stats/interval_figures.h"
#include "models/tlm/simulation.h"
#include "platforms/platform.h"

namespace iommusim::runner {

namespace {

/// Some metrics appear with what they count, as those of a requester with its first request.
constexpr base::Time kFirstSteps = base::Time::us(20);

}  // namespace

nlohmann::ordered_json elaborate_metrics(const ExperimentConfig& config) {
  tlm::Simulation simulation(config.run.seed);
  platforms::Platform platform(simulation, config.platform, config.workloads, config.replay);
  ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);  // ends elaboration
  platform.boot();
  simulation.scheduler.run_until(simulation.scheduler.now() + kFirstSteps);
  const TimelineConfig& timeline = config.trace.timeline;
  if (timeline.csv) base::IntervalFigures(simulation.stats, timeline.metrics).require();
  return simulation.stats.to_json(simulation.scheduler.now());
}

}  // namespace iommusim::runner
