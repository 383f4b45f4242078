// Two results, or two sweeps, beside each other.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace iommusim::runner {

struct CompareOptions {
  std::vector<std::string> metrics;  ///< texts that a metric's name must contain one of; empty: all
  bool all = false;                  ///< also what is equal
  bool csv = false;
};

/// Throws base::UserError when a folder holds neither a result nor a sweep, they are of different kinds, or no metric
/// contains one of the texts.
std::string compare_text(const std::filesystem::path& a, const std::filesystem::path& b, const CompareOptions& options);

}  // namespace iommusim::runner
