#include "experiments/runner/sweep/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "models/base/error.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string line_of(const RunRecord& r) {
  Json j{{"point", r.point}, {"seed", r.seed}, {"config", r.point_sha256}, {"state", r.done ? "done" : "failed"}};
  if (r.done) {
    j["columns"] = r.columns;
    Json row = Json::array();
    for (const double v : r.row) row.push_back(std::isnan(v) ? Json() : Json(v));
    j["row"] = std::move(row);
    j["modified"] = r.modified;
    j["bytes"] = r.bytes;
    j["cpu_s"] = r.cpu;
  } else {
    j["status"] = r.status;
    j["lines"] = r.lines;
  }
  return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

RunRecord record_of(const Json& j) {
  RunRecord r;
  r.point = j.at("point");
  r.seed = j.at("seed");
  r.point_sha256 = j.at("config");
  r.done = j.at("state") == "done";
  if (!r.done) {
    r.status = j.at("status");
    r.lines = j.at("lines");
    return r;
  }
  r.columns = j.at("columns");
  for (const Json& v : j.at("row"))
    r.row.push_back(v.is_null() ? std::numeric_limits<double>::quiet_NaN() : v.get<double>());
  r.modified = j.at("modified");
  r.bytes = j.at("bytes");
  r.cpu = j.at("cpu_s");
  return r;
}

}  // namespace

Journal::Journal(const fs::path& root, const std::string& name) : path_(root / name) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) throw base::UserError("cannot write " + path_.string() + ": " + std::strerror(errno));
  // A line that a kill cut short must not swallow the next one.
  char last = '\n';
  const off_t size = ::lseek(fd_, 0, SEEK_END);
  if (size > 0 && ::pread(fd_, &last, 1, size - 1) == 1 && last != '\n' && ::write(fd_, "\n", 1) != 1)
    throw base::UserError("cannot write " + path_.string() + ": " + std::strerror(errno));
}

Journal::~Journal() { ::close(fd_); }

void Journal::append(const RunRecord& record) {
  const std::string line = line_of(record);
  errno = ENOSPC;  // of a line that is written in part
  if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw base::UserError("cannot write " + path_.string() + ": " + std::strerror(errno));
}

void Journal::read(const fs::path& root, const std::function<void(RunRecord&&)>& visit) {
  std::vector<fs::path> files;
  std::error_code e;
  for (const auto& entry : fs::directory_iterator(root, e)) {
    const std::string name = entry.path().filename().string();
    if (name.compare(0, 7, "journal") == 0 && entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::string line;
    while (std::getline(in, line)) {
      const Json j = Json::parse(line, nullptr, false);
      if (!j.is_object()) continue;
      try {
        visit(record_of(j));
      } catch (const Json::exception&) {  // not one of ours
      }
    }
  }
}

bool stat_result(const fs::path& folder, RunRecord& record) {
  struct stat s {};
  if (::stat((folder / "result.json").c_str(), &s) != 0) return false;
  record.modified = static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1000000000 + s.st_mtim.tv_nsec;
  record.bytes = s.st_size;
  return true;
}

}  // namespace iommusim::runner
