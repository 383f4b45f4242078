#include <fmt/format.h>
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/sweep/collect.h"

namespace iommusim::runner {

int collect_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Writes results.csv, results.columns.json and study.json of a sweep's folder from the results\n"
      "that are there, and says which claims hold. Results read once are not read again. Exit status 1\n"
      "when a run is missing or failed, or a claim does not hold.");
  options.add()("quiet,q", "Prints claims and failures only");
  options.positional("folder", 1);
  if (!options.parse(arguments)) return exit_ok;
  options.require("folder", "the folder of a sweep");
  const std::filesystem::path root = options.words("folder").front();
  const SweepRecord record = read_study(root);
  const SweepLayout layout(std::filesystem::absolute(root).lexically_normal(), record.replicated);
  Journal journal(layout.root(), "journal-collect.jsonl");
  RunIndex index(record, layout);
  index.note_in(&journal);
  const SweepOutcome outcome = collect(record, layout, index);
  if (!options.has("quiet"))
    std::cout << fmt::format("{} of {} runs in {}\n", outcome.done, outcome.runs, layout.results().string());
  std::cout << claims_text(record, outcome);
  std::cout.flush();
  if (outcome.failed > 0)
    std::cerr << fmt::format("iommusim: {} of {} runs failed\n", outcome.failed, outcome.runs)
              << failures_text(outcome);
  if (outcome.pending > 0) std::cerr << fmt::format("iommusim: {} runs have no result yet\n", outcome.pending);
  bool held = true;
  for (const ClaimResult& c : outcome.claims) held = held && c.status == ClaimStatus::pass;
  return outcome.failed == 0 && outcome.pending == 0 && held ? exit_ok : exit_failed;
}

}  // namespace iommusim::runner
