#include "experiments/runner/sweep/reference.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "models/base/text.h"

namespace iommusim::runner {

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
  std::ifstream in(std::filesystem::path(study_path).parent_path() / file);
  if (!in) {
    error_ = "cannot read " + file;
    return;
  }
  std::string line;
  for (unsigned number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line[0] == '#' || line == "\r") continue;
    std::vector<std::string> cells = csv_cells(line);
    if (columns_.empty()) {
      columns_ = std::move(cells);
      continue;
    }
    if (cells.size() != columns_.size()) {
      error_ = file + ":" + std::to_string(number) + ": " + std::to_string(cells.size()) +
               " cells where the header has " + std::to_string(columns_.size());
      return;
    }
    rows_.emplace_back();
    for (const std::string& cell : cells) rows_.back().push_back(factor_value(cell));
  }
  if (rows_.empty()) error_ = file + " holds no rows below a header";
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
