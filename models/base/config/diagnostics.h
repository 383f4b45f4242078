// Errors of configuration files are collected, sorted by position, and reported together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/base/error.h"

namespace iommusim::base {

/// Where a piece of configuration came from: file (or "-s path=value") with line and column from 1; line 0 means no
/// line.
struct Position {
  std::shared_ptr<const std::string> source;
  unsigned line = 0;
  unsigned column = 0;
};
/// "file:line:col", or the source alone without a line.
std::string to_text(const Position& position);

/// One error; its text is "file:line:col: path: what is wrong. Did you mean ...?"
struct Diagnostic {
  Position position;
  std::string path;  ///< "endpoints[0].tags"; empty for the whole file
  std::string message;
  std::string text() const;
};

/// A user's configuration is wrong: carries every error found (exit status 2).
class ConfigError : public UserError {
 public:
  explicit ConfigError(std::vector<Diagnostic> diagnostics);
  /// Sorted, without repetitions, never empty.
  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

/// The collection.
class Diagnostics {
 public:
  void add(Position position, std::string path, std::string message);
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  /// Sorted by source, line, column.
  std::vector<Diagnostic> sorted() const;
  /// One line per error.
  std::string text() const;
  /// Throws ConfigError when there is any error.
  void raise() const;

 private:
  std::vector<Diagnostic> items_;
};

}  // namespace iommusim::base
