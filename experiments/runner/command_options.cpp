#include <fmt/format.h>
#include <iostream>
#include <limits>
#include <sstream>

#include "experiments/runner/command_line.h"
#include "models/base/text.h"

namespace iommusim::runner {

namespace po = boost::program_options;

std::vector<std::string> usages(const Command& command) {
  std::vector<std::string> lines;
  std::istringstream text(command.usage);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string help_of(const Command& command) {
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  command.run(command, {"--help"});
  std::cout.rdbuf(before);
  return text.str();
}

CommandOptions::CommandOptions(const Command& command, std::string details)
    : command_(command), details_(std::move(details)) {
  visible_.add_options()("help,h", "Shows this text");
}

void CommandOptions::positional(const char* name, int count) {
  hidden_.add_options()(name, po::value<std::vector<std::string>>());
  positional_.add(name, count);
}

void CommandOptions::refuse(const char* option, const char* instead) {
  hidden_.add_options()(option, po::value<std::vector<std::string>>());
  const std::string names = option;
  refused_.emplace_back(names.substr(0, names.find(',')), instead);
}

bool CommandOptions::parse(const Arguments& arguments) {
  po::options_description all;
  all.add(visible_).add(hidden_);
  // What is too much goes to a name of its own, so that an error can say which word it is.
  constexpr const char* excess = "excess";
  po::positional_options_description positional = positional_;
  if (positional.max_total_count() != std::numeric_limits<unsigned>::max()) positional.add(excess, -1);
  all.add_options()(excess, po::value<std::vector<std::string>>());
  try {
    // Guessing of abbreviated options is off: a script must not change its meaning when an option is added.
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(all).positional(positional).style(style).run(), values_);
    po::notify(values_);
  } catch (const po::unknown_option& e) {
    std::vector<std::string> known;
    for (const auto& option : visible_.options()) known.push_back("--" + option->long_name());
    throw UsageError(
        fmt::format("unknown option '{}'.{}", e.get_option_name(), base::did_you_mean(e.get_option_name(), known)));
  } catch (const po::error& e) {
    throw UsageError(e.what());
  }
  for (const auto& [name, instead] : refused_)
    if (has(name.c_str())) throw UsageError(instead);
  if (has(excess)) throw UsageError("one argument too many: '" + words(excess).front() + "'");
  if (!has("help")) return true;
  std::cout << "Usage: iommusim " << base::join(usages(command_), "\n       iommusim ") << "\n\n"
            << details_ << "\n\n"
            << visible_;
  return false;
}

std::vector<std::string> CommandOptions::words(const char* name) const {
  return has(name) ? values_[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

void CommandOptions::require(const char* name, const char* what) const {
  if (words(name).empty()) throw UsageError(std::string(what) + " is missing");
}

}  // namespace iommusim::runner
