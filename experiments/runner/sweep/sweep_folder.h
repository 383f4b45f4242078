// The folder of a sweep as something that processes share, and that killed ones leave things in.
#pragma once

#include "experiments/runner/sweep/layout.h"

namespace iommusim::runner {

/// Held while one process runs and collects in a folder, or while several run shares of it; a kill releases it.
class FolderLock {
 public:
  /// Throws base::UserError when another process holds it. On a file system without locks it holds nobody off.
  FolderLock(const SweepLayout& layout, bool shared);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

/// Removes what killed processes were writing. Call under the lock.
void remove_leftovers(const SweepLayout& layout, bool replicated);

/// Removes what is left of results that have lost their result.json. Throws base::UserError for replications of a study
/// that has none any more: they are somebody's results. Call under the lock, held alone.
void remove_broken(const SweepLayout& layout, bool replicated);

/// Removes results and journals, and nothing that a sweep does not make.
void remove_results(const SweepLayout& layout);

/// Whether a folder holds anything but what a sweep killed at its very start leaves.
bool holds_files(const std::filesystem::path& folder);

std::string host_name();

}  // namespace iommusim::runner
