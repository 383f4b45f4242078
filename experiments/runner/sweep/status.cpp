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

}  // namespace

std::string sweep_status(const fs::path& root) {
  const SweepRecord record = read_study(root);
  const SweepLayout layout(fs::absolute(root).lexically_normal(), record.replicated);
  RunIndex index(record, layout);
  std::size_t done = 0, failed = 0, pending = 0, finished = 0;
  std::string failures;
  for (std::size_t p = 0; p < record.points.size(); ++p) {
    std::vector<double> values;
    unsigned planned = replications_planned(record.rule, values);
    bool whole = true;
    for (unsigned r = 0; r < planned; ++r) {
      const RunId id{p, r};
      if (const RunRecord* run = index.done(id)) {
        ++done;
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
  return fmt::format("{}\n{} of {} points complete; runs: {} done, {} failed, {} to go{}\n",
                     record.head.value("title", ""), finished, record.points.size(), done, failed, pending,
                     record.rule.until ? " as far as is known" : "") +
         failures + journals(root);
}

}  // namespace iommusim::runner
