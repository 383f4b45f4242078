#include <algorithm>
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
#include "experiments/runner/glossary.h"
#include "experiments/runner/sweep/figures.h"
#include "experiments/runner/sweep/study_config.h"
#include "experiments/runner/sweep/table.h"
#include "models/base/config/keys.h"
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

/// What `wanted` names: components, what a path leads to, or every key called so. "" when it names nothing.
std::string found_text(const std::string& wanted) {
  std::vector<std::string> texts;
  for (const base::FieldList* c : all_components())
    if (c->component() == wanted) texts.push_back(component_text(*c));
  if (texts.empty() && wanted.find('.') == std::string::npos)
    for (const base::FoundKey& key : base::keys_named(all_components(), wanted)) texts.push_back(base::describe(key));
  if (!texts.empty() || wanted.find('.') == std::string::npos) return base::join(texts, "\n");
  std::string error, error_of_study;
  auto keys = base::keys_at(ExperimentConfig::fields(), wanted, error);
  if (keys.empty()) keys = base::keys_at(StudyConfig::fields(), wanted, error_of_study);
  if (keys.empty()) {
    const std::string root = wanted.substr(0, wanted.find_first_of(".["));
    const bool of_experiment = !base::keys_named({&ExperimentConfig::fields()}, root).empty();
    const bool of_study = !base::keys_named({&StudyConfig::fields()}, root).empty();
    throw UsageError(wanted + ": " + (of_study && !of_experiment ? error_of_study : error));
  }
  for (const base::FoundKey& key : keys) {
    const auto inside = base::components_in(key);
    for (const base::FieldList* c : inside) texts.push_back(component_text(*c));
    if (inside.empty()) texts.push_back(base::describe(key));
  }
  return base::join(texts, "\n");
}

}  // namespace

std::string component_text(const base::FieldList& c) {
  const bool whole_file = &c == &static_cast<const base::FieldList&>(ExperimentConfig::fields()) ||
                          &c == &static_cast<const base::FieldList&>(StudyConfig::fields());
  return base::describe(c) + (whole_file ? "Every file has `schema: 1`, the version of the format, and may have "
                                           "`include: [FILE, ...]`: files merged below it,\nrelative to it.\n"
                                         : "");
}

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
      "Without a name: every component of the configuration, one line each. With a component's: each of its keys with\n"
      "type, default, range, meaning and source. With a path, such as platform.iommu.unit.walkers, or a key, such as\n"
      "walkers: what that is. With --metrics: what the machine of a configuration measures.");
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
  const std::string text = found_text(wanted.front());
  std::cout << text;
  if (!text.empty()) return exit_ok;
  auto known = component_names();
  const std::string all = base::join(known);
  for (const base::FieldList* c : components)
    for (const base::FieldList::Item& item : c->items()) known.push_back(item.key);
  throw UsageError("no component and no key is called '" + wanted.front() + "'." +
                   base::did_you_mean(wanted.front(), known) + " Components: " + all);
}

}  // namespace iommusim::runner
