// Completion in shells, made from the table of commands and their own help.
#include <algorithm>
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

using Takes = Command::Takes;

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
    std::cout << "    " << c.name << ") options=\"" << base::join(options_in(help_of(c)), " ") << "\"";
    if (c.takes == Takes::configurations) std::cout << " files=yaml";
    if (c.takes == Takes::folders) std::cout << " files=folders";
    if (c.words) std::cout << "\n      [ \"$COMP_CWORD\" -eq 2 ] && words=\"" << base::join(c.words(), " ") << "\"";
    std::cout << " ;;\n";
  }
  std::cout
      << "  esac\n"
         "  case $before in -o | --output | status) files=folders words= ;; --metrics) files=yaml words= ;; esac\n"
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
    std::cout << "    " << c.name << ") options=(" << base::join(options_in(help_of(c)), " ") << ")";
    if (c.takes == Takes::configurations) std::cout << " files=yaml";
    if (c.takes == Takes::folders) std::cout << " files=folders";
    if (c.words) std::cout << "\n      (( CURRENT == 3 )) && arguments=(" << base::join(c.words(), " ") << ")";
    std::cout << " ;;\n";
  }
  std::cout << "  esac\n"
               "  case $words[CURRENT-1] in -o|--output|status) files=folders arguments=() ;; --metrics) files=yaml "
               "arguments=() ;; esac\n"
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
    for (const std::string& option : options_in(help_of(c)))
      std::cout << "complete -c iommusim" << within << " -l " << option.substr(2) << "\n";
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
