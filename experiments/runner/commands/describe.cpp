#include <algorithm>
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
#include "experiments/runner/glossary.h"
#include "experiments/runner/sweep/figures.h"
#include "experiments/runner/sweep/study_config.h"
#include "experiments/runner/sweep/table.h"
#include "models/base/text.h"

namespace iommusim::runner {

namespace {

/// Metric, unit, meaning of everything the machine of a file measures, in the order of result.json.
void print_metrics(const std::string& file, bool markdown) {
  const auto metrics = elaborate_metrics(load_experiment(file, {}));
  std::vector<std::vector<std::string>> rows{{"metric", "unit", "meaning"}};
  for_each_figure(metrics, [&](const std::string& path, const FigureInfo& f) {
    rows.push_back({path, f.unit, f.description});
  });
  if (!markdown) {
    std::cout << aligned(rows);
    return;
  }
  rows.insert(rows.begin() + 1, {"---", "---", "---"});
  for (const auto& row : rows) std::cout << "| " << row[0] << " | " << row[1] << " | " << row[2] << " |\n";
}

}  // namespace

std::vector<const base::FieldList*> all_components() {
  auto components = base::components(ExperimentConfig::fields());
  for (const base::FieldList* c : base::components(StudyConfig::fields())) components.push_back(c);
  return components;
}

std::vector<std::string> component_names() {
  std::vector<std::string> names;
  for (const base::FieldList* c : all_components()) names.push_back(c->component());
  return names;
}

int describe_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Without a name: every component of the configuration, one line each. With a name: each of its keys with\n"
      "type, default, range, meaning and source. With --metrics: what the machine of a configuration measures.");
  options.add()("markdown", "Prints the reference of every component as Markdown")(
      "metrics", boost::program_options::value<std::string>(), "FILE: every metric with unit and meaning");
  options.positional("component", 1);
  if (!options.parse(arguments)) return exit_ok;
  if (options.has("metrics")) {
    print_metrics(options.word("metrics"), options.has("markdown"));
    return exit_ok;
  }
  const auto components = all_components();
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
  bool found = false;  // two may have one name, such as the unit's and the driver's `invalidation`
  for (const base::FieldList* c : components) {
    if (c->component() != wanted.front()) continue;
    std::cout << (found ? "\n" : "") << base::describe(*c);
    found = true;
  }
  if (found) return exit_ok;
  const auto known = component_names();
  throw UsageError("unknown component '" + wanted.front() + "'." + base::did_you_mean(wanted.front(), known) +
                   " Known: " + base::join(known));
}

}  // namespace iommusim::runner
