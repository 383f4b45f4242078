// The manual page, made from the commands' own help and the field lists.
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/version.h"
#include "models/base/config/config.h"

namespace iommusim::runner {
namespace {

/// Text as roff shows it: no requests at the beginning of lines, backslashes and dashes as they are.
std::string roff(const std::string& text) {
  std::string out;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    begins = c == '\n';
  }
  return out;
}

}  // namespace

int man_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(self, "Prints the manual page: iommusim man | man -l -");
  if (!options.parse(arguments)) return exit_ok;
  std::cout << ".TH IOMMUSIM 1 \"\" \"iommusim " << version() << "\"\n"
            << ".SH NAME\niommusim \\- a discrete\\-event simulator for IOMMU performance studies\n"
            << ".SH SYNOPSIS\n";
  for (const Command& c : commands())
    for (const std::string& usage : usages(c))
      std::cout << (&c == &commands().front() ? "" : ".br\n") << ".B iommusim\n" << roff(usage) << "\n";
  std::cout << ".SH COMMANDS\n";
  for (const Command& c : commands())
    std::cout << ".SS " << c.name << "\n" << roff(c.summary) << ".\n.PP\n.nf\n" << roff(help_of(c)) << ".fi\n";
  std::cout << ".SH EXIT STATUS\n"
               ".TP\n0\ndone\n"
               ".TP\n1\nthe run failed or was interrupted; of a sweep also: a claim does not hold\n"
               ".TP\n2\nthe command line, a configuration or an input file is wrong; nothing was written\n"
               ".SH CONFIGURATION\n";
  for (const base::FieldList* c : all_components())
    std::cout << ".SS " << roff(c->component()) << "\n.nf\n" << roff(component_text(*c)) << ".fi\n";
  return exit_ok;
}

}  // namespace iommusim::runner
