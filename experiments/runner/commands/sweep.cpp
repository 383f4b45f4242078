#include <unistd.h>

#include <iostream>
#include <thread>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/sweep/slurm.h"
#include "experiments/runner/sweep/status.h"
#include "experiments/runner/sweep/sweep.h"
#include "models/base/units.h"

namespace iommusim::runner {
namespace {

namespace po = boost::program_options;

/// A quantity of an option. A bare number is told the unit that runs are counted in, not that of the models.
template <class T>
T value_of(base::Parsed<T> (*parse)(std::string_view), const std::string& text, const char* option, const char* unit) {
  const base::Parsed<T> parsed = parse(text);
  if (parsed) return *parsed.value;
  const std::string with_unit = text + " " + unit;
  throw UsageError(std::string(option) + ": " +
                   (parse(with_unit) ? "'" + text + "' has no unit: write '" + with_unit + "'" : parsed.error));
}

unsigned processors() {
  // Those this process may use, not those the machine has: batch systems confine.
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

/// "3/16": the third of sixteen parts, counted from 0.
SweepOptions::Share share_of(const std::string& text) {
  SweepOptions::Share share;
  char slash = 0, rest = 0;
  if (std::sscanf(text.c_str(), "%u%c%u%c", &share.part, &slash, &share.of, &rest) != 3 || slash != '/' ||
      share.part >= share.of)
    throw UsageError("--share: expected a part and their number, such as 0/16");
  return share;
}

}  // namespace

int sweep_command(const Command& self, const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "status") {
    if (arguments.size() != 2) throw UsageError("expected: sweep status DIR");
    std::cout << sweep_status(arguments[1]);
    return exit_ok;
  }
  CommandOptions options(
      self,
      "Runs every point of a study in a pool of processes, then writes results.csv (a row per run), its columns with\n"
      "units (results.columns.json) and study.json, and says which claims hold. All points are checked before the "
      "first\n"
      "one runs. With --resume only what lacks a valid result runs: one of the same configuration and version. Exit\n"
      "status 1 when a run failed, a claim does not hold, or the sweep was interrupted. `sweep status` tells how far "
      "a\n"
      "sweep is.");
  options.add()("output,o", po::value<std::string>(),
                "Folder (default: results/NAME after the study's folder and file)")(
      "jobs,j", po::value<unsigned>(), "Processes at a time (default: as many as processors)")(
      "resume", "Goes on with what is there")("force", "Replaces what is there")(
      "timeout", po::value<std::string>(), "Wall-clock time a run may take, e.g. \"90 s\"")(
      "memory", po::value<std::string>(), "Memory a run may take, e.g. \"2 GiB\"")(
      "retry", po::value<unsigned>(), "Times a failed run is tried again (default: 0)")(
      "prepare", "Checks and writes study.json, runs nothing: for --share, --export-runs and collect")(
      "share", po::value<std::string>(),
      "PART/PARTS: runs this part of the points of a sweep that others share, with --resume")(
      "export-runs", "Prints the command line of each run instead, for GNU parallel and the like")(
      "slurm", "Submits the runs to a Slurm cluster as a job array, and a job that collects after it")(
      "points-per-task", po::value<unsigned>(), "Points of an element of the array (default: at most 200 elements)")(
      "sbatch", po::value<std::string>(), "Further options for sbatch, both jobs, e.g. \"-p main -c 8 -t 60\"")(
      "quiet,q", "Prints claims and failures only");
  options.positional("file", 1);
  options.refuse("set,s", "a study takes no -s: write settings of every point in it, under `set:`");
  if (!options.parse(arguments)) return exit_ok;
  options.require("file", "a study");
  const std::string file = options.words("file").front();
  SweepOptions sweep;
  sweep.output = options.has("output") ? std::filesystem::path(options.word("output")) : default_sweep_output(file);
  sweep.jobs = options.has("jobs") ? options.number("jobs") : processors();
  if (sweep.jobs == 0 || sweep.jobs > 4096) throw UsageError("--jobs: expected 1 to 4096");
  sweep.resume = options.has("resume");
  sweep.force = options.has("force");
  if (sweep.resume && sweep.force) throw UsageError("--resume keeps what --force replaces: give one of them");
  sweep.quiet = options.has("quiet");
  if (options.has("timeout"))
    sweep.limits.seconds = value_of(&base::parse_time, options.word("timeout"), "--timeout", "s").seconds();
  if (options.has("memory"))
    sweep.limits.memory = value_of(&base::parse_bytes, options.word("memory"), "--memory", "GiB").value();
  if (options.has("retry")) sweep.retry = options.number("retry");
  if (sweep.retry > 1000) throw UsageError("--retry: expected 0 to 1000");
  sweep.prepare = options.has("prepare");
  if (options.has("share")) sweep.share = share_of(options.word("share"));
  if (sweep.share && !sweep.resume) throw UsageError("--share joins a sweep: give --resume, too");
  const auto study = load_study(file);
  if (options.has("export-runs")) {
    std::cout << export_runs(*study, sweep.output);
    return exit_ok;
  }
  if (options.has("slurm")) {
    SlurmOptions slurm;
    if (options.has("points-per-task")) {
      slurm.points_per_task = options.number("points-per-task");
      if (slurm.points_per_task == 0 || slurm.points_per_task > 1000000)
        throw UsageError("--points-per-task: expected 1 to 1000000");
    }
    if (options.has("sbatch")) slurm.sbatch = options.word("sbatch");
    return submit_to_slurm(*study, sweep, slurm);
  }
  return run_sweep(*study, sweep);
}

}  // namespace iommusim::runner
