#include "experiments/runner/sweep/sweep_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "experiments/runner/output_folder.h"
#include "models/base/error.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

/// `depth`: of folders below that hold some, too.
void remove_working(const fs::path& folder, int depth) {
  std::error_code e;
  for (const auto& entry : fs::directory_iterator(folder, e)) {
    if (OutputFolder::is_working_name(entry.path().filename().string()))
      fs::remove_all(entry.path(), e);
    else if (depth > 0 && entry.is_directory(e) && !entry.is_symlink(e))
      remove_working(entry.path(), depth - 1);
  }
}

}  // namespace

FolderLock::FolderLock(const SweepLayout& layout, bool shared)
    : fd_(::open(layout.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw base::UserError("cannot write " + layout.lock().string() + ": " + std::strerror(errno));
  // Workers of a killed sweep hold it until they die, moments after their parent.
  for (int tries = 0; ::flock(fd_, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 && errno == EWOULDBLOCK; ++tries) {
    if (tries == 20) {
      ::close(fd_);
      throw base::UserError("another sweep works in " + layout.root().string());
    }
    ::usleep(100000);
  }
}

FolderLock::~FolderLock() { ::close(fd_); }

void remove_leftovers(const SweepLayout& layout, bool replicated) {
  remove_working(layout.root(), 0);
  remove_working(layout.runs(), replicated ? 1 : 0);
}

namespace {

bool is_result(const fs::path& folder) {
  std::error_code e;
  return fs::exists(folder / "result.json", e);
}

void remove_broken_in(const fs::path& folder) {
  std::error_code e;
  for (const auto& entry : fs::directory_iterator(folder, e)) {
    if (!entry.is_directory(e) || entry.is_symlink(e) || is_result(entry.path())) continue;
    for (const auto& inner : fs::directory_iterator(entry.path(), e))
      if (is_result(inner.path()))
        throw base::UserError(entry.path().string() +
                              " holds replications, which the study has no more: give it its `replications` again, "
                              "choose another folder with -o, or replace all with --force");
    fs::remove_all(entry.path(), e);
  }
}

}  // namespace

void remove_broken(const SweepLayout& layout, bool replicated) {
  if (!replicated) return remove_broken_in(layout.runs());
  std::error_code e;
  for (const auto& point : fs::directory_iterator(layout.runs(), e))
    if (point.is_directory(e) && !point.is_symlink(e)) remove_broken_in(point.path());
}

void remove_results(const SweepLayout& layout) {
  std::error_code e;
  fs::remove_all(layout.runs(), e);
  for (const auto& entry : fs::directory_iterator(layout.root(), e)) {
    const std::string name = entry.path().filename().string();
    if (name.compare(0, 7, "journal") == 0 || name == "results.csv" || name == "results.columns.json")
      fs::remove(entry.path(), e);
  }
}

bool holds_files(const fs::path& folder) {
  std::error_code e;
  for (const auto& entry : fs::directory_iterator(folder, e)) {
    const std::string name = entry.path().filename().string();
    if (name != ".lock" && !OutputFolder::is_working_name(name)) return true;
  }
  return false;
}

std::string host_name() {
  char host[65] = "";
  ::gethostname(host, sizeof host - 1);
  return host;
}

}  // namespace iommusim::runner
