#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
#include "experiments/runner/sweep/resolver.h"
#include "experiments/runner/sweep/table.h"
#include "experiments/runner/sweep/worker.h"
#include "models/base/config/diagnostics.h"
#include "platforms/report.h"

namespace iommusim::runner {
namespace {

std::string indented(const std::string& text) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += "  " + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return out;
}

void print(const std::string& file, const ExperimentConfig& config) {
  std::cout << file << ": ok\n" << indented(platforms::platform_text(config.platform));
  if (!config.platform.endpoints.empty())
    std::cout << "IOMMU groups\n" << indented(platforms::groups_text(config.platform, config.workloads));
  std::cout << "address map\n" << indented(platforms::address_plan_of(config.platform).map().to_text());
}

void print_points(const std::string& file, const Study& study) {
  std::cout << file << ": ok\n  " << study.config.title << "\n  " << study.points.size() << " points";
  if (const auto& r = study.config.replications) {
    std::cout << ", " << r->count << " replications each";
    if (r->until) std::cout << " and up to " << r->until->at_most << " until " << r->until->metric << " is known";
  }
  std::cout << "; " << study.claims.size() << " claims\n";
  std::vector<std::vector<std::string>> rows{{"point"}};
  for (const Factor& f : study.factors) rows[0].push_back(f.name);
  for (const Point& p : study.points) {
    rows.push_back({p.name});
    for (const FactorValue* v : p.values) rows.back().push_back(v ? v->text : "");
  }
  std::cout << indented(aligned(rows));
}

}  // namespace

int check_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Reads each file as `run` or `sweep` would and reports every error in it. For a correct one it "
      "prints the platform,\n"
      "the IOMMU groups and the address map; for a study its points.");
  options.add()("set,s", boost::program_options::value<std::vector<std::string>>(),
                "PATH=VALUE: sets a configuration key")("quiet,q", "Prints errors only")(
      "resolved", "Prints the resolved configuration instead: every key with its value");
  options.positional("file", -1);
  if (!options.parse(arguments)) return exit_ok;
  options.require("file", "a configuration file");
  int status = exit_ok;
  for (const std::string& file : options.words("file")) {
    try {
      if (names_a_study(file)) {
        if (options.has("set") || options.has("resolved"))
          throw UsageError(file + " is a study: -s and --resolved are for the configurations it runs");
        const auto study = load_study(file);
        const Resolver resolver(*study);
        resolver.check();
        find_metrics(*study, resolver, 1);
        if (!options.has("quiet")) print_points(file, *study);
        continue;
      }
      const ExperimentConfig config = load_experiment(file, options.words("set"));
      // Which figures there are shows only when the machine is made.
      if (config.trace.timeline.csv && !config.trace.timeline.metrics.empty()) try_machine(config);
      if (options.has("resolved")) {
        std::cout << base::dump_config(config);
      } else if (!options.has("quiet")) {
        print(file, config);
      }
    } catch (const base::ConfigError& e) {
      for (const base::Diagnostic& d : e.diagnostics()) std::cerr << d.text() << "\n";
      status = exit_user_error;
    } catch (const base::UserError& e) {
      std::cerr << file << ": " << e.what() << "\n";
      status = exit_user_error;
    }
  }
  return status;
}

}  // namespace iommusim::runner
