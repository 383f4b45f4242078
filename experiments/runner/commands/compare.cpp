#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/sweep/compare.h"

namespace iommusim::runner {

int compare_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Compares two result folders, or two sweeps point by point: value in A, in B, relative change. Where\n"
      "points have replications, p is the probability that means differ as much by chance (Welch's\n"
      "t-test); among hundreds of figures some p are small by chance alone, so `p (Holm)` is p corrected for\n"
      "the number of figures compared (those of -m): below 0.05 all such changes are real with 95 %.\n"
      "Sorted by the size of the change; what is equal is left out. Exit status 0 whatever differs.");
  options.add()("metric,m", boost::program_options::value<std::vector<std::string>>(),
                "Only metrics whose path contains this text; repeatable")("all", "Also what is equal")(
      "csv", "Prints comma-separated values with all digits");
  options.positional("folder", 2);
  if (!options.parse(arguments)) return exit_ok;
  const auto folders = options.words("folder");
  if (folders.size() != 2) throw UsageError("two result folders are needed: compare A B");
  CompareOptions how;
  how.metrics = options.words("metric");
  how.all = options.has("all");
  how.csv = options.has("csv");
  std::cout << compare_text(folders[0], folders[1], how);
  return exit_ok;
}

}  // namespace iommusim::runner
