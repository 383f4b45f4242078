#include <algorithm>
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
#include "models/base/text.h"

namespace iommusim::runner {

int describe_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Without a name: every component of the configuration, one line each. With a name: each of its keys with\n"
      "type, default, range, meaning and source.");
  options.add()("markdown", "Prints the reference of every component as Markdown");
  options.positional("component", 1);
  if (!options.parse(arguments)) return exit_ok;
  const auto components = base::components(ExperimentConfig::fields());
  if (options.has("markdown")) {
    for (const base::FieldList* c : components) std::cout << base::markdown(*c) << "\n";
    return exit_ok;
  }
  const auto wanted = options.words("component");
  if (wanted.empty()) {
    std::size_t width = 0;
    for (const base::FieldList* c : components) width = std::max(width, c->component().size());
    for (const base::FieldList* c : components) {
      std::cout << c->component() << std::string(width + 2 - c->component().size(), ' ') << c->help() << "\n";
    }
    return exit_ok;
  }
  std::vector<std::string> known;
  for (const base::FieldList* c : components) {
    if (c->component() == wanted.front()) {
      std::cout << base::describe(*c);
      return exit_ok;
    }
    known.push_back(c->component());
  }
  throw UsageError("unknown component '" + wanted.front() + "'." + base::did_you_mean(wanted.front(), known) +
                   " Known: " + base::join(known));
}

}  // namespace iommusim::runner
