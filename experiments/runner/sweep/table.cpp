#include "experiments/runner/sweep/table.h"

#include <fmt/format.h>
#include <algorithm>
#include <fstream>

#include "experiments/runner/sweep/reference.h"
#include "experiments/runner/sweep/value.h"
#include "models/base/error.h"

namespace iommusim::runner {
namespace {

/// Five digits for what has more; whole numbers in full.
std::string shortened(const std::string& cell) {
  const FactorValue v = factor_value(cell);
  if (!v.number || v.unit != "1" || cell.find('.') == std::string::npos || cell.size() <= 6) return cell;
  return fmt::format("{:.5g}", *v.number);
}

bool is_number(const std::string& cell) { return factor_value(cell).unit == "1"; }

}  // namespace

std::size_t ResultTable::index(const std::string& column) const {
  return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
}

ResultTable read_results(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw base::UserError("cannot read " + file.string());
  ResultTable table;
  std::string line;
  if (std::getline(in, line)) table.columns = csv_cells(line);
  while (std::getline(in, line)) {
    table.rows.push_back(csv_cells(line));
    if (table.rows.back().size() != table.columns.size())
      throw base::UserError(file.string() + ": row " + std::to_string(table.rows.size()) +
                            " has not as many cells as the header");
  }
  return table;
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> numbers;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    widths.resize(std::max(widths.size(), rows[r].size()));
    numbers.resize(widths.size(), true);
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      widths[c] = std::max(widths[c], rows[r][c].size());
      if (r > 0 && !rows[r][c].empty() && !is_number(rows[r][c])) numbers[c] = false;
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - row[c].size(), ' ');
      line += (c == 0 ? "" : "  ") + (numbers[c] ? space + row[c] : row[c] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string results_text(const std::filesystem::path& file, std::size_t most) {
  ResultTable table = read_results(file);
  const std::size_t seed = table.index("seed");
  bool varies = false;
  for (const auto& row : table.rows) varies = varies || row[seed] != table.rows.front()[seed];
  std::vector<std::vector<std::string>> rows{table.columns};
  const std::size_t shown = std::min(most, table.rows.size());
  for (std::size_t r = 0; r < shown; ++r) {
    rows.emplace_back();
    for (const std::string& cell : table.rows[r]) rows.back().push_back(shortened(cell));
  }
  if (!varies)
    for (auto& row : rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(seed));
  std::string text = aligned(rows);
  if (shown < table.rows.size())
    text += fmt::format("... and {} more rows in {}\n", table.rows.size() - shown, file.string());
  return text;
}

}  // namespace iommusim::runner
