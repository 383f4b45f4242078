// From a claim's words to the points it compares.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "experiments/runner/sweep/claim.h"
#include "experiments/runner/sweep/reference.h"
#include "experiments/runner/sweep/selection.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

using base::Node;
using base::ReadContext;

class Resolution {
 public:
  Resolution(const Study& study, const ClaimConfig& config, const ReadContext& context, const Node& node)
      : study_(study), config_(config), context_(context), node_(node) {}

  Claim run() {
    claim_.text = config_.text;
    claim_.metric = config_.metric;
    claim_.of = config_.of;
    claim_.less_than = config_.less_than;
    claim_.at_most = config_.at_most;
    claim_.greater_than = config_.greater_than;
    claim_.at_least = config_.at_least;
    claim_.equals = config_.equals;
    claim_.monotone = config_.monotone;
    if (study_.metric_index(config_.metric) == study_.metrics.size()) {
      std::vector<std::string> known;
      for (const Metric& m : study_.metrics) known.push_back(m.column);
      error("metric",
            "'" + config_.metric + "' is no column of `metrics`." + base::did_you_mean(config_.metric, known));
    }
    tolerance();
    const std::size_t before = context_.diagnostics.size();
    const Selection where(study_, config_.where.node, context_.at_key("where"));
    if (context_.diagnostics.size() != before) return std::move(claim_);  // nobody knows which points are meant
    for (std::size_t p = 0; p < study_.points.size(); ++p)
      if (where.holds(study_.points[p])) claim_.rows.push_back({p, std::nullopt, std::nullopt});
    if (claim_.rows.empty()) error("where", "holds for no point");
    if (!config_.ratio_to.node.entries.empty()) pair(config_.ratio_to.node, "ratio_to");
    if (!config_.difference_to.node.entries.empty()) pair(config_.difference_to.node, "difference_to");
    claim_.ratio = !config_.ratio_to.node.entries.empty();
    if (config_.reference) reference();
    if (claim_.monotone != Monotone::none) chains();
    return std::move(claim_);
  }

 private:
  void error(const std::string& key, const std::string& message) {
    context_.at_key(key).error(position_of(node_, key), message);
  }

