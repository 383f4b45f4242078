#include <iostream>
#include <nlohmann/json.hpp>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
#include "experiments/runner/sweep/study_config.h"

namespace iommusim::runner {

int schema_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Prints the JSON Schema (draft 2020-12) of configuration files, or with `study` that of studies. Editors with a\n"
      "YAML language server use it for completion and checks while typing.");
  options.positional("kind", 1);
  if (!options.parse(arguments)) return exit_ok;
  const auto kind = options.words("kind");
  if (!kind.empty() && kind.front() != "study" && kind.front() != "experiment")
    throw UsageError("unknown kind '" + kind.front() + "'. Known: experiment, study");
  const bool study = !kind.empty() && kind.front() == "study";
  const base::FieldList& fields =
      study ? static_cast<const base::FieldList&>(StudyConfig::fields()) : ExperimentConfig::fields();
  std::cout << base::json_schema(fields).dump(2) << "\n";
  return exit_ok;
}

}  // namespace iommusim::runner
