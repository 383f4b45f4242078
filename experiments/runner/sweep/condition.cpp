#include "experiments/runner/sweep/condition.h"

#include <algorithm>
#include <functional>

#include "models/base/text.h"

namespace iommusim::runner {
namespace {

using Holds = std::function<bool(const FactorValue&)>;

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

const FactorValue* find(const Factor& factor, const std::string& text) {
  const FactorValue wanted = factor_value(text);
  const auto at = std::find_if(factor.values.begin(), factor.values.end(),
                               [&](const FactorValue& v) { return same_value(v, wanted); });
  return at == factor.values.end() ? nullptr : &*at;
}

std::string known(const Factor& factor) {
  std::vector<std::string> texts;
  for (const FactorValue& v : factor.values)
    if (texts.size() < 12) texts.push_back(v.text);
  return " Known: " + base::join(texts) + (factor.values.size() > texts.size() ? ", ..." : "");
}

/// A quantity of the factor, for examples; null when its values are texts.
const FactorValue* example(const Factor& factor) {
  const auto at = std::find_if(factor.values.begin(), factor.values.end(),
                               [](const FactorValue& v) { return v.number.has_value(); });
  return at == factor.values.end() ? nullptr : &*at;
}

Holds comparison(const std::string& text, const Factor& factor, std::string& error) {
  const bool includes = text.size() > 1 && text[1] == '=';
  const std::string sign = text.substr(0, includes ? 2 : 1), operand = trimmed(text.substr(sign.size()));
  const FactorValue* const quantity = example(factor);
  if (!quantity) {
    error = "the values of '" + factor.name + "' are texts, which have no order: name them, or write 'not " +
            factor.values.front().text + "'";
    return {};
  }
  const FactorValue limit = factor_value(operand);
  const bool fits = limit.number && std::any_of(factor.values.begin(), factor.values.end(),
                                                [&](const FactorValue& v) { return v.number && v.unit == limit.unit; });
  if (!fits) {
    error = (operand.empty() ? "nothing follows '" + sign + "'"
                             : "'" + operand + "' is no quantity like those of '" + factor.name + "'") +
            ": write e.g. '" + sign + " " + quantity->text + "'";
    return {};
  }
  return [limit, includes, above = sign[0] == '>'](const FactorValue& v) {
    if (!v.number || v.unit != limit.unit) return false;
    return (includes && *v.number == *limit.number) || (above ? *v.number > *limit.number : *v.number < *limit.number);
  };
}

Holds condition(const std::string& text, const Factor& factor, std::string& error) {
  if (!text.empty() && (text[0] == '<' || text[0] == '>')) return comparison(text, factor, error);
  if (text.compare(0, 4, "not ") == 0) {
    const std::string operand = trimmed(text.substr(4));
    if (const FactorValue* other = find(factor, operand)) return [other](const FactorValue& v) { return &v != other; };
    error = "no point has the value '" + operand + "'." + known(factor);
    return {};
  }
  error = "'" + text + "' is no condition: write e.g. '";
  const FactorValue* const quantity = example(factor);
  error +=
      (quantity ? "> " + quantity->text + "' (also >=, <, <=) or '" : "") + "not " + factor.values.front().text + "'";
  return {};
}

bool begins_like_a_condition(const std::string& text) {
  return !text.empty() && (std::string("<>=!").find(text[0]) != std::string::npos || text.compare(0, 4, "not ") == 0);
}

/// The conditions that `text` joins. An " and " may also be part of a value: 'not read and write'.
std::vector<Holds> conditions(const std::string& text, const Factor& factor, std::string& error) {
  std::vector<Holds> all;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end += 5) {
    std::string first;  // what is wrong with the shortest reading
    do {
      end = std::min(text.find(" and ", std::max(begin, end + 1)), text.size());
      error.clear();
      all.push_back(condition(trimmed(text.substr(begin, end - begin)), factor, error));
      if (error.empty()) break;
      all.pop_back();
      if (first.empty()) first = error;
    } while (end < text.size());
    if (!error.empty()) {
      error = first;
      return {};
    }
  }
  return all;
}

}  // namespace

Meant meant_by(const std::string& text, const Factor& factor) {
  if (const FactorValue* value = find(factor, text)) return {{value}, false, ""};
  if (factor.values.empty() || !begins_like_a_condition(text))
    return {{}, false, "no point has the value '" + text + "'." + known(factor)};
  Meant meant{{}, true, ""};
  const std::vector<Holds> all = conditions(text, factor, meant.error);
  if (!meant.error.empty()) return meant;
  for (const FactorValue& v : factor.values)
    if (std::all_of(all.begin(), all.end(), [&](const Holds& holds) { return holds(v); })) meant.values.push_back(&v);
  if (meant.values.empty()) meant.error = "'" + text + "' holds for no value." + known(factor);
  return meant;
}

}  // namespace iommusim::runner
