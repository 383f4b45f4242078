// Completion in shells, made from the table of commands and their own help.
#include <algorithm>
#include <iostream>
#include <regex>
#include <set>
#include <sstream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

using Takes = Command::Takes;

/// An option of a help text.
struct Option {
  std::string name, letter;  ///< "--output", "-o" or ""
  bool takes_value = false;
};

/// The options in a help text, in its order: each begins its line, while others only mention it.
std::vector<Option> options_in(const std::string& help) {
  static const std::regex form("^  (?:(-[a-z]) \\[ )?(--[a-z-]+)(?: \\])?( arg)?.*");
  std::vector<Option> options;
  std::istringstream lines(help.substr(std::min(help.find("Options:"), help.size())));
  std::smatch found;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_match(line, found, form)) options.push_back({found[2], found[1], found[3].matched});
  return options;
}
std::string names_of(const std::vector<Option>& options) {
  std::vector<std::string> names;
  for (const Option& o : options) names.push_back(o.name);
  return base::join(names, " ");
}

/// What follows an option, "" when nothing can be offered: "folders" or "yaml".
std::string value_of(const Option& option) {
  return option.name == "--output" ? "folders" : option.name == "--metrics" ? "yaml" : "";
}

/// Pattern of a shell's `case` for the options of all commands that take a value of this kind.
std::string before_value(const std::string& kind, const char* separator) {
  std::set<std::string> names;
  for (const Command& c : commands())
    for (const Option& o : options_in(help_of(c)))
      if (o.takes_value && value_of(o) == kind) {
        names.insert(o.name);
        if (!o.letter.empty()) names.insert(o.letter);
      }
  return base::join({names.begin(), names.end()}, separator);
}

/// In single quotes, as all three shells read it.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) text.replace(at, 1, "'\\''");
  return "'" + text + "'";
}

void print_bash() {
  std::cout << "_iommusim() {\n"
               "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options= words= files=\n"
               "  COMPREPLY=()\n"
               "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
               "    COMPREPLY=($(compgen -W \"--help --version";
  for (const Command& c : commands()) std::cout << " " << c.name;
  std::cout << "\" -- \"$word\"))\n"
               "    return\n"
               "  fi\n"
               "  case ${COMP_WORDS[1]} in\n";
  for (const Command& c : commands()) {
    std::cout << "    " << c.name << ") options=\"" << names_of(options_in(help_of(c))) << "\"";
    if (c.takes == Takes::configurations) std::cout << " files=yaml";
    if (c.takes == Takes::folders) std::cout << " files=folders";
    if (c.words) std::cout << "\n      [ \"$COMP_CWORD\" -eq 2 ] && words=\"" << base::join(c.words(), " ") << "\"";
    std::cout << " ;;\n";
  }
  std::cout << "  esac\n"
               "  case $before in\n"
               "    " +
                   before_value("folders", " | ") + " | status) files=folders words= ;;\n    " +
                   before_value("yaml", " | ") + ") files=yaml words= ;;\n    " + before_value("", " | ") +
                   ") files= words= ;;\n"
                   "  esac\n"
                   "  case $word in\n"
                   "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); return ;;\n"
                   "  esac\n"
                   "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                   "  [ -z \"$files\" ] || COMPREPLY+=($(compgen -d -- \"$word\"))\n"
                   "  [ \"$files\" != yaml ] || COMPREPLY+=($(compgen -f -X '!*.yaml' -- \"$word\"))\n"
                   "}\n"
                   "complete -o filenames -F _iommusim iommusim\n";
}

void print_zsh() {
  std::cout << "#compdef iommusim\n"
               "_iommusim() {\n"
               "  local -a all options arguments\n"
               "  local files=\n"
               "  if (( CURRENT == 2 )); then\n"
               "    all=(\n";
  for (const Command& c : commands()) std::cout << "      " << quoted(std::string(c.name) + ":" + c.summary) << "\n";
  std::cout << "    )\n"
               "    _describe command all\n"
               "    return\n"
               "  fi\n"
               "  case $words[2] in\n";
  for (const Command& c : commands()) {
    std::cout << "    " << c.name << ") options=(" << names_of(options_in(help_of(c))) << ")";
    if (c.takes == Takes::configurations) std::cout << " files=yaml";
    if (c.takes == Takes::folders) std::cout << " files=folders";
    if (c.words) std::cout << "\n      (( CURRENT == 3 )) && arguments=(" << base::join(c.words(), " ") << ")";
    std::cout << " ;;\n";
  }
  std::cout << "  esac\n"
               "  case $words[CURRENT-1] in\n"
               "    " +
                   before_value("folders", "|") + "|status) files=folders arguments=() ;;\n    " +
                   before_value("yaml", "|") + ") files=yaml arguments=() ;;\n    " + before_value("", "|") +
                   ") files= arguments=() ;;\n"
                   "  esac\n"
                   "  if [[ $PREFIX == -* ]]; then\n"
                   "    compadd -- $options\n"
                   "    return\n"
                   "  fi\n"
                   "  (( $#arguments )) && compadd -- $arguments\n"
                   "  case $files in yaml) _files -g '*.yaml' ;; folders) _files -/ ;; esac\n"
                   "}\n"
                   "if [ \"$funcstack[1]\" = _iommusim ]; then _iommusim \"$@\"; else compdef _iommusim iommusim; fi\n";
}

void print_fish() {
  std::cout << "complete -c iommusim -f\n";
  for (const Command& c : commands()) {
    const std::string name = c.name, within = " -n '__fish_seen_subcommand_from " + name + "'";
    std::cout << "complete -c iommusim -n __fish_use_subcommand -a " << name << " -d " << quoted(c.summary) << "\n";
    for (const Option& o : options_in(help_of(c))) {
      std::cout << "complete -c iommusim" << within << " -l " << o.name.substr(2);
      if (!o.letter.empty()) std::cout << " -s " << o.letter.substr(1);
      if (o.takes_value) std::cout << " -x";
      if (value_of(o) == "folders") std::cout << " -a '(__fish_complete_directories)'";
      if (value_of(o) == "yaml") std::cout << " -a '(__fish_complete_suffix .yaml)'";
      std::cout << "\n";
    }
    if (c.words) std::cout << "complete -c iommusim" << within << " -a " << quoted(base::join(c.words(), " ")) << "\n";
    if (c.takes == Takes::configurations)
      std::cout << "complete -c iommusim" << within << " -k -a '(__fish_complete_suffix .yaml)'\n";
    if (c.takes == Takes::folders)
      std::cout << "complete -c iommusim" << within << " -a '(__fish_complete_directories)'\n";
  }
}

}  // namespace

std::vector<std::string> shells() { return {"bash", "fish", "zsh"}; }

int completion_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(self,
                         "Prints completion for bash, zsh or fish: commands, options, components, files.\n"
                         "  ~/.bashrc:                   source <(iommusim completion)\n"
                         "  ~/.zshrc, after compinit:    source <(iommusim completion zsh)\n"
                         "  ~/.config/fish/config.fish:  iommusim completion fish | source");
  options.positional("shell", 1);
  if (!options.parse(arguments)) return exit_ok;
  const std::string shell = options.has("shell") ? options.words("shell").front() : "bash";
  if (shell == "bash")
    print_bash();
  else if (shell == "zsh")
    print_zsh();
  else if (shell == "fish")
    print_fish();
  else
    throw UsageError("unknown shell '" + shell + "'." + base::did_you_mean(shell, shells()) +
                     " Known: " + base::join(shells()));
  return exit_ok;
}

}  // namespace iommusim::runner
