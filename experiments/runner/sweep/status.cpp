#include "experiments/runner/sweep/status.h"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>
#include <set>

#include "experiments/runner/sweep/collect.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

/// "12 s ago" of the latest change of each journal.
std::string journals(const fs::path& root) {
  std::string text;
  std::error_code e;
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(root, e))
    if (entry.path().extension() == ".jsonl") files.insert(entry.path());
  for (const fs::path& file : files) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(fs::file_time_type::clock::now() -
                                                                      fs::last_write_time(file, e));
    text += fmt::format("  {:40} last written {} s ago\n", file.filename().string(), std::max<long>(age.count(), 0));
  }
  return text;
}

/// Rate and what is left, from when the results of the last minutes were written; "" when they are too few, as of a
/// sweep that stands still.
std::string pace(std::vector<std::int64_t> written, std::size_t pending) {
  constexpr std::int64_t second = 1'000'000'000, window = 600 * second;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  written.erase(std::remove_if(written.begin(), written.end(), [&](std::int64_t t) { return t < now - window; }),
                written.end());
  if (written.size() < 5 || pending == 0) return "";
  const std::int64_t first = *std::min_element(written.begin(), written.end());
  const double minutes = static_cast<double>(std::max(now - first, second)) / (60.0 * second);
  const double rate = static_cast<double>(written.size() - 1) / minutes;  // the first begins the time, others end in it
  const double left = static_cast<double>(pending) / rate;
  return fmt::format("  {} runs per minute in the last {:.2g} minutes; at that rate {} to go\n",
                     rate < 10 ? fmt::format("{:.2g}", rate) : fmt::format("{:.0f}", rate), minutes,
                     left < 100 ? fmt::format("{:.2g} minutes", left) : fmt::format("{:.1f} hours", left / 60));
}

}  // namespace

std::string sweep_status(const fs::path& root) {
  const SweepRecord record = read_study(root);
  const SweepLayout layout(fs::absolute(root).lexically_normal(), record.replicated);
  RunIndex index(record, layout);
  std::size_t done = 0, failed = 0, pending = 0, finished = 0;
  std::string failures;
  std::vector<std::int64_t> written;
  for (std::size_t p = 0; p < record.points.size(); ++p) {
    std::vector<double> values;
    unsigned planned = replications_planned(record.rule, values);
    bool whole = true;
    for (unsigned r = 0; r < planned; ++r) {
      const RunId id{p, r};
      if (const RunRecord* run = index.done(id)) {
        ++done;
        written.push_back(run->modified);
        if (whole && record.until_metric >= 0) {
          values.push_back(run->row[static_cast<std::size_t>(record.until_metric)]);
          planned = replications_planned(record.rule, values);
        }
        continue;
      }
      whole = false;
      const RunRecord* failure = index.failed(id);
      ++(failure ? failed : pending);
      if (failure && failed <= 10)
        failures += failure_text({record.points[p].name, index.seed(id), failure->status, failure->lines});
    }
    finished += whole;
  }
  if (failed > 10)
    failures += fmt::format("... and {} more: see `failures` in study.json once collected\n", failed - 10);
  return fmt::format("{}\n{} of {} points complete; runs: {} done, {} failed, {} to go{}\n",
                     record.head.value("title", ""), finished, record.points.size(), done, failed, pending,
                     record.rule.until ? " as far as is known" : "") +
         pace(std::move(written), pending) + failures + journals(root);
}

}  // namespace iommusim::runner
