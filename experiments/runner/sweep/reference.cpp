#include "experiments/runner/sweep/reference.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <istream>
#include <set>

#include "models/base/text.h"

namespace iommusim::runner {

constexpr std::uintmax_t kMostBytes = 16 << 20;

std::vector<std::string> csv_cells(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"')
      cells.back() += line[++i];
    else if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      cells.emplace_back();
    else if (c != '\r')
      cells.back() += c;
  }
  return cells;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

Reference::Reference(const std::string& study_path, const std::string& file) : name_(file) {
  const auto path = std::filesystem::path(study_path).parent_path() / file;
  std::error_code code;
  std::ifstream in(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, code) || !in) {
    error_ = "cannot read " + file;
    return;
  }
  if (std::filesystem::file_size(path, code) > kMostBytes) {
    error_ = file + " is larger than 16 MiB: no table of measurements";
    return;
  }
  read(in);
  if (error_.empty() && rows_.empty()) error_ = file + " holds no rows below a header";
}

void Reference::read(std::istream& in) {
  std::string line;
  for (unsigned number = 1; std::getline(in, line); ++number) {
    if (number == 1 && line.compare(0, 3, "\xEF\xBB\xBF") == 0) line.erase(0, 3);  // spreadsheets' byte-order mark
    if (line.find_first_not_of(" \t\r") == std::string::npos || line[0] == '#') continue;
    const auto fail = [&](const std::string& what) { error_ = name_ + ":" + std::to_string(number) + ": " + what; };
    if (std::count(line.begin(), line.end(), '"') % 2 != 0) return fail("a quote is not closed on its line");
    std::vector<std::string> cells = csv_cells(line);
    if (columns_.empty()) {
      const std::set<std::string> names(cells.begin(), cells.end());
      if (names.size() < cells.size()) return fail("two columns of the header have one name");
      columns_ = std::move(cells);
      continue;
    }
    if (cells.size() != columns_.size())
      return fail(std::to_string(cells.size()) + " cells where the header has " + std::to_string(columns_.size()));
    rows_.emplace_back();
    for (const std::string& cell : cells) rows_.back().push_back(factor_value(cell));
  }
}

bool Reference::has(const std::string& column) const {
  return std::find(columns_.begin(), columns_.end(), column) != columns_.end();
}

std::string Reference::no_column(const std::string& column) const {
  const std::string near = base::did_you_mean(column, columns_);
  return name_ + " has no column '" + column + "'." + (near.empty() ? " Known: " + base::join(columns_) : near);
}

std::size_t Reference::index(const std::string& column) const {
  return static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), column) - columns_.begin());
}

bool Reference::agrees(const std::vector<FactorValue>& row, const std::vector<Key>& keys) const {
  return std::all_of(keys.begin(), keys.end(), [&](const Key& k) {
    const FactorValue& cell = row[index(k.column)];
    // A bare number of the file is in the base unit of the factor.
    return same_value(cell, k.value) || (cell.unit == "1" && k.value.number && *cell.number == *k.value.number);
  });
}

std::optional<double> Reference::lookup(const std::vector<Key>& keys, const std::string& column, bool& found) const {
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const auto& r) { return agrees(r, keys); });
  found = row != rows_.end();
  return found ? (*row)[index(column)].number : std::nullopt;
}

std::vector<std::pair<FactorValue, double>> Reference::pairs(const std::vector<Key>& keys, const std::string& x_column,
                                                             const std::string& y_column) const {
  std::vector<std::pair<FactorValue, double>> found;
  for (const auto& row : rows_) {
    const auto& value = row[index(y_column)].number;
    if (value && agrees(row, keys)) found.emplace_back(row[index(x_column)], *value);
  }
  return found;
}

}  // namespace iommusim::runner
