// Which runs of a sweep have ended: from the journals, and from results that no journal tells of.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>

#include "experiments/runner/sweep/journal.h"
#include "experiments/runner/sweep/record.h"

namespace iommusim::runner {

class RunIndex {
 public:
  /// Reads the journals below the layout's root.
  RunIndex(const SweepRecord& record, const SweepLayout& layout);

  /// The digest of the configuration of replications beyond the first. Without it their results count when a journal or
  /// the study.json that a collect has written tells of them.
  void digest_by(std::function<std::string(RunId)> digest) { digest_of_ = std::move(digest); }
  /// Where results are noted that were read because no journal tells of them; null: nowhere.
  void note_in(Journal* journal) { journal_ = journal; }

  /// The record of a run with a valid result: one whose configuration and version are those expected. Null when there
  /// is none. Looks at the file, so that a result removed or replaced by hand is noticed.
  const RunRecord* done(RunId id);
  /// The digest of the configuration of a run that is done, where the point's record does not hold it; else "".
  std::string later_digest(RunId id) const;
  /// The last failure of a run that has no valid result; null when it has not failed.
  const RunRecord* failed(RunId id);
  void put(RunId id, RunRecord record);
  std::uint64_t seed(RunId id) const { return record_.points[id.point].seed + id.replication; }

 private:
  static std::uint64_t key(RunId id) { return id.point * kMostReplications + id.replication; }
  bool read_result(RunId id, RunRecord& out) const;
  const SweepRecord& record_;
  const SweepLayout& layout_;
  const std::string columns_;
  std::unordered_map<std::uint64_t, RunRecord> runs_;
  std::function<std::string(RunId)> digest_of_;
  Journal* journal_ = nullptr;
};

/// The row of a result's metrics, scaled; NaN where it has none.
std::vector<double> row_of(const nlohmann::ordered_json& metrics, const std::vector<MetricColumn>& columns);

}  // namespace iommusim::runner
