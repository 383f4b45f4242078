// A sweep as jobs of a Slurm cluster: an array whose elements run shares of the points, and a job that collects after
// them.
#pragma once

#include <string>

#include "experiments/runner/sweep/sweep.h"

namespace iommusim::runner {

struct SlurmOptions {
  std::size_t points_per_task = 0;  ///< 0: so that there are at most 200 elements
  std::string sbatch;  ///< further options of sbatch for both jobs, e.g. "-p main --mem=4G -t 30"; quoted as in a shell
};

/// Prepares the folder, writes the job scripts into its folder `slurm`, submits both, says their numbers. Returns an
/// ExitCode. Throws base::UserError when sbatch refuses, or jobs of an earlier call are in the queue still.
int submit_to_slurm(const Study& study, SweepOptions options, const SlurmOptions& slurm);

/// How many elements an array gets: `points_per_task` as asked, more when there would be more elements than `most`.
std::size_t elements_of(std::size_t points, std::size_t points_per_task, std::size_t most);

/// The script of the array's elements. All paths are absolute, as a job starts elsewhere with another PATH.
std::string array_script(const std::string& program, const std::string& study, const SweepOptions& options,
                         std::size_t elements);

}  // namespace iommusim::runner
