// A CSV file of measurements: a header, then rows; lines that begin with '#' are comments. Quotes, CRLF and a
// byte-order mark are understood; a cell does not span lines.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/runner/sweep/value.h"

namespace iommusim::runner {

class Reference {
 public:
  /// `file` is relative to the folder of the study `study_path`. What is wrong is in error().
  Reference(const std::string& study_path, const std::string& file);
  const std::string& error() const { return error_; }
  bool has(const std::string& column) const;
  /// "has no column 'x'. Did you mean ...?"
  std::string no_column(const std::string& column) const;
  struct Key {
    std::string column;
    FactorValue value;
  };
  /// The number in `column` of the first row whose `keys` agree; nothing when its cell is empty. `found` tells whether
  /// there is such a row.
  std::optional<double> lookup(const std::vector<Key>& keys, const std::string& column, bool& found) const;
  /// Two columns of the rows whose `keys` agree and that have a number in the second.
  std::vector<std::pair<FactorValue, double>> pairs(const std::vector<Key>& keys, const std::string& x_column,
                                                    const std::string& y_column) const;
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  void read(std::istream& in);
  std::size_t index(const std::string& column) const;
  bool agrees(const std::vector<FactorValue>& row, const std::vector<Key>& keys) const;
  std::string name_, error_;
  std::vector<std::string> columns_;
  std::vector<std::vector<FactorValue>> rows_;
};

/// Cells of one line of CSV: commas, quotes doubled inside quotes.
std::vector<std::string> csv_cells(const std::string& line);
/// A text as a cell, quoted when it has to be.
std::string csv_cell(const std::string& text);

}  // namespace iommusim::runner
