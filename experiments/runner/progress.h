// The progress bar of a run: on standard error when that is a terminal, nothing otherwise.
#pragma once

#include <chrono>
#include <string>

namespace iommusim::runner {

class Progress {
 public:
  /// `enabled` false (--quiet) shows nothing, as does a standard error that is no terminal.
  explicit Progress(bool enabled);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows how far a phase is, at most ten times a second. `done` is 0 to 1.
  void show(const std::string& phase, double done, const std::string& detail);
  /// Removes the bar.
  void clear();

 private:
  bool enabled_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_{};
};

/// The line of a phase for a terminal of so many columns: the bar gives way first, then the end of the detail.
std::string progress_line(const std::string& phase, double done, const std::string& detail, std::size_t columns);

}  // namespace iommusim::runner
