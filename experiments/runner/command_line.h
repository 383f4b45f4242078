// What the commands of the `iommusim` program share: their table and the parsing of their options.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <utility>
#include <vector>

#include "models/base/error.h"

namespace iommusim::runner {

using Arguments = std::vector<std::string>;

/// One command: `iommusim NAME ...`.
struct Command {
  /// What its bare arguments are, for completion: YAML files, folders, words it knows.
  enum class Takes { nothing, configurations, folders, words };
  const char* name;
  const char* usage;                                            ///< "run FILE [options]"; a line for each way
  const char* summary;                                          ///< one line for the program's help
  int (*run)(const Command& self, const Arguments& arguments);  ///< returns an ExitCode
  Takes takes = Takes::nothing;
  std::vector<std::string> (*words)() = nullptr;  ///< what its first argument may be, if it knows
};

/// The commands in the order of the help text.
const std::vector<Command>& commands();

/// The lines of its `usage`.
std::vector<std::string> usages(const Command& command);

/// What a command prints for --help.
std::string help_of(const Command& command);

/// The whole program: arguments without the program's name to exit status. Catches every user's error and prints it.
int run_program(const Arguments& arguments);

/// A mistake on the command line: what() names it; the program adds where help is.
class UsageError : public base::UserError {
 public:
  using UserError::UserError;
};

/// Options of one command. `positional` names the options that bare words go to, in order, the last one taking the
/// rest.
class CommandOptions {
 public:
  /// `details`: paragraph for --help.
  CommandOptions(const Command& command, std::string details);
  boost::program_options::options_description_easy_init add() { return visible_.add_options(); }
  /// Bare words: `count` of them go to the option `name` (-1: any number).
  void positional(const char* name, int count);
  /// An option ("set,s") of other commands that takes a value, and that this one has not: the error says `instead`.
  void refuse(const char* option, const char* instead);
  /// False when help was asked for and printed. Throws UsageError.
  bool parse(const Arguments& arguments);
  bool has(const char* name) const { return values_.count(name) != 0; }
  /// The words given for a positional or repeated option.
  std::vector<std::string> words(const char* name) const;
  std::string word(const char* name) const { return values_[name].as<std::string>(); }
  unsigned number(const char* name) const { return values_[name].as<unsigned>(); }
  /// Throws UsageError unless the option has at least one word.
  void require(const char* name, const char* what) const;

 private:
  const Command& command_;
  std::string details_;
  boost::program_options::options_description visible_{"Options"};
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description positional_;
  boost::program_options::variables_map values_;
  std::vector<std::pair<std::string, std::string>> refused_;  ///< option, what to do instead
};

}  // namespace iommusim::runner
