// The folder of a run's results: it appears by rename, whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace iommusim::runner {

/// Collects a run's files in a hidden sibling of the folder asked for, which `publish` renames into place. Destroyed
/// unpublished, it removes everything it wrote.
///
/// The sibling's name carries host and process number, so that two runs never write into each other's; it is made in
/// the same folder, because rename does not cross file systems.
class OutputFolder {
 public:
  /// Throws base::UserError if `path` exists and `replace` is false, or if the sibling cannot be made.
  OutputFolder(const std::filesystem::path& path, bool replace);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Writes one file. Throws base::UserError naming the file if it cannot be written in full.
  void write(const std::string& name, const std::string& contents);
  /// Where to stream a file to that is too large to hold.
  std::filesystem::path working(const std::string& name) const { return working_ / name; }
  /// Renames the sibling to the folder asked for. With `replace`, an existing one moves aside first and is removed
  /// after: a failure between the two restores it. Throws base::UserError if somebody else made the folder meanwhile.
  void publish();
  const std::filesystem::path& path() const { return path_; }
  /// The sibling that process `pid` of this host works in.
  static std::filesystem::path working_of(const std::filesystem::path& path, long pid);
  /// Whether a name is that of a sibling, left behind if nobody works in it.
  static bool is_working_name(const std::string& name);

 private:
  void remove_made();
  std::filesystem::path path_;
  std::filesystem::path working_;
  std::vector<std::filesystem::path> made_;  ///< folders above it that did not exist, outermost first
  bool replace_;
  bool published_ = false;
};

}  // namespace iommusim::runner
