#include "experiments/runner/sweep/selection.h"

#include <algorithm>

#include "experiments/runner/sweep/condition.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

/// What an entry's value, or any item of its list, means.
Selection::Term term_of(const Study& study, std::size_t factor, const base::Node& node, const base::ReadContext& at) {
  Selection::Term term{factor, {}};
  const bool list = node.kind == base::Node::Kind::list;
  std::vector<std::string> conditions;
  for (std::size_t i = 0; i < (list ? node.items.size() : 1); ++i) {
    const base::Node& item = list ? node.items[i] : node;
    if (item.kind != base::Node::Kind::scalar) {
      at.error(item.position, std::string("expected a value, or a list of values, found ") + item.kind_name());
      continue;
    }
    const Meant meant = meant_by(item.text, study.factors[factor]);
    if (!meant.error.empty()) at.error(item.position, meant.error);
    if (meant.condition) conditions.push_back(item.text);
    term.values.insert(meant.values.begin(), meant.values.end());
  }
  if (list && node.items.empty()) at.error(node.position, "expected a value, or a list of values, found an empty list");
  // [> 1, < 8] is a trap: any of a list is enough, so it leaves out nothing.
  if (conditions.size() > 1 && term.values.size() == study.factors[factor].values.size())
    at.error(node.position,
             "leaves out no value, as one condition of a list is enough: join those that hold together, '" +
                 conditions[0] + " and " + conditions[1] + "'");
  return term;
}

}  // namespace

Selection::Selection(const Study& study, const base::Node& node, const base::ReadContext& context) {
  for (const base::MapEntry& entry : node.entries) {
    const base::ReadContext at = context.at_key(entry.key);
    const std::size_t factor = study.factor_index(entry.key);
    if (factor < study.factors.size()) {
      terms_.push_back(term_of(study, factor, entry.value, at));
      continue;
    }
    std::vector<std::string> names;
    for (const Factor& f : study.factors) names.push_back(f.name);
    const std::string near = base::did_you_mean(entry.key, names);
    at.error(entry.position, "no such factor." + (near.empty() ? " Known: " + base::join(names) : near));
  }
}

bool Selection::holds(const Point& point) const {
  return std::all_of(terms_.begin(), terms_.end(),
                     [&](const Term& t) { return t.values.count(point.values[t.factor]); });
}

}  // namespace iommusim::runner
