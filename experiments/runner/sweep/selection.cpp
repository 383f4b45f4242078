#include "experiments/runner/sweep/selection.h"

#include <algorithm>

#include "models/base/text.h"

namespace iommusim::runner {
namespace {

bool has_value(const Study& study, std::size_t factor, const FactorValue& wanted) {
  for (const Level& level : study.factors[factor].levels)
    if (same_value(level.value, wanted)) return true;
  return false;
}

}  // namespace

Selection::Selection(const Study& study, const base::Node& node, const base::ReadContext& context) {
  for (const base::MapEntry& entry : node.entries) {
    const base::ReadContext at = context.at_key(entry.key);
    const std::size_t factor = study.factor_index(entry.key);
    if (factor == study.factors.size()) {
      std::vector<std::string> names;
      for (const Factor& f : study.factors) names.push_back(f.name);
      const std::string near = base::did_you_mean(entry.key, names);
      at.error(entry.position, "no such factor." + (near.empty() ? " Known: " + base::join(names) : near));
      continue;
    }
    Term term{factor, {}};
    const bool list = entry.value.kind == base::Node::Kind::list;
    for (std::size_t i = 0; i < (list ? entry.value.items.size() : 1); ++i) {
      const base::Node& value = list ? entry.value.items[i] : entry.value;
      if (value.kind != base::Node::Kind::scalar) {
        at.error(value.position, std::string("expected a value, or a list of values, found ") + value.kind_name());
        continue;
      }
      term.values.push_back(factor_value(value.text));
      if (has_value(study, factor, term.values.back())) continue;
      std::vector<std::string> known;
      for (const Level& level : study.factors[factor].levels)
        if (known.size() < 12) known.push_back(level.value.text);
      at.error(value.position, "no point has the value '" + value.text + "'. Known: " + base::join(known));
    }
    terms_.push_back(std::move(term));
  }
}

bool Selection::holds(const Point& point) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& t) {
    const FactorValue* value = point.values[t.factor];
    return value &&
           std::any_of(t.values.begin(), t.values.end(), [&](const FactorValue& v) { return same_value(v, *value); });
  });
}

const Selection::Term* Selection::term(std::size_t factor) const {
  for (const Term& t : terms_)
    if (t.factor == factor) return &t;
  return nullptr;
}

}  // namespace iommusim::runner
