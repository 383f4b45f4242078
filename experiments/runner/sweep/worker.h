// One run of a sweep, in a process of its own.
#pragma once

#include "experiments/runner/sweep/record.h"

namespace iommusim::runner {

/// Runs an experiment into its folder, publishes it, and writes a line of JSON to `report`: the row of metrics and the
/// CPU seconds of the simulation. Returns the exit status; says on standard error why one is not 0. A valid result that
/// somebody else has put there meanwhile is as good.
int run_in_worker(const ExperimentConfig& config, const Provenance& provenance,
                  const std::vector<MetricColumn>& metrics, const std::filesystem::path& path, int report);

/// CPU time of this process so far.
double cpu_seconds();

/// What run_in_worker reported.
struct WorkerReport {
  std::vector<double> row;
  double cpu = 0;
};
/// Throws base::UserError when it is no report.
WorkerReport parse_report(const std::string& text);

/// Builds the machine of a configuration in a process of its own and lets it take its first steps: what a run would
/// refuse only then. Throws base::UserError.
void try_machine(const ExperimentConfig& config);

/// Finds units and descriptions of the study's metrics by building machines of some of its points, each in a process
/// of its own, which also takes its first steps. Throws base::ConfigError for a metric that none of them has: the
/// points tried have every value of every factor.
std::vector<MetricColumn> find_metrics(const Study& study, const Resolver& resolver, unsigned processes);

}  // namespace iommusim::runner
