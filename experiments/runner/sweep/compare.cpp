#include "experiments/runner/sweep/compare.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "experiments/runner/sweep/figures.h"
#include "experiments/runner/sweep/reference.h"
#include "experiments/runner/sweep/statistics.h"
#include "experiments/runner/sweep/table.h"
#include "experiments/runner/sweep/value.h"
#include "models/base/error.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// What is compared: figures of a run (point empty), or a metric at a point with its replications.
struct Entry {
  std::string point, metric, unit;
  std::vector<double> values;
};
using Entries = std::vector<Entry>;

Json read_json(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  Json json = Json::parse(in, nullptr, false);
  if (!json.is_object()) throw base::UserError(file.string() + " cannot be read as JSON");
  return json;
}

Entries of_run(const fs::path& folder) {
  Entries entries;
  const Json document = read_json(folder / "result.json");
  if (!document.contains("metrics")) throw base::UserError((folder / "result.json").string() + " is no result");
  for_each_figure(document["metrics"], [&](const std::string& path, const FigureInfo& f) {
    entries.push_back({"", path, f.unit, {f.value}});
  });
  return entries;
}

Entries of_sweep(const fs::path& folder) {
  const Json columns = read_json(folder / "results.columns.json");
  const ResultTable table = read_results(folder / "results.csv");
  Entries entries;
  std::map<std::pair<std::string, std::string>, std::size_t> at;
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto column = columns.find(table.columns[c]);
      const auto value = factor_value(row[c]).number;
      if (column == columns.end() || column->value("kind", "") != "metric" || !value) continue;
      const auto [known, is_new] = at.try_emplace({row[0], table.columns[c]}, entries.size());
      if (is_new) entries.push_back({row[0], table.columns[c], column->value("unit", ""), {}});
      entries[known->second].values.push_back(*value);
    }
  }
  return entries;
}

bool is_sweep(const fs::path& folder) {
  std::error_code e;
  if (fs::exists(folder / "results.csv", e)) return true;
  if (fs::exists(folder / "result.json", e)) return false;
  throw base::UserError(folder.string() + " holds neither result.json nor results.csv");
}

struct Change {
  const Entry *a, *b;
  Sample sa, sb;
  double relative, p, p_holm;
};

bool contains_any(const std::string& metric, const std::vector<std::string>& texts) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return metric.find(text) != std::string::npos; });
}

/// Each text of -m must be in a metric of A or B. What is near is a metric's path, or a part of it.
void check_metrics(const std::vector<std::string>& texts, const Entries& a, const Entries& b) {
  std::set<std::string> metrics, parts;
  for (const Entries* entries : {&a, &b})
    for (const Entry& e : *entries) metrics.insert(e.metric);
  for (const std::string& text : texts) {
    if (std::any_of(metrics.begin(), metrics.end(), [&](const std::string& m) { return contains_any(m, {text}); }))
      continue;
    for (const std::string& m : metrics)
      for (std::size_t at = 0; at != std::string::npos; at = m.find('.', at + 1)) {
        const std::size_t begin = at == 0 ? 0 : at + 1;
        parts.insert(m.substr(begin));
        parts.insert(m.substr(begin, m.find('.', begin) - begin));
      }
    const std::string near = base::did_you_mean(text, {parts.begin(), parts.end()});
    std::vector<std::string> some;
    for (const std::string& m : metrics)
      if (some.size() < 8) some.push_back(m);
    if (some.size() < metrics.size()) some.emplace_back("...");
    throw base::UserError("-m: no metric's path contains '" + text + "'." +
                          (near.empty() ? " Known: " + base::join(some) : near));
  }
}

std::vector<Change> changes(const Entries& a, const Entries& b, const CompareOptions& options) {
  std::map<std::pair<std::string, std::string>, const Entry*> others;
  for (const Entry& e : b) others[{e.point, e.metric}] = &e;
  std::vector<Change> out;
  for (const Entry& e : a) {
    const auto other = others.find({e.point, e.metric});
    const bool wanted = options.metrics.empty() || contains_any(e.metric, options.metrics);
    if (!wanted || other == others.end() || other->second->unit != e.unit) continue;
    const Sample sa = sample_of(e.values), sb = sample_of(other->second->values);
    const double relative = sa.mean == sb.mean ? 0 : (sb.mean - sa.mean) / std::fabs(sa.mean);  // infinite from 0
    out.push_back({&e, other->second, sa, sb, relative, welch_p(sa, sb), 0});
  }
  std::vector<double> p;
  for (const Change& c : out) p.push_back(c.p);
  p = holm(p);  // those that turn out equal are tests, too
  for (std::size_t i = 0; i < out.size(); ++i) out[i].p_holm = p[i];
  const auto equal = [](const Change& c) { return c.sa.mean == c.sb.mean; };
  if (!options.all) out.erase(std::remove_if(out.begin(), out.end(), equal), out.end());
  std::stable_sort(out.begin(), out.end(),
                   [](const Change& x, const Change& y) { return std::fabs(x.relative) > std::fabs(y.relative); });
  return out;
}

