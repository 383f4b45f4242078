// How far a sweep is, from its folder alone.
#pragma once

#include <filesystem>
#include <string>

namespace iommusim::runner {

/// Counts of runs that are done, failed and pending, the rate of the last minutes, and who wrote last. Throws
/// base::UserError when the folder is none of a sweep.
std::string sweep_status(const std::filesystem::path& root);

}  // namespace iommusim::runner
