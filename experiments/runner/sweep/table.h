// A table of results read back: results.csv of a sweep.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace iommusim::runner {

struct ResultTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::size_t index(const std::string& column) const;  ///< columns.size() when there is none
};

/// Throws base::UserError when the file cannot be read.
ResultTable read_results(const std::filesystem::path& file);

/// The table with aligned columns, its first `most` rows; figures with five digits, "seed" left out when it never
/// varies.
std::string results_text(const std::filesystem::path& file, std::size_t most);

/// Rows of cells with aligned columns, numbers to the right; the first row is a header.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace iommusim::runner
