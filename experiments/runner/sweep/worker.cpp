#include "experiments/runner/sweep/worker.h"

#include <time.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <new>
#include <set>

#include "experiments/runner/exit_code.h"
#include "experiments/runner/glossary.h"
#include "experiments/runner/result_folder.h"
#include "experiments/runner/sweep/figures.h"
#include "experiments/runner/sweep/pool.h"
#include "experiments/runner/sweep/run_index.h"
#include "experiments/runner/version.h"
#include "models/base/config/diagnostics.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

using Json = nlohmann::ordered_json;

void send(int file, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t n = ::write(file, text.data() + sent, text.size() - sent);
    if (n <= 0) return;  // the parent is gone
    sent += static_cast<std::size_t>(n);
  }
}

/// Turns what a run throws into an exit status and a line on standard error, as the program does.
template <class F>
int guarded(const F& work) {
  try {
    work();
    return exit_ok;
  } catch (const RunFailed& e) {
    std::cerr << e.what() << "\n";
    return exit_failed;
  } catch (const base::UserError& e) {
    std::cerr << e.what() << "\n";
    return exit_user_error;
  } catch (const std::bad_alloc&) {
    std::cerr << "out of memory\n";
    return exit_failed;
  }
}

/// The metrics of a valid result; null when there is none, or it is not whole.
Json valid_metrics(const std::filesystem::path& folder, const Provenance& provenance) {
  const auto head = read_result_head(folder);
  if (!head || head->version != version() || head->configuration_sha256 != provenance.configuration_sha256) return {};
  std::ifstream file(folder / "result.json", std::ios::binary);
  Json result = Json::parse(file, nullptr, false);
  return result.is_object() && result.contains("metrics") ? std::move(result["metrics"]) : Json();
}

void send_row(int report, const std::vector<double>& values, double cpu) {
  Json row = Json::array();
  for (const double v : values) row.push_back(std::isfinite(v) ? Json(v) : Json());
  send(report, Json{{"row", row}, {"cpu", cpu}}.dump());
}

}  // namespace

double cpu_seconds() {
  struct timespec t {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

int run_in_worker(const ExperimentConfig& config, const Provenance& provenance,
                  const std::vector<MetricColumn>& metrics, const std::filesystem::path& path, int report) {
  return guarded([&] {
    if (const Json there = valid_metrics(path, provenance); !there.is_null()) {
      send_row(report, row_of(there, metrics), 0);  // another live copy of this work was faster
      return;
    }
    Progress progress(false);
    std::error_code e;
    OutputFolder folder(path, std::filesystem::exists(path, e));
    const double start = cpu_seconds();
    const RunOutcome outcome = run_into(folder, config, provenance, progress);
    const double cpu = cpu_seconds() - start;
    bool ours = true;
    try {
      folder.publish();
    } catch (const base::UserError&) {
      if (valid_metrics(path, provenance).is_null()) throw;
      ours = false;  // another live copy was faster: the folder's destructor removes what we made
    }
    send_row(report, row_of(outcome.result.at("metrics"), metrics), cpu);
    if (ours) ::_exit(exit_ok);  // taking the result's tree apart would cost as much as making it
  });
}

WorkerReport parse_report(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw base::UserError("a worker ended without its report");
  WorkerReport report;
  for (const Json& v : json.at("row")) report.row.push_back(v.is_null() ? kNoFigure : v.get<double>());
  report.cpu = json.at("cpu");
  return report;
}

namespace {

/// Points to try, in this order: the first, then one with each value of each factor.
std::vector<std::size_t> points_to_try(const Study& study) {
  std::vector<std::size_t> tried;
  std::set<const FactorValue*> seen;
  std::set<unsigned> files;
  for (std::size_t p = 0; p < study.points.size(); ++p) {
    bool news = files.insert(study.points[p].file).second;
    for (const FactorValue* v : study.points[p].values) news = (v && seen.insert(v).second) || news;
    if (news) tried.push_back(p);
  }
  return tried;
}

/// What a machine has of the metrics wanted: [unit, description] by column, and names near those it lacks.
std::string probe(const ExperimentConfig& config, const std::vector<Metric>& wanted) {
  const Json metrics = elaborate_metrics(config);
  Json found = Json::object(), near = Json::object();
  for (const Metric& m : wanted) {
    if (const auto figure = find_figure(metrics, m.path)) {
      found[m.column] = {figure->unit, figure->description};
      continue;
    }
    std::vector<std::string> ends, all;
    const std::string last = m.path.substr(m.path.rfind('.') + 1);
    for_each_figure(metrics, [&](const std::string& path, const FigureInfo&) {
      all.push_back(path);
      if (path.size() >= last.size() && path.compare(path.size() - last.size(), last.size(), last) == 0 &&
          ends.size() < 6)
        ends.push_back(path);
    });
    const std::string did = base::did_you_mean(m.path, all);
    near[m.column] = !did.empty() ? did : ends.empty() ? "" : " Some that exist: " + base::join(ends);
  }
  return Json{{"found", found}, {"near", near}}.dump();
}

}  // namespace

void try_machine(const ExperimentConfig& config) {
  Pool pool(1, {});
  pool.start(0, [&](int) { return guarded([&] { elaborate_metrics(config); }); });
  while (!pool.idle())
    for (const Pool::Ended& e : pool.wait(std::chrono::seconds(1)))
      if (!e.done) throw base::UserError(e.lines);
}

std::vector<MetricColumn> find_metrics(const Study& study, const Resolver& resolver, unsigned processes) {
  std::vector<MetricColumn> columns;
  for (const Metric& m : study.metrics) columns.push_back({m.column, m.path, m.scale, "", ""});
  std::vector<std::string> near(columns.size());
  std::size_t missing = columns.size();
  Pool pool(processes, {});
  const auto take = [&](const Pool::Ended& ended) {
    if (!ended.done)
      throw base::UserError("point " + study.points[ended.tag].name + ": its machine cannot be built (" + ended.status +
                            ")\n" + ended.lines);
    const Json json = Json::parse(ended.report);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto found = json["found"].find(columns[i].column);
      if (found == json["found"].end()) {
        if (near[i].empty()) near[i] = json["near"].value(columns[i].column, "");
      } else if (columns[i].unit.empty()) {
        --missing;
        columns[i].unit = study.metrics[i].unit.empty() ? scaled_unit((*found)[0].get<std::string>(), columns[i].scale)
                                                        : study.metrics[i].unit;
        columns[i].description = (*found)[1];
      }
    }
  };
  for (const std::size_t p : points_to_try(study)) {
    while (pool.full())
      for (const Pool::Ended& e : pool.wait(std::chrono::seconds(1))) take(e);
    if (missing == 0) break;
    pool.start(p, [&](int report) {
      return guarded([&] { send(report, probe(resolver.config(study.points[p], 0), study.metrics)); });
    });
    while (p == 0 && !pool.idle())  // most studies need no more than the first
      for (const Pool::Ended& e : pool.wait(std::chrono::seconds(1))) take(e);
  }
  while (!pool.idle())
    for (const Pool::Ended& e : pool.wait(std::chrono::seconds(1))) take(e);
  base::Diagnostics diagnostics;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].unit.empty())
      diagnostics.add(study.metrics[i].position, "metrics." + columns[i].column,
                      "no machine of the study has a metric '" + columns[i].path + "'." + near[i]);
  diagnostics.raise();
  return columns;
}

}  // namespace iommusim::runner
