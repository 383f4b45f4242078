// A sweep: the runs of a study's points in a pool of processes, and what they show.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "experiments/runner/sweep/pool.h"
#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

struct SweepOptions {
  std::filesystem::path output;
  unsigned jobs = 1;
  bool resume = false, force = false, quiet = false;
  PoolLimits limits;
  unsigned retry = 0;
  bool prepare = false;  ///< checks and writes study.json, runs nothing
  /// One of several sweeps that share a folder: runs points i with i % of == part only, and collects nothing.
  struct Share {
    unsigned part = 0, of = 1;
  };
  std::optional<Share> share;
};

/// Runs what has no valid result yet, collects, prints. Returns an ExitCode: exit_failed when a run failed, a claim
/// does not hold, or the sweep was interrupted. Throws base::UserError before anything is written.
int run_sweep(const Study& study, const SweepOptions& options);

/// Whether every run of the study has a valid result in the folder.
bool is_complete(const Study& study, const std::filesystem::path& output);

/// The command line of each run that has no valid result, for other tools to run: one per line, each idempotent. With
/// `until` further ones follow from their results: exported again when those are there, until there are none.
std::string export_runs(const Study& study, const std::filesystem::path& output);

/// A word for a shell, whatever is in it.
std::string shell_quoted(const std::string& text);

/// "results/FOLDER" for FOLDER/sweep.yaml, "results/FOLDER-NAME" for FOLDER/NAME.yaml.
std::filesystem::path default_sweep_output(const std::string& study_file);

}  // namespace iommusim::runner
