// What a machine measures.
#pragma once

#include <nlohmann/json.hpp>

#include "experiments/runner/experiment.h"

namespace iommusim::runner {

/// Builds the machine of a configuration, lets it take its first steps (once per process) and returns its metrics in
/// the form of result.json. Throws base::UserError when it cannot be built, or does not have a metric that
/// the time line asks for.
nlohmann::ordered_json elaborate_metrics(const ExperimentConfig& config);

}  // namespace iommusim::runner
