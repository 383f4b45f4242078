#include "experiments/runner/sweep/study.h"

#include <algorithm>
#include <set>

#include "experiments/runner/sweep/points.h"
#include "experiments/runner/sweep/reference.h"
#include "experiments/runner/sweep/resolver.h"
#include "experiments/runner/sweep/selection.h"
#include "models/base/config/config.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

using base::Node;
using base::ReadContext;

void read_metrics(Study& study, base::Diagnostics& diagnostics) {
  const ReadContext top{diagnostics, "metrics"};
  const Node& map = study.config.metrics.node;
  if (map.entries.empty()) top.error(map.position, "expected a map of column to metric path");
  for (const base::MapEntry& entry : map.entries) {
    const ReadContext at = top.at_key(entry.key);
    MetricConfig config;
    if (entry.value.kind == Node::Kind::scalar)
      config.path = entry.value.text;
    else if (!MetricConfig::fields().read(entry.value, &config, at))
      continue;
    if (study.factor_index(entry.key) != study.factors.size() || entry.key == "point" || entry.key == "seed")
      at.error(entry.position, "is a column already");
    if (!is_line(entry.key)) at.error(entry.position, "a column's name holds control characters");
    study.metrics.push_back({entry.key, config.path, config.scale, config.unit, entry.value.position});
  }
}

std::vector<std::string> columns_of(const Study& study) {
  std::vector<std::string> names{"point", "seed"};
  for (const Factor& f : study.factors) names.push_back(f.name);
  for (const Metric& m : study.metrics) names.push_back(m.column);
  return names;
}

class Checks {
 public:
  Checks(Study& study, const Node& root, base::Diagnostics& diagnostics)
      : study_(study), root_(root), diagnostics_(diagnostics), columns_(columns_of(study)) {}

  void run() {
    if (study_.config.replications && study_.config.replications->until)
      metric(study_.config.replications->until->metric, "replications.until.metric");
    for (std::size_t i = 0; i < study_.config.plots.size(); ++i)
      plot(study_.config.plots[i], "plots[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < study_.config.claims.size(); ++i) {
      const std::string path = "claims[" + std::to_string(i) + "]";
      const Node* node = base::find_path(root_, path);
      study_.claims.push_back(resolve_claim(study_, study_.config.claims[i], at(path), node ? *node : root_));
    }
  }

 private:
  ReadContext at(const std::string& path) const { return {diagnostics_, path}; }
  void error(const std::string& path, const std::string& message) { at(path).error(position_of(root_, path), message); }
  void metric(const std::string& name, const std::string& path) {
    if (study_.metric_index(name) != study_.metrics.size()) return;
    std::vector<std::string> known;
    for (const Metric& m : study_.metrics) known.push_back(m.column);
    error(path, "'" + name + "' is no column of `metrics`." + base::did_you_mean(name, known));
  }
  void column(const std::string& name, const std::string& path) {
    if (name.empty() || std::find(columns_.begin(), columns_.end(), name) != columns_.end()) return;
    const std::string near = base::did_you_mean(name, columns_);
    error(path, "'" + name + "' is no column." + (near.empty() ? " Known: " + base::join(columns_) : near));
  }
  void plot(const PlotConfig& p, const std::string& path) {
    column(p.x, path + ".x");
    column(p.series, path + ".series");
    column(p.z, path + ".z");
    const Node& y = p.y.node;
    const bool columns =
        std::all_of(y.items.begin(), y.items.end(), [](const Node& n) { return n.kind == Node::Kind::scalar; });
    if (y.kind == Node::Kind::null || y.kind == Node::Kind::map || !columns ||
        (y.kind == Node::Kind::list && y.items.empty()))
      error(path + ".y", "expected a column, or a list of columns");
    if (p.kind == PlotKind::heat && p.z.empty())
      error(path + ".kind",
            "a heat map needs `z`, the column of its colour, e.g. `z: " + study_.metrics[0].column + "`");
    if (p.kind != PlotKind::heat && !p.z.empty())
      error(path + ".z", "is the colour of a heat map, `kind: heat`, and of nothing else");
    if (p.kind == PlotKind::heat && y.kind == Node::Kind::list && y.items.size() > 1)
      error(path + ".y", "a heat map has one column along each side");
    if (y.kind == Node::Kind::scalar) column(y.text, path + ".y");
    for (std::size_t i = 0; i < y.items.size(); ++i) column(y.items[i].text, path + ".y[" + std::to_string(i) + "]");
    if (!p.baseline.empty()) baseline(p, path);
    if (!p.where.node.entries.empty()) Selection(study_, p.where.node, at(path + ".where"));
    for (std::size_t i = 0; i < p.published.size(); ++i) {
      const PublishedConfig& c = p.published[i];
      if (c.file.empty()) continue;
      const std::string here = path + ".published[" + std::to_string(i) + "]";
      const Reference reference(study_.path, c.file);
      if (!reference.error().empty()) {
        error(here + ".file", reference.error());
        continue;
      }
      if (!reference.has(c.x_column)) error(here + ".x_column", reference.no_column(c.x_column));
      if (!reference.has(c.y_column)) error(here + ".y_column", reference.no_column(c.y_column));
      for (const base::MapEntry& e : c.where.node.entries)
        if (!reference.has(e.key)) error(here + ".where." + e.key, reference.no_column(e.key));
    }
  }

