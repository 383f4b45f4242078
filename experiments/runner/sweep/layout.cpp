#include "experiments/runner/sweep/layout.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "models/base/error.h"

namespace iommusim::runner {

void write_file(const std::filesystem::path& path, const std::string& contents) {
  const std::filesystem::path partial =
      path.parent_path() / ("." + path.filename().string() + "." + std::to_string(::getpid()));
  std::ofstream out(partial, std::ios::binary);
  out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  out.close();
  std::error_code e;
  if (out) std::filesystem::rename(partial, path, e);
  if (!out || e)
    throw base::UserError("cannot write " + path.string() + ": " + (e ? e.message() : std::strerror(errno)));
}

}  // namespace iommusim::runner