std::string csv(const std::vector<Change>& all) {
  std::string text = "point,metric,unit,a,b,change,a_deviation,b_deviation,a_count,b_count,p,p_holm\n";
  for (const Change& c : all) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_cell(c.a->point), csv_cell(c.a->metric),
                        csv_cell(c.a->unit), number_text(c.sa.mean), number_text(c.sb.mean), number_text(c.relative),
                        number_text(c.sa.deviation), number_text(c.sb.deviation), c.sa.count, c.sb.count,
                        number_text(c.p), number_text(c.p_holm));
  }
  return text;
}

std::string p_text(double p) { return std::isnan(p) ? "" : p < 1e-4 ? "< 0.0001" : fmt::format("{:.4f}", p); }

std::string table(const std::vector<Change>& all, bool sweep) {
  const bool tested = std::any_of(all.begin(), all.end(), [](const Change& c) { return !std::isnan(c.p); });
  std::vector<std::vector<std::string>> rows{{"metric", "A", "B", "unit", "change"}};
  if (sweep) rows[0].insert(rows[0].begin(), "point");
  if (tested) rows[0].insert(rows[0].end(), {"p", "p (Holm)"});
  for (const Change& c : all) {
    std::vector<std::string> row{c.a->metric, fmt::format("{:.6g}", c.sa.mean), fmt::format("{:.6g}", c.sb.mean),
                                 c.a->unit,
                                 std::isinf(c.relative) ? "from 0" : fmt::format("{:+.2f} %", 100 * c.relative)};
    if (sweep) row.insert(row.begin(), c.a->point);
    if (tested) row.insert(row.end(), {p_text(c.p), p_text(c.p_holm)});
    rows.push_back(std::move(row));
  }
  return aligned(rows);
}

/// What only one of the two has.
std::string alone(const Entries& a, const Entries& b, const char* name) {
  std::map<std::pair<std::string, std::string>, bool> others;
  for (const Entry& e : b) others[{e.point, e.metric}] = true;
  std::size_t count = 0;
  std::string first;
  for (const Entry& e : a) {
    if (others.count({e.point, e.metric}) != 0) continue;
    if (count++ == 0) first = (e.point.empty() ? "" : e.point + ": ") + e.metric;
  }
  return count == 0 ? "" : fmt::format("only in {}: {} figures, the first is {}\n", name, count, first);
}

/// Figures that are not compared because they are not of one kind.
std::string other_units(const Entries& a, const Entries& b) {
  std::map<std::string, std::string> units;
  for (const Entry& e : b) units.emplace(e.metric, e.unit);
  std::map<std::string, std::string> said;
  for (const Entry& e : a) {
    const auto other = units.find(e.metric);
    if (other != units.end() && other->second != e.unit)
      said.emplace(e.metric,
                   fmt::format("not compared: {} is in {} in A, in {} in B\n", e.metric, e.unit, other->second));
  }
  std::string text;
  for (const auto& [metric, line] : said) text += line;
  return text;
}

}  // namespace

std::string compare_text(const fs::path& a, const fs::path& b, const CompareOptions& options) {
  const bool sweep = is_sweep(a);
  if (is_sweep(b) != sweep)
    throw base::UserError(a.string() + " and " + b.string() + " are not comparable: one is a run, the other a sweep");
  const Entries first = sweep ? of_sweep(a) : of_run(a), second = sweep ? of_sweep(b) : of_run(b);
  check_metrics(options.metrics, first, second);
  const std::vector<Change> all = changes(first, second, options);
  if (options.csv) return csv(all);
  const std::string rest = other_units(first, second) + alone(first, second, "A") + alone(second, first, "B");
  return (all.empty() ? "no figure differs\n" : table(all, sweep)) + rest;
}

}  // namespace iommusim::runner
