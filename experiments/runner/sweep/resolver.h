// From a point to the configuration of one of its runs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/runner/experiment.h"
#include "experiments/runner/result_document.h"
#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

class Resolver {
 public:
  /// Loads the configurations a study runs. Throws base::ConfigError.
  explicit Resolver(const Study& study);

  /// The configuration of replication `r` of a point: the file, the study's settings, those of each factor's value in
  /// the order of the factors, the point's own; then run.seed + r. Errors go to `diagnostics`.
  ExperimentConfig config(const Point& point, unsigned r, base::Diagnostics& diagnostics) const;
  /// The same of a point that check() has passed.
  ExperimentConfig config(const Point& point, unsigned r) const;
  /// With the digests of input files read once, and that of the configuration when it is `known`.
  Provenance provenance(const ExperimentConfig& config, const std::string& known = "") const;

  struct Checked {
    std::uint64_t seed;               ///< of replication 0
    std::vector<std::string> sha256;  ///< of the configurations of the replications that every point has
  };
  /// Reads and checks points, all of the study or those of `which`. Throws base::ConfigError with every error, each
  /// said once with the first point that has it.
  std::vector<Checked> check() const;
  std::vector<Checked> check(const std::vector<std::size_t>& which) const;

 private:
  const Study& study_;
  std::vector<base::Node> documents_;
  mutable std::map<std::string, std::string> inputs_;  // path to digest
};

}  // namespace iommusim::runner
