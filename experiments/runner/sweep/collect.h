// From the runs of a sweep to its table and claims: results.csv, results.columns.json, study.json.
#pragma once

#include "experiments/runner/sweep/run_index.h"

namespace iommusim::runner {

/// Writes the three files from the results there are. `index` says which; runs that are missing or failed have no row.
/// Rows are in the order of points and seeds, so that the same results give the same bytes.
SweepOutcome collect(const SweepRecord& record, const SweepLayout& layout, RunIndex& index);

/// The claims with their status and figures, one line each, and what failed with its last lines: what ends a sweep.
std::string claims_text(const SweepRecord& record, const SweepOutcome& outcome);
std::string failures_text(const SweepOutcome& outcome);
std::string failure_text(const Failure& failure);

}  // namespace iommusim::runner
