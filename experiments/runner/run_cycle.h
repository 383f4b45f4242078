// The life of a run: boot, warm-up, measurement window, drain.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "experiments/runner/experiment.h"
#include "experiments/runner/progress.h"
#include "experiments/runner/result_document.h"
#include "experiments/runner/trace/trace_files.h"

namespace iommusim::runner {

/// The run did not come to a result (exit status 1): interrupted, stuck, out of its time limit.
class RunFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a run gives. The first three are a function of configuration, inputs, seed and version alone.
struct RunOutcome {
  nlohmann::ordered_json result;
  std::string latency_csv;
  std::string worst_json;
  // For run.log:
  double wall_seconds = 0;
  double window_wall_seconds = 0;
  base::Time simulated;
  std::uint64_t dmas = 0;  ///< completed, warm-up and drain included
  std::uint64_t window_dmas = 0;
  std::uint64_t kernel_events = 0;
  std::uint64_t dispatches = 0;
  std::size_t payloads = 0;  ///< most that were ever in flight
};

/// Runs an experiment to its end. Once per process. Throws RunFailed, base::UserError.
/// `traces`: what is recorded over time; null: nothing.
RunOutcome run_experiment(const ExperimentConfig& config, const Provenance& provenance, Progress& progress,
                          TraceFiles* traces = nullptr);

}  // namespace iommusim::runner
