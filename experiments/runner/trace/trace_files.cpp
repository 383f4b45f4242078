#include "experiments/runner/trace/trace_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "models/base/error.h"

namespace iommusim::runner {
namespace {

constexpr const char* kCsv = "tlp.csv";
constexpr const char* kJson = "trace.json";
constexpr const char* kTimeline = "timeline.csv";

void check(const std::ofstream& file, const char* name) {
  if (!file) throw base::UserError(std::string("cannot write ") + name + ": " + std::strerror(errno));
}

void open(std::ofstream& file, const char* name, const OutputFolder& folder) {
  file.open(folder.working(name), std::ios::binary);
  check(file, name);
}

void close(std::ofstream& file, const char* name) {
  if (!file.is_open()) return;
  file.close();
  check(file, name);
}

}  // namespace

TraceFiles::TraceFiles(const TraceConfig& config, Time window, const OutputFolder& folder) : config_(config) {
  if (config.tlp.csv) {
    open(csv_, kCsv, folder);
    tlp_.emplace(config.tlp, csv_);
  }
  if (config.perfetto.json) {
    open(json_, kJson, folder);
    perfetto_.emplace(config.perfetto, window, json_);
  }
  if (config.timeline.csv) open(timeline_csv_, kTimeline, folder);
}

void TraceFiles::begin(const base::Group& root) {
  if (perfetto_) perfetto_->watch(root);
  if (config_.timeline.csv) timeline_.emplace(config_.timeline, root, timeline_csv_);
}

base::Time TraceFiles::next_look() const {
  return std::min(perfetto_ ? perfetto_->next_look() : Time::max(), timeline_ ? timeline_->next() : Time::max());
}

void TraceFiles::look(Time now) {
  if (perfetto_ && perfetto_->next_look() == now) perfetto_->levels(now);
  if (timeline_ && timeline_->next() == now) timeline_->cut(now);
}

void TraceFiles::window_begins(Time now) {
  if (timeline_) timeline_->cut(now);
}

void TraceFiles::metrics_reset(Time now) {
  if (timeline_) timeline_->reset(now);
}

void TraceFiles::window_ends(Time now) {
  if (timeline_) timeline_->finish(now);
}

void TraceFiles::finish(Time now) {
  if (tlp_) tlp_->finish();
  if (perfetto_) perfetto_->finish(now);
  close(csv_, kCsv);
  close(json_, kJson);
  close(timeline_csv_, kTimeline);
}

}  // namespace iommusim::runner
