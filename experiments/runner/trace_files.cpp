#include "experiments/runner/trace_files.h"

#include <cerrno>
#include <cstring>

#include "models/base/error.h"

namespace iommusim::runner {
namespace {

constexpr const char* kCsv = "tlp.csv";
constexpr const char* kPerfetto = "trace.json";

void check(const std::ofstream& file, const char* name) {
  if (!file) throw base::UserError(std::string("cannot write ") + name + ": " + std::strerror(errno));
}

}  // namespace

const base::Fields<TraceConfig>& TraceConfig::fields() {
  static const auto f =
      base::Fields<TraceConfig>("trace", "What is recorded packet by packet; it does not change the results")
          .object("tlp", &TraceConfig::tlp, "The packets of every link");
  return f;
}

TraceFiles::TraceFiles(const TraceConfig& config, const OutputFolder& folder) {
  const auto open = [&](bool wanted, std::ofstream& file, const char* name) -> std::ostream* {
    if (!wanted) return nullptr;
    file.open(folder.working(name), std::ios::binary);
    check(file, name);
    return &file;
  };
  std::ostream* csv = open(config.tlp.csv, csv_, kCsv);
  std::ostream* perfetto = open(config.tlp.perfetto, perfetto_, kPerfetto);
  if (csv != nullptr || perfetto != nullptr) tlp_.emplace(config.tlp, csv, perfetto);
}

void TraceFiles::finish() {
  if (!tlp_) return;
  tlp_->finish();
  for (auto [file, name] : {std::pair{&csv_, kCsv}, std::pair{&perfetto_, kPerfetto}}) {
    if (!file->is_open()) continue;
    file->close();
    check(*file, name);
  }
}

}  // namespace iommusim::runner
