// Where a result comes from, as digests.
#pragma once

#include "experiments/runner/experiment.h"
#include "experiments/runner/result_document.h"

namespace iommusim::runner {

/// Reads every input file of the configuration. Throws base::UserError for one that cannot be read.
Provenance provenance_of(const ExperimentConfig& config);

}  // namespace iommusim::runner
