// What `iommusim run` prints: the figures a reader wants first, taken from the result document.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "experiments/runner/experiment.h"

namespace iommusim::runner {

std::string summary(const nlohmann::ordered_json& result, const ExperimentConfig& config);

}  // namespace iommusim::runner