  void baseline(const PlotConfig& p, const std::string& path) {
    const std::size_t f = study_.factor_index(p.series);
    if (f == study_.factors.size()) return error(path + ".baseline", "is a value of `series`, which names no factor");
    const FactorValue wanted = factor_value(p.baseline);
    const auto& values = study_.factors[f].values;
    if (std::none_of(values.begin(), values.end(), [&](const FactorValue& v) { return same_value(v, wanted); }))
      error(path + ".baseline", "no point has the value '" + p.baseline + "' of '" + p.series + "'");
  }

  Study& study_;
  const Node& root_;
  base::Diagnostics& diagnostics_;
  std::vector<std::string> columns_;
};

/// Whether a document describes a machine or what it does, which studies leave to the configuration they run.
bool is_configuration(const Node& root) {
  if (is_study(root)) return false;
  const Node* const run = root.find("run");
  return root.find("platform") || root.find("workloads") || root.find("replay") ||
         (run && run->kind == Node::Kind::map);
}

}  // namespace

std::string Factor::unit() const {
  std::string unit;
  for (const FactorValue& value : values) {
    if (!value.number || (!unit.empty() && value.unit != unit)) return "";
    unit = value.unit;
  }
  return unit;
}

std::size_t Study::factor_index(const std::string& name) const {
  const auto at = std::find_if(factors.begin(), factors.end(), [&](const Factor& f) { return f.name == name; });
  return static_cast<std::size_t>(at - factors.begin());
}

std::size_t Study::metric_index(const std::string& column) const {
  const auto at = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.column == column; });
  return static_cast<std::size_t>(at - metrics.begin());
}

bool is_study(const Node& root) {
  for (const char* key : {"vary", "points", "metrics", "claims", "plots", "replications"})
    if (root.find(key)) return true;
  return false;
}

bool names_a_study(const std::string& file) {
  base::Diagnostics ignored;
  return is_study(base::load_document(file, {}, ignored));
}

std::unique_ptr<Study> load_study(const std::string& file) {
  base::Diagnostics diagnostics;
  const Node root = base::load_document(file, {}, diagnostics);
  if (is_configuration(root))
    throw base::UserError(file +
                          ": this is a configuration, no study: use `iommusim run`, or write a study that names it as "
                          "`run:`");
  auto study = std::make_unique<Study>();
  study->path = file;
  if (root.kind == Node::Kind::map) {
    study->config = base::read_config<StudyConfig>(root, diagnostics);
    diagnostics.raise();  // what follows relies on keys of the right kinds
    expand_points(*study, root, diagnostics);
    read_metrics(*study, diagnostics);
    diagnostics.raise();  // claims and plots would complain about columns and points that the user never meant
    Checks(*study, root, diagnostics).run();
    if (!diagnostics.empty()) Resolver(*study).check();  // a value that is none of its key comes before what misses it
  }
  diagnostics.raise();
  return study;
}

}  // namespace iommusim::runner
