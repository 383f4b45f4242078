// Texts made from the commands' own help and the field lists: shell completion and the manual page.
#include <algorithm>
#include <iostream>
#include <set>
#include <sstream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/experiment.h"
#include "experiments/runner/sweep/study_config.h"
#include "experiments/runner/version.h"

namespace iommusim::runner {
namespace {

/// What a command prints for --help.
std::string help_of(const Command& command) {
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  command.run(command, {"--help"});
  std::cout.rdbuf(before);
  return text.str();
}

/// The long options in a help text, in its order.
std::vector<std::string> options_in(const std::string& help) {
  std::vector<std::string> options;
  const std::size_t list = help.find("Options:");
  for (std::size_t at = list; at != std::string::npos && (at = help.find("--", at)) != std::string::npos;) {
    const std::size_t end = help.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
    // An option begins its line; others are mentioned.
    const std::size_t line = help.rfind('\n', at) + 1;
    if (help.find_first_not_of(" [", line) == at || help.substr(line, at - line).find("[ ") != std::string::npos ||
        (help[help.find_first_not_of(' ', line)] == '-' && at - line < 12))
      options.push_back(help.substr(at, end - at));
    at = end;
  }
  return options;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : " ") + w;
  return out;
}

std::vector<const base::FieldList*> all_components() {
  auto components = base::components(ExperimentConfig::fields());
  for (const base::FieldList* c : base::components(StudyConfig::fields())) components.push_back(c);
  return components;
}

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

int completion_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(self,
                         "Prints completion for bash: commands, options, components, files. In ~/.bashrc:\n"
                         "  source <(iommusim completion)");
  if (!options.parse(arguments)) return exit_ok;
  std::vector<std::string> names, components;
  for (const Command& c : commands()) names.emplace_back(c.name);
  for (const base::FieldList* c : all_components()) components.push_back(c->component());
  std::cout << "_iommusim() {\n"
               "  local word=${COMP_WORDS[COMP_CWORD]} words=\n"
               "  COMPREPLY=()\n"
               "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
               "    COMPREPLY=($(compgen -W \""
            << joined(names)
            << " --help --version\" -- \"$word\"))\n"
               "    return\n"
               "  fi\n"
               "  case ${COMP_WORDS[1]} in\n";
  for (const Command& c : commands()) {
    const std::string name = c.name;
    std::string words = joined(options_in(help_of(c)));
    if (name == "describe") words += " " + joined(components);
    if (name == "schema") words += " experiment study";
    if (name == "sweep") words += " status";
    std::cout << "    " << name << ") words=\"" << words << "\" ;;\n";
  }
  std::cout << "  esac\n"
               "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
               "  case $word in -*) ;; *) COMPREPLY+=($(compgen -f -- \"$word\")) ;; esac\n"
               "}\n"
               "complete -o filenames -F _iommusim iommusim\n";
  return exit_ok;
}

int man_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(self, "Prints the manual page: iommusim man | man -l -");
  if (!options.parse(arguments)) return exit_ok;
  std::cout << ".TH IOMMUSIM 1 \"\" \"iommusim " << version() << "\"\n"
            << ".SH NAME\niommusim \\- a discrete\\-event simulator for IOMMU performance studies\n"
            << ".SH SYNOPSIS\n";
  for (const Command& c : commands()) std::cout << ".B iommusim\n" << roff(c.usage) << "\n.br\n";
  std::cout << ".SH COMMANDS\n";
  for (const Command& c : commands())
    std::cout << ".SS " << c.name << "\n" << roff(c.summary) << ".\n.PP\n.nf\n" << roff(help_of(c)) << ".fi\n";
  std::cout << ".SH EXIT STATUS\n"
               ".TP\n0\ndone\n"
               ".TP\n1\nthe run failed or was interrupted; of a sweep also: a claim does not hold\n"
               ".TP\n2\nthe command line, a configuration or an input file is wrong; nothing was written\n"
               ".SH CONFIGURATION\n";
  for (const base::FieldList* c : all_components())
    std::cout << ".SS " << roff(c->component()) << "\n.nf\n" << roff(base::describe(*c)) << ".fi\n";
  return exit_ok;
}

}  // namespace iommusim::runner
