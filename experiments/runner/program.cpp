#include <exception>
#include <iostream>
#include <new>

#include "experiments/runner/command_line.h"
#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/version.h"
#include "models/base/config/diagnostics.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

void print_help(std::ostream& out) {
  out << "iommusim " << version()
      << ": a discrete-event simulator for IOMMU performance studies.\n\nUsage: iommusim COMMAND ...\n\nCommands:\n";
  for (const Command& c : commands()) {
    out << "  " << c.name << std::string(12 - std::string(c.name).size(), ' ') << c.summary << "\n";
  }
  out << "\n`iommusim COMMAND --help` explains a command; `iommusim --version` prints the version.\n"
         "\nExit status:\n"
         "  0  done\n"
         "  1  the run failed or was interrupted; nothing was written. Of a sweep: a run failed, a claim does not "
         "hold, or\n"
         "     it was interrupted; what was done is kept\n"
         "  2  the command line, a configuration or an input file is wrong; nothing was written\n";
}

int dispatch(const Arguments& arguments) {
  if (arguments.empty()) throw UsageError("a command is missing");
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    print_help(std::cout);
    return exit_ok;
  }
  if (name == "--version") {
    std::cout << "iommusim " << version() << "\n";
    return exit_ok;
  }
  std::vector<std::string> known;
  for (const Command& c : commands()) {
    if (name == c.name) return c.run(c, Arguments(arguments.begin() + 1, arguments.end()));
    known.emplace_back(c.name);
  }
  throw UsageError("unknown command '" + name + "'." + base::did_you_mean(name, known) +
                   " Known: " + base::join(known));
}

}  // namespace

const std::vector<Command>& commands() {
  using Takes = Command::Takes;
  static const std::vector<Command> table = {
      {"check", "check FILE... [-s PATH=VALUE]...", "Validates configurations; prints platform, groups and address map",
       &check_command, Takes::configurations},
      {"run", "run FILE [-s PATH=VALUE]... [-o DIR] [--force]", "Runs an experiment and writes a folder of results",
       &run_command, Takes::configurations},
      {"sweep", "sweep FILE [-o DIR] [-j N] [--resume | --force]\nsweep status DIR",
       "Runs the points of a study; table, claims", &sweep_command, Takes::configurations,
       [] { return std::vector<std::string>{"status"}; }},
      {"collect", "collect DIR", "Makes the table of a sweep from the results that are there", &collect_command,
       Takes::folders},
      {"compare", "compare A B [-m METRIC]...", "Compares two results or two sweeps", &compare_command, Takes::folders},
      {"import", "import CAPTURE [-o FILE]", "Turns a capture of a real machine into a trace file", &import_command,
       Takes::folders},
      {"describe", "describe [COMPONENT | PATH | KEY]", "Lists components, or explains configuration keys",
       &describe_command, Takes::words, &component_names},
      {"list", "list [KIND]", "Lists what a configuration may choose from", &list_command, Takes::words, &list_kinds},
      {"schema", "schema [experiment | study]", "Prints the JSON Schema of configuration files or studies, for editors",
       &schema_command, Takes::words, &schema_kinds},
      {"completion", "completion [bash | zsh | fish]", "Prints completion for a shell", &completion_command,
       Takes::words, &shells},
      {"man", "man", "Prints the manual page", &man_command},
  };
  return table;
}

int run_program(const Arguments& arguments) {
  try {
    const int status = dispatch(arguments);
    std::cout.flush();
    if (!std::cout) {
      std::cerr << "iommusim: cannot write to standard output\n";
      return exit_failed;
    }
    return status;
  } catch (const UsageError& e) {
    std::cerr << "iommusim: " << e.what() << "\nTry 'iommusim --help'.\n";
  } catch (const base::ConfigError& e) {
    std::cerr << e.what() << (std::string(e.what()).back() == '\n' ? "" : "\n");
  } catch (const base::UserError& e) {
    std::cerr << "iommusim: " << e.what() << "\n";
  } catch (const std::bad_alloc&) {
    std::cerr << "iommusim: out of memory; nothing was written\n";
    return exit_failed;
  }
  return exit_user_error;
}

}  // namespace iommusim::runner
