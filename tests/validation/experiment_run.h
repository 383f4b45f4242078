// Runs an experiment file of the repository as the program does, in a process of its own.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "experiments/runner/run_cycle.h"
#include "tests/support/in_child.h"

namespace iommusim::test {

/// result.json of a run with `-s` overrides, without the provenance. `file` is relative to the repository.
inline Work experiment(const std::string& file, const std::vector<std::string>& overrides) {
  return [=] {
    runner::Progress quiet(false);
    const auto config = runner::load_experiment(IOMMUSIM_SOURCE_DIR "/" + file, overrides);
    return runner::run_experiment(config, {}, quiet).result;
  };
}

/// The figure at a dotted path below `metrics`.
inline double metric(const Json& result, const std::string& path, const char* figure = "value") {
  const Json* found = runner::find_metric(result, path);
  if (found == nullptr) throw std::runtime_error("no metric " + path);
  return found->at(figure).get<double>();
}

inline double window_seconds(const Json& result) {
  return result.at("window").at("length").at("value").get<double>() * 1e-12;
}

/// True under `scripts/test --long`.
inline bool long_run() {
  const char* set = std::getenv("IOMMUSIM_LONG");
  return set != nullptr && *set != '\0' && std::string(set) != "0";
}

}  // namespace iommusim::test
