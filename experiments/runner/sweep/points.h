// From the factors of a study to its points.
#pragma once

#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

constexpr std::size_t kMostPoints = 1000000;  ///< of a study, and runs of all of them before `until` is asked

/// Fills factors, files and points of `study` from its config; `root` is the file's tree, for positions.
void expand_points(Study& study, const base::Node& root, base::Diagnostics& diagnostics);

}  // namespace iommusim::runner
