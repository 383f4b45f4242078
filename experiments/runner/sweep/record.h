// What study.json holds: the study as far as results need it, so that a sweep's folder explains itself.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "experiments/runner/sweep/claim.h"
#include "experiments/runner/sweep/layout.h"
#include "experiments/runner/sweep/replications.h"
#include "experiments/runner/sweep/resolver.h"
#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

struct MetricColumn {
  std::string column, path;
  double scale = 1;
  std::string unit, description;
};

/// A point as results need it.
struct PointRecord {
  std::string name;
  std::string json;   ///< its object in study.json up to the runs, without the closing brace
  std::string cells;  ///< its factors as cells of results.csv, each followed by a comma
  std::uint64_t seed = 0;
  std::vector<std::string> sha256;  ///< of the configurations of the first replications
  std::vector<std::string> later;   ///< of those after them, as far as study.json tells; "": it does not
};

struct SweepRecord {
  nlohmann::ordered_json head;  ///< title, factors, plots, ... as they stand in the file, without what is below
  std::vector<std::string> factor_names;
  std::vector<MetricColumn> metrics;
  ReplicationRule rule;
  bool replicated = false;
  int until_metric = -1;  ///< index of the metric the rule asks for; -1: none
  std::vector<Claim> claims;
  std::vector<PointRecord> points;
};

/// `metrics`: with units and descriptions found.
SweepRecord record_of(const Study& study, const std::vector<Resolver::Checked>& checked,
                      std::vector<MetricColumn> metrics);

/// Digest of the list of metrics and the version: rows of the journal hold for these only.
std::string columns_digest(const std::vector<MetricColumn>& metrics);

/// The state of a run in study.json.
struct RunState {
  std::uint64_t seed;
  const char* state;        ///< "done", "failed", "pending"
  std::string sha256 = "";  ///< of its configuration, where it is done and the point's list does not hold it
};
struct Failure {
  std::string point;
  std::uint64_t seed;
  std::string status, lines;
};

/// What a collect adds to the record.
struct SweepOutcome {
  std::size_t runs = 0, done = 0, failed = 0, pending = 0;
  std::vector<ClaimResult> claims;  ///< empty: not evaluated yet
  std::vector<Failure> failures;    ///< the first thousand
};

/// Writes study.json. `runs_of(p)` gives the runs of a point.
void write_study(const SweepLayout& layout, const SweepRecord& record, const SweepOutcome& outcome,
                 const std::function<std::vector<RunState>(std::size_t)>& runs_of);

/// Reads study.json of a sweep's folder, a point at a time. Throws base::UserError when there is none, or it is broken.
SweepRecord read_study(const std::filesystem::path& root);

}  // namespace iommusim::runner
