// Where a result comes from, as digests.
#pragma once

#include <functional>
#include <string>

#include "experiments/runner/experiment.h"
#include "experiments/runner/result_document.h"

namespace iommusim::runner {

/// Reads every input file of the configuration. Throws base::UserError for one that cannot be read.
Provenance provenance_of(const ExperimentConfig& config);
/// The same with digests of input files from `digest_of(path)`, and that of the configuration when it is `known`.
Provenance provenance_of(const ExperimentConfig& config,
                         const std::function<std::string(const std::string&)>& digest_of,
                         const std::string& known = "");

}  // namespace iommusim::runner
