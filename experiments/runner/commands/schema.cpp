#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
#include "experiments/runner/sweep/study_config.h"
#include "models/base/text.h"

namespace iommusim::runner {

std::vector<std::string> schema_kinds() { return {"experiment", "study"}; }

int schema_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Prints the JSON Schema (draft 2020-12) of configuration files and parts of them (`experiment`, also without a\n"
      "kind), or that of studies (`study`).\n"
      "Editors with a YAML language server complete from it and check while one types; a file's first line names it:\n"
      "  # yaml-language-server: $schema=FILE");
  options.positional("kind", 1);
  if (!options.parse(arguments)) return exit_ok;
  const auto kind = options.words("kind");
  const auto known = schema_kinds();
  if (!kind.empty() && std::find(known.begin(), known.end(), kind.front()) == known.end())
    throw UsageError("unknown kind '" + kind.front() + "'." + base::did_you_mean(kind.front(), known) +
                     " Known: " + base::join(known));
  const bool study = !kind.empty() && kind.front() == "study";
  const base::FieldList& fields =
      study ? static_cast<const base::FieldList&>(StudyConfig::fields()) : ExperimentConfig::fields();
  std::cout << base::json_schema(fields).dump(2) << "\n";
  return exit_ok;
}

}  // namespace iommusim::runner
