// The files of one run, written into its folder: what `iommusim run` and each run of a sweep leave.
#pragma once

#include <optional>
#include <string>

#include "experiments/runner/output_folder.h"
#include "experiments/runner/run_cycle.h"

namespace iommusim::runner {

/// Runs an experiment (once per process) and writes result.json, resolved.yaml, latency.csv, run.log and the traces
/// asked for. The folder is not published. Throws RunFailed, base::UserError.
RunOutcome run_into(OutputFolder& folder, const ExperimentConfig& config, const Provenance& provenance,
                    Progress& progress);

/// What a result says of its origin, read from the head of result.json alone.
struct ResultHead {
  std::string version, configuration_sha256;
  std::uint64_t seed = 0;
};
/// Nothing when the folder holds no result.json, or one that is not whole up to there.
std::optional<ResultHead> read_result_head(const std::filesystem::path& folder);

}  // namespace iommusim::runner
