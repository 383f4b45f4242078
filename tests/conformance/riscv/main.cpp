// riscv_conformance [OPTION]... FILE-OR-DIR...: replays golden vectors of a RISC-V IOMMU (JSON lines, *.jsonl or
// *.jsonl.gz) twice: through the architecture code without time, and through the SystemC unit with its caches on.
// Prints each disagreement with the mode it occurred in, a line per mode, and closes with a line "N passed, N failed",
// the sum of both. Exit status 0 if none failed, 1 if some did, 2 if a file could not be replayed (the others are).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <systemc>

#include "tests/conformance/riscv/replay.h"
#include "tests/support/in_child.h"

namespace {

using namespace iommusim;
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
  std::cerr << "usage: riscv_conformance [--caches] [--tiny | --two-levels] [--only MODE] [--verbose] FILE-OR-DIR...\n"
               "  --caches      untimed: unbounded caches instead of none\n"
               "  --tiny        timed: caches of two entries and one walker instead of the default ones\n"
               "  --two-levels  timed: an IOTLB of four entries before the shared one\n"
               "  --only MODE   untimed or timed\n"
               "  --verbose     counts of each file\n";
  return kBadFile;
}

/// A replay of one scenario: its counts, and what there is to print.
struct Replayed {
  Tally tally;
  std::vector<std::string> disagreements;
};

Replayed replay_on(const Scenario& scenario, Machine& machine) {
  Replayed r;
  r.tally = replay(scenario, machine, [&r](const std::string& text) { r.disagreements.push_back(text); });
  return r;
}

Replayed untimed(const Scenario& scenario, bool caches) {
  return replay_on(scenario, *make_untimed_machine(config_of(scenario), caches));
}

/// In a process of its own: there is one simulation per process.
Replayed timed(const Scenario& scenario, const iommu::RemappingUnitConfig& unit) {
  const auto config = config_of(scenario);
  const Json got = test::in_child([&]() -> Json {
    try {
      const Replayed r = replay_on(scenario, *make_timed_machine(config, unit));
      return {{"passed", r.tally.passed},
              {"failed", r.tally.failed},
              {"skipped", r.tally.skipped},
              {"disagreements", r.disagreements}};
    } catch (const std::exception& e) {
      return {{"error", e.what()}};
    }
  });
  if (got.contains("error")) throw BadFile(got.at("error").get<std::string>());
  Replayed r;
  r.tally = Tally{got.at("passed"), got.at("failed"), got.at("skipped")};
  r.disagreements = got.at("disagreements").get<std::vector<std::string>>();
  return r;
}

iommu::RemappingUnitConfig tiny_caches() {
  iommu::RemappingUnitConfig c;
  c.walkers = 1;
  const iommu::UnitCacheConfig two(2, 0);
  c.context_cache = c.process_cache = c.interrupt_cache = two;
  static_cast<iommu::UnitCacheConfig&>(c.iotlb) = two;
  iommu::WalkCachesConfig& w = c.walk_caches;
  w.level1 = w.level2 = w.level3 = w.level4 = w.level5 = w.nested = two;
  return c;
}
iommu::RemappingUnitConfig two_levels() {
  iommu::RemappingUnitConfig c;
  static_cast<iommu::UnitCacheConfig&>(c.iotlb.per_port) = iommu::UnitCacheConfig(4, 0);
  return c;
}

int run(std::vector<std::string> arguments) {
  const auto take = [&arguments](const char* flag) {
    const auto at = std::find(arguments.begin(), arguments.end(), flag);
    if (at == arguments.end()) return false;
    arguments.erase(at);
    return true;
  };
  const bool caches = take("--caches"), verbose = take("--verbose"), tiny = take("--tiny"), two = take("--two-levels");
  std::string only;
  if (const auto at = std::find(arguments.begin(), arguments.end(), "--only");
      at != arguments.end() && std::next(at) != arguments.end()) {
    only = *std::next(at);
    arguments.erase(at, at + 2);
    if (only != "untimed" && only != "timed") return usage();
  }
  if (arguments.empty() || arguments.front().rfind("-", 0) == 0) return usage();
  const iommu::RemappingUnitConfig unit = tiny ? tiny_caches() : two ? two_levels() : iommu::RemappingUnitConfig();

  struct Mode {
    std::string name;
    std::function<Replayed(const Scenario&)> replay;
    Tally total;
  };
  std::vector<Mode> modes;
  if (only != "timed") modes.push_back({"untimed", [&](const Scenario& s) { return untimed(s, caches); }, {}});
  if (only != "untimed") modes.push_back({"timed", [&](const Scenario& s) { return timed(s, unit); }, {}});

  bool bad = false;
  const auto complaining = [&bad](const auto& what) {
    try {
      what();
    } catch (const std::exception& e) {
      std::cerr << "riscv_conformance: " << e.what() << '\n';
      bad = true;
    }
  };
  const auto replay_file = [&](const std::string& file) {
    const Scenario scenario = read_scenario(file);
    for (Mode& mode : modes) {
      const Replayed r = mode.replay(scenario);
      for (const std::string& text : r.disagreements) std::cout << mode.name << ": " << text << '\n';
      if (verbose)
        std::cout << mode.name << ": " << file << ": " << r.tally.passed << " passed, " << r.tally.failed
                  << " failed\n";
      mode.total += r.tally;
    }
  };
  for (const std::string& a : arguments) {
    std::vector<std::string> files;
    complaining([&] { files = files_of(a); });
    for (const std::string& file : files) complaining([&] { replay_file(file); });
  }
  Tally total;
  for (const Mode& mode : modes) {
    std::cout << mode.name << ": " << mode.total.passed << " passed, " << mode.total.failed << " failed";
    if (mode.total.skipped != 0) std::cout << ", " << mode.total.skipped << " skipped (left to the implementation)";
    std::cout << '\n';
    total += mode.total;
  }
  std::cout << total.passed << " passed, " << total.failed << " failed\n";
  return bad ? kBadFile : total.failed == 0 ? 0 : 1;
}

}  // namespace

int sc_main(int argc, char** argv) { return run({argv + 1, argv + argc}); }

// SystemC wants to be entered through sc_main; its banner would precede our output.
int main(int argc, char** argv) {
  ::setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  return ::sc_core::sc_elab_and_sim(argc, argv);
}
