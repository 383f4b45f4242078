// Where things are in the folder of a sweep.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>

namespace iommusim::runner {

/// A run of a sweep: a point of the study and the number of its replication.
struct RunId {
  std::size_t point = 0;
  unsigned replication = 0;
};

class SweepLayout {
 public:
  SweepLayout() = default;
  /// `replicated`: a point's runs lie one folder deeper, named by their seeds.
  SweepLayout(std::filesystem::path root, bool replicated) : root_(std::move(root)), replicated_(replicated) {}
  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path runs() const { return root_ / "runs"; }
  /// Relative to the root: "runs/POINT" or "runs/POINT/SEED".
  std::filesystem::path relative(const std::string& point, std::uint64_t seed) const {
    const auto folder = std::filesystem::path("runs") / point;
    return replicated_ ? folder / std::to_string(seed) : folder;
  }
  std::filesystem::path folder(const std::string& point, std::uint64_t seed) const {
    return root_ / relative(point, seed);
  }
  std::filesystem::path study() const { return root_ / "study.json"; }
  std::filesystem::path results() const { return root_ / "results.csv"; }
  std::filesystem::path columns() const { return root_ / "results.columns.json"; }
  std::filesystem::path lock() const { return root_ / ".lock"; }

 private:
  std::filesystem::path root_;
  bool replicated_ = false;
};

/// Replaces a file whole: temporary name, then rename. Throws base::UserError, and leaves the file as it was then.
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);
void write_file(const std::filesystem::path& path, const std::string& contents);

}  // namespace iommusim::runner