  void tolerance() {
    if (!config_.tolerance.given()) return;
    std::string text = config_.tolerance.node.text;
    if (!text.empty() && text.back() == '%') {
      claim_.relative = true;
      text.pop_back();
      while (!text.empty() && text.back() == ' ') text.pop_back();
    }
    const auto result = std::from_chars(text.data(), text.data() + text.size(), claim_.tolerance);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size() || !(claim_.tolerance >= 0) ||
        std::isinf(claim_.tolerance))
      error("tolerance", "expected a share of the expected value such as '5 %', or a number in the column's unit");
    if (claim_.relative) claim_.tolerance /= 100;
  }

  /// Forgets a point's value of a factor, and of those zipped with it. Values of a factor are one object each.
  void forget(std::size_t factor, std::vector<const FactorValue*>& values) const {
    for (std::size_t f = 0; f < values.size(); ++f)
      if (study_.factors[f].axis == study_.factors[factor].axis) values[f] = nullptr;
  }
  std::vector<const FactorValue*> rest(const Point& point, const Selection& change) const {
    std::vector<const FactorValue*> values = point.values;
    for (const Selection::Term& t : change.terms()) forget(t.factor, values);
    return values;
  }

  void pair(const Node& change_node, const std::string& key) {
    const std::size_t before = context_.diagnostics.size();
    const Selection change(study_, change_node, context_.at_key(key));
    if (context_.diagnostics.size() != before) return;
    std::map<std::vector<const FactorValue*>, std::vector<std::size_t>> partners;
    for (std::size_t p = 0; p < study_.points.size(); ++p)
      if (change.holds(study_.points[p])) partners[rest(study_.points[p], change)].push_back(p);
    for (Claim::Row& row : claim_.rows) {
      const auto& found = partners[rest(study_.points[row.point], change)];
      if (found.empty()) return error(key, "no point differs from '" + name(row.point) + "' in just this");
      if (found.size() > 1)
        return error(key, "two points differ from '" + name(row.point) + "' in just this, '" + name(found[0]) +
                              "' and '" + name(found[1]) + "': say which");
      row.base = found.front();
    }
  }
  const std::string& name(std::size_t point) const { return study_.points[point].name; }

  void reference() {
    const ReferenceConfig& config = *config_.reference;
    const Reference file(study_.path, config.file);
    if (!file.error().empty()) return error("reference.file", file.error());
    claim_.reference = config.file + ": " + config.column;
    if (!file.has(config.column)) return error("reference.column", file.no_column(config.column));
    std::map<std::size_t, std::string> matched;
    for (const base::MapEntry& entry : config.match.node.entries) {
      const std::size_t f = study_.factor_index(entry.key);
      if (f == study_.factors.size()) return error("reference.match." + entry.key, "is no factor");
      if (!file.has(entry.value.text)) return error("reference.match." + entry.key, file.no_column(entry.value.text));
      matched[f] = entry.value.text;
    }
    if (config.match.node.entries.empty())
      for (std::size_t f = 0; f < study_.factors.size(); ++f)
        if (file.has(study_.factors[f].name)) matched[f] = study_.factors[f].name;
    if (matched.empty())
      return error("reference", "no column of " + config.file + " is named like a factor: say which with `match`");
    std::size_t compared = 0;
    for (Claim::Row& row : claim_.rows) {
      const Point& point = study_.points[row.point];
      std::vector<Reference::Key> keys;
      for (const auto& [f, column] : matched)
        if (point.values[f]) keys.push_back({column, *point.values[f]});
      bool found = false;
      row.expected = file.lookup(keys, config.column, found);
      if (!found || keys.size() < matched.size())
        error("reference", config.file + " has no row for point '" + point.name + "': narrow `where`");
      compared += row.expected.has_value();
    }
    if (compared == 0) error("reference.column", "has no value for any of the points");
  }

  void chains() {
    const std::size_t over = study_.factor_index(config_.over);
    if (over == study_.factors.size()) return error("over", "'" + config_.over + "' is no factor");
    std::map<std::vector<const FactorValue*>, std::vector<std::size_t>> groups;
    for (const Claim::Row& row : claim_.rows) {
      std::vector<const FactorValue*> key = study_.points[row.point].values;
      if (!key[over]) return error("over", "point '" + name(row.point) + "' has no value of it");
      forget(over, key);
      groups[key].push_back(row.point);
    }
    for (auto& [key, points] : groups) {
      const auto number = [&](std::size_t p) { return study_.points[p].values[over]->number; };
      if (std::all_of(points.begin(), points.end(), [&](std::size_t p) { return number(p).has_value(); }))
        std::stable_sort(points.begin(), points.end(),
                         [&](std::size_t a, std::size_t b) { return *number(a) < *number(b); });
      std::map<const FactorValue*, std::size_t> seen;
      for (const std::size_t p : points)
        if (const auto [at, fresh] = seen.emplace(study_.points[p].values[over], p); !fresh)
          return error("over", "points '" + name(at->second) + "' and '" + name(p) + "' have the same value of it");
      if (points.size() > 1) claim_.chains.push_back(points);
    }
    std::sort(claim_.chains.begin(), claim_.chains.end());
    if (claim_.chains.empty()) error("over", "no two points differ in it alone");
  }

  const Study& study_;
  const ClaimConfig& config_;
  const ReadContext& context_;
  const Node& node_;
  Claim claim_;
};

}  // namespace

Claim resolve_claim(const Study& study, const ClaimConfig& config, const ReadContext& context, const Node& node) {
  return Resolution(study, config, context, node).run();
}

}  // namespace iommusim::runner
