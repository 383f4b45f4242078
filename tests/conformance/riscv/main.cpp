// riscv_conformance [--caches] FILE-OR-DIR...: replays golden vectors of a RISC-V IOMMU (JSON lines, *.jsonl or
// *.jsonl.gz) through the architecture code without time, prints each disagreement, and closes with a line
// "N passed, N failed". Exit status 0 if none failed, 1 if some did, 2 if a file could not be replayed (the others
// are).
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "tests/conformance/riscv/replay.h"

namespace {

using namespace iommusim::conformance;
namespace fs = std::filesystem;

bool is_scenario(const fs::path& p) {
  const std::string name = p.filename().string();
  const auto ends = [&name](const std::string& end) {
    return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  return ends(".jsonl") || ends(".jsonl.gz");
}

/// A file itself, or the scenarios of a folder by name.
std::vector<std::string> files_of(const std::string& argument) {
  if (!fs::exists(argument)) throw BadFile(argument + ": no such file or folder");
  if (!fs::is_directory(argument)) return {argument};
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(argument)) {
    if (is_scenario(entry.path())) out.push_back(entry.path().string());
  }
  if (out.empty()) throw BadFile(argument + ": holds no file *.jsonl or *.jsonl.gz");
  std::sort(out.begin(), out.end());
  return out;
}

constexpr int kBadFile = 2;

int usage() {
  std::cerr << "usage: riscv_conformance [--caches] [--verbose] FILE-OR-DIR...\n"
               "  --caches   unbounded caches instead of none\n"
               "  --verbose  counts of each file\n";
  return kBadFile;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto take = [&arguments](const char* flag) {
    const auto at = std::find(arguments.begin(), arguments.end(), flag);
    if (at == arguments.end()) return false;
    arguments.erase(at);
    return true;
  };
  const bool caches = take("--caches"), verbose = take("--verbose");
  if (arguments.empty() || arguments.front().rfind("-", 0) == 0) return usage();
  Tally total;
  bool bad = false;
  const auto complaining = [&bad](const auto& what) {
    try {
      what();
    } catch (const std::exception& e) {
      std::cerr << "riscv_conformance: " << e.what() << '\n';
      bad = true;
    }
  };
  for (const std::string& a : arguments) {
    std::vector<std::string> files;
    complaining([&] { files = files_of(a); });
    for (const std::string& file : files) {
      complaining([&] {
        const Scenario scenario = read_scenario(file);
        const auto machine = make_untimed_machine(config_of(scenario), caches);
        const Tally t = replay(scenario, *machine, [](const std::string& text) { std::cout << text << '\n'; });
        if (verbose) std::cout << file << ": " << t.passed << " passed, " << t.failed << " failed\n";
        total += t;
      });
    }
  }
  if (total.skipped != 0) std::cout << total.skipped << " skipped (left to the implementation)\n";
  std::cout << total.passed << " passed, " << total.failed << " failed\n";
  return bad ? kBadFile : total.failed == 0 ? 0 : 1;
}
