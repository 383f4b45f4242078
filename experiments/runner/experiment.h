// An experiment as its file describes it: a run and the platform it runs on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/runner/run_config.h"
#include "experiments/runner/trace/trace_config.h"
#include "models/base/config/config.h"
#include "models/endpoints/trace/player_config.h"
#include "platforms/config/platform_config.h"
#include "platforms/config/workload_use_config.h"

namespace iommusim::runner {

/// The root of every configuration file: experiments, platforms (no endpoints that do anything) and parts of them.
struct ExperimentConfig {
  std::string name;
  std::string description;
  RunConfig run;
  TraceConfig trace;
  platforms::PlatformConfig platform;
  std::vector<platforms::WorkloadUseConfig> workloads;
  std::optional<ep::TracePlayerConfig> replay;
  static const base::Fields<ExperimentConfig>& fields();
};

/// Reads and checks a loaded document. The path of a trace is made absolute: it is relative to the file that names it,
/// or to the current folder when `-s` does. Errors go to `diagnostics`.
ExperimentConfig read_experiment(const base::Node& root, base::Diagnostics& diagnostics);

/// Reads and checks a file with `-s` overrides. Throws base::ConfigError with every error found.
ExperimentConfig load_experiment(const std::string& file, const std::vector<std::string>& overrides);

}  // namespace iommusim::runner
