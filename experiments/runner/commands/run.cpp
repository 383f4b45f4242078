#include <filesystem>
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/output_folder.h"
#include "experiments/runner/provenance.h"
#include "experiments/runner/result_folder.h"
#include "experiments/runner/summary.h"
#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

int run_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Runs the experiment and writes a folder of results: result.json (every metric), resolved.yaml (every setting;\n"
      "running it gives the same result.json), latency.csv (histograms), worst.json (the slowest DMAs), topology.json\n"
      "(PCIe tree, IOMMU groups), run.log (wall-clock figures), and as the `trace` section asks trace.json (what every "
      "part\n"
      "does, as tracks for ui.perfetto.dev), timeline.csv (figures over time), tlp.csv (packets on the links). The\n"
      "folder appears whole, or not at all: not when the run fails or is interrupted (Ctrl-C).");
  options.add()("set,s", boost::program_options::value<std::vector<std::string>>(),
                "PATH=VALUE: sets a configuration key, e.g. platform.iommu.unit.walkers=4")(
      "output,o", boost::program_options::value<std::string>(), "Result folder (default: results/NAME)")(
      "force", "Replaces an existing result folder")("quiet,q", "No progress bar, no summary");
  options.positional("file", 1);
  if (!options.parse(arguments)) return exit_ok;
  options.require("file", "a configuration file");
  const std::string file = options.words("file").front();
  if (names_a_study(file)) throw base::UserError(file + ": this is a study: use `iommusim sweep`");
  const ExperimentConfig config = load_experiment(file, options.words("set"));
  if (config.workloads.empty() && !config.replay)
    throw base::UserError(file + ": nothing to run: it has neither `workloads` nor `replay`");
  OutputFolder folder(options.has("output") ? std::filesystem::path(options.word("output"))
                                            : std::filesystem::path("results") / config.name,
                      options.has("force"));
  try {
    Progress progress(!options.has("quiet"));
    const RunOutcome outcome = run_into(folder, config, provenance_of(config), progress);
    folder.publish();
    if (!options.has("quiet")) {
      std::cout << summary(outcome.result, config) << "results in " << folder.path().string() << "\n";
    }
    return exit_ok;
  } catch (const RunFailed& e) {
    std::cerr << "iommusim: " << e.what() << (std::string(e.what()).back() == '\n' ? "" : "\n");
    return exit_failed;
  }
}

}  // namespace iommusim::runner
