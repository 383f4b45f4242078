#include <iostream>
#include <nlohmann/json.hpp>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"

namespace iommusim::runner {

int schema_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Prints the JSON Schema (draft 2020-12) of configuration files. Editors with a YAML language server use it for\n"
      "completion and checks while typing.");
  if (!options.parse(arguments)) return exit_ok;
  std::cout << base::json_schema(ExperimentConfig::fields()).dump(2) << "\n";
  return exit_ok;
}

}  // namespace iommusim::runner
