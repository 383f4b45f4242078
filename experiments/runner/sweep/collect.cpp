#include "experiments/runner/sweep/collect.h"

#include <fmt/format.h>

#include <cmath>

#include "experiments/runner/sweep/reference.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFailures = 1000;

std::string header(const SweepRecord& record) {
  std::string line = "point,";
  for (const std::string& f : record.factor_names) line += csv_cell(f) + ",";
  line += "seed";
  for (const MetricColumn& m : record.metrics) line += "," + csv_cell(m.column);
  return line + "\n";
}

std::string columns_json(const SweepRecord& record) {
  auto json = nlohmann::ordered_json::object();
  json["point"] = {{"kind", "id"}, {"unit", ""}, {"description", "Point of the study; its folder below runs/"}};
  for (const auto& f : record.head.at("factors"))
    json[f.at("name").get<std::string>()] = {
        {"kind", "factor"}, {"unit", f.at("unit")}, {"description", f.at("description")}};
  json["seed"] = {{"kind", "id"}, {"unit", ""}, {"description", "run.seed of the replication"}};
  for (const MetricColumn& m : record.metrics)
    json[m.column] = {{"kind", "metric"}, {"unit", m.unit}, {"description", m.description}};
  return json.dump(1) + "\n";
}

class Collector {
 public:
  Collector(const SweepRecord& record, const SweepLayout& layout, RunIndex& index)
      : record_(record), layout_(layout), index_(index), planned_(record.points.size()) {
    means_.resize(record.metrics.size());
    for (auto& column : means_) column.assign(record.points.size(), kNoFigure);
  }

  SweepOutcome run() {
    write_file(layout_.results(), [this](std::ostream& out) {
      out << header(record_);
      for (std::size_t p = 0; p < record_.points.size(); ++p) point(p, out);
    });
    write_file(layout_.columns(), columns_json(record_));
    claims();
    write_study(layout_, record_, outcome_, [this](std::size_t p) { return states(p); });
    return std::move(outcome_);
  }

 private:
  void point(std::size_t p, std::ostream& out) {
    std::vector<double> until_values;
    std::vector<double> sums(record_.metrics.size(), 0.0);
    unsigned rows = 0;
    bool gap = false;
    unsigned planned = replications_planned(record_.rule, until_values);
    for (unsigned r = 0; r < planned; ++r) {
      const RunRecord* run = index_.done({p, r});
      gap = gap || !run;
      if (run) {
        ++rows;
        write_row(p, r, *run, out);
        for (std::size_t m = 0; m < sums.size(); ++m) sums[m] += run->row[m];
      } else {
        not_done({p, r});
      }
      if (!gap && record_.until_metric >= 0) {
        until_values.push_back(run->row[static_cast<std::size_t>(record_.until_metric)]);
        planned = replications_planned(record_.rule, until_values);
      }
    }
    planned_[p] = planned;
    outcome_.runs += planned;
    outcome_.done += rows;
    for (std::size_t m = 0; rows != 0 && m < sums.size(); ++m) means_[m][p] = sums[m] / rows;
  }
  void write_row(std::size_t p, unsigned r, const RunRecord& run, std::ostream& out) {
    const PointRecord& point = record_.points[p];
    out << point.name << ',' << point.cells << point.seed + r;
    for (const double v : run.row) out << ',' << number_text(v);
    out << '\n';
  }
  void not_done(RunId id) {
    const RunRecord* failure = index_.failed(id);
    ++(failure ? outcome_.failed : outcome_.pending);
    if (failure && outcome_.failures.size() < kMostFailures)
      outcome_.failures.push_back({record_.points[id.point].name, index_.seed(id), failure->status, failure->lines});
  }
  std::vector<RunState> states(std::size_t p) {
    std::vector<RunState> states;
    for (unsigned r = 0; r < planned_[p]; ++r) {
      const RunId id{p, r};
      const bool done = index_.done(id) != nullptr;
      states.push_back({index_.seed(id),
                        done                ? "done"
                        : index_.failed(id) ? "failed"
                                            : "pending",
                        done ? index_.later_digest(id) : ""});
    }
    return states;
  }
  void claims() {
    for (const Claim& claim : record_.claims) {
      std::size_t m = 0;
      while (m < record_.metrics.size() && record_.metrics[m].column != claim.metric) ++m;
      outcome_.claims.push_back(evaluate(
          claim, [&](std::size_t p) { return m < means_.size() ? means_[m][p] : kNoFigure; },
          [&](std::size_t p) { return record_.points[p].name; }));
    }
  }

  const SweepRecord& record_;
  const SweepLayout& layout_;
  RunIndex& index_;
  SweepOutcome outcome_;
  std::vector<std::vector<double>> means_;  // of each metric: of each point, over its replications
  std::vector<unsigned> planned_;
};

}  // namespace

SweepOutcome collect(const SweepRecord& record, const SweepLayout& layout, RunIndex& index) {
  return Collector(record, layout, index).run();
}

std::string claims_text(const SweepRecord& record, const SweepOutcome& outcome) {
  std::string text;
  std::size_t held = 0;
  for (std::size_t i = 0; i < outcome.claims.size(); ++i) {
    const ClaimResult& result = outcome.claims[i];
    held += result.status == ClaimStatus::pass;
    text += fmt::format("  {:7} {}\n          {}{}\n", to_text(result.status), record.claims[i].text, result.figures,
                        record.claims[i].reference.empty() ? "" : " [" + record.claims[i].reference + "]");
  }
  if (text.empty()) return text;
  return fmt::format("claims: {} of {} hold\n", held, outcome.claims.size()) + text;
}

std::string failure_text(const Failure& f) {
  std::string text = fmt::format("{} (seed {}): {}\n", f.point, f.seed, f.status);
  std::size_t begin = 0;
  while (begin < f.lines.size()) {
    const std::size_t end = std::min(f.lines.find('\n', begin), f.lines.size());
    text += "    " + f.lines.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return text;
}

std::string failures_text(const SweepOutcome& outcome) {
  std::string text;
  constexpr std::size_t most = 20;
  for (std::size_t i = 0; i < outcome.failures.size() && i < most; ++i) text += failure_text(outcome.failures[i]);
  if (outcome.failed > most)
    text += fmt::format("... and {} more: see `failures` in study.json\n", outcome.failed - most);
  return text;
}

}  // namespace iommusim::runner
