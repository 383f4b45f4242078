#include "experiments/runner/sweep/layout.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "experiments/runner/output_folder.h"
#include "models/base/error.h"

namespace iommusim::runner {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  const fs::path partial = OutputFolder::working_of(path, ::getpid());
  std::ofstream out(partial, std::ios::binary);
  write(out);
  out.close();
  std::error_code e;
  if (out) fs::rename(partial, path, e);
  if (out && !e) return;
  const std::string why = e ? e.message() : std::strerror(errno);
  fs::remove(partial, e);
  throw base::UserError("cannot write " + path.string() + ": " + why);
}

void write_file(const fs::path& path, const std::string& contents) {
  write_file(path,
             [&](std::ostream& out) { out.write(contents.data(), static_cast<std::streamsize>(contents.size())); });
}

}  // namespace iommusim::runner
