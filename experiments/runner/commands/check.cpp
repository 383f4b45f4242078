#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
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

}  // namespace

int check_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(self,
                         "Reads each file as `run` would and reports every error in it. For a correct one it prints "
                         "the platform, the IOMMU\n"
                         "groups and the address map.");
  options.add()("set,s", boost::program_options::value<std::vector<std::string>>(),
                "PATH=VALUE: sets a configuration key")("quiet,q", "Prints errors only")(
      "resolved", "Prints the resolved configuration instead: every key with its value");
  options.positional("file", -1);
  if (!options.parse(arguments)) return exit_ok;
  options.require("file", "a configuration file");
  int status = exit_ok;
  for (const std::string& file : options.words("file")) {
    try {
      const ExperimentConfig config = load_experiment(file, options.words("set"));
      if (options.has("resolved")) {
        std::cout << base::dump_config(config);
      } else if (!options.has("quiet")) {
        print(file, config);
      }
    } catch (const base::ConfigError& e) {
      for (const base::Diagnostic& d : e.diagnostics()) std::cerr << d.text() << "\n";
      status = exit_user_error;
    }
  }
  return status;
}

}  // namespace iommusim::runner
