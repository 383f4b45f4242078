#include "experiments/runner/output_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "models/base/error.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

fs::path sibling(const fs::path& path, const char* purpose, long pid = ::getpid()) {
  char host[65] = "";
  ::gethostname(host, sizeof host - 1);
  return path.parent_path() / ("." + path.filename().string() + "." + purpose + "." + host + "." + std::to_string(pid));
}

// A result folder is one of ours (or empty): --force must not delete somebody's home directory for a mistyped -o.
bool looks_like_results(const fs::path& path) {
  std::error_code e;
  if (!fs::is_directory(path, e)) return false;
  return fs::is_empty(path, e) || fs::exists(path / "result.json", e);
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& path, bool replace) : replace_(replace) {
  path_ = fs::absolute(path).lexically_normal();
  if (!path_.has_filename()) path_ = path_.parent_path();  // a trailing slash
  if (fs::exists(fs::symlink_status(path_))) {
    std::error_code e;
    if (fs::exists(path_ / "study.json", e))
      throw base::UserError(path.string() + " is the folder of a sweep. Choose another for this run with -o.");
    if (!replace) {
      throw base::UserError(path.string() +
                            " exists already. Choose another folder with -o, or replace it with --force.");
    }
    if (!looks_like_results(path_)) {
      throw base::UserError(path.string() +
                            " is no result folder (it has no result.json): --force does not replace it.");
    }
  }
  std::error_code e;
  for (fs::path p = path_.parent_path(); !p.empty() && !fs::exists(p, e) && p != p.root_path(); p = p.parent_path())
    made_.insert(made_.begin(), p);
  fs::create_directories(path_.parent_path(), e);
  working_ = sibling(path_, "partial");
  fs::remove_all(working_, e);
  if (!fs::create_directory(working_, e)) {
    remove_made();
    throw base::UserError("cannot create a folder in " + path_.parent_path().string() + ": " + e.message());
  }
}

OutputFolder::~OutputFolder() {
  if (published_) return;
  std::error_code e;
  fs::remove_all(working_, e);
  remove_made();
}

// Empty ones only: somebody else may have put something there.
void OutputFolder::remove_made() {
  std::error_code e;
  for (auto p = made_.rbegin(); p != made_.rend() && fs::is_empty(*p, e) && !e; ++p) fs::remove(*p, e);
}

fs::path OutputFolder::working_of(const fs::path& path, long pid) { return sibling(path, "partial", pid); }

bool OutputFolder::is_working_name(const std::string& name) {
  return name[0] == '.' &&
         (name.find(".partial.") != std::string::npos || name.find(".replaced.") != std::string::npos);
}

void OutputFolder::write(const std::string& name, const std::string& contents) {
  std::ofstream out(working_ / name, std::ios::binary);
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  out.close();
  if (!out)
    throw base::UserError("cannot write " + name + " in " + path_.parent_path().string() + ": " + std::strerror(errno));
}

void OutputFolder::publish() {
  // At once where the file system can: whoever is killed, one of the two is there.
  if (replace_ && ::renameat2(AT_FDCWD, working_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
    published_ = true;
    std::error_code ignored;
    fs::remove_all(working_, ignored);
    return;
  }
  const fs::path old = sibling(path_, "replaced");
  bool moved = false;
  std::error_code e;
  if (replace_ && fs::exists(path_)) {
    fs::remove_all(old, e);
    fs::rename(path_, old, e);
    if (e) throw base::UserError("cannot replace " + path_.string() + ": " + e.message());
    moved = true;
  }
  // RENAME_NOREPLACE: an empty folder that appeared meanwhile would otherwise be replaced silently.
  if (::renameat2(AT_FDCWD, working_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
    const int error = errno;
    bool renamed = false;
    if (error == EINVAL || error == ENOSYS) {  // a file system without the flag
      fs::rename(working_, path_, e);
      renamed = !e;
    }
    if (!renamed) {
      if (moved) fs::rename(old, path_, e);
      throw base::UserError("cannot create " + path_.string() + ": " + std::strerror(error));
    }
  }
  published_ = true;
  if (moved) fs::remove_all(old, e);
}

}  // namespace iommusim::runner
