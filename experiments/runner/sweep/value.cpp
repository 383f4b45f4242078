#include "experiments/runner/sweep/value.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "models/base/text.h"
#include "models/base/units.h"

namespace iommusim::runner {
namespace {

constexpr std::size_t kMostValues = 100000;

std::optional<double> plain_number(std::string_view text) {
  double value = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Kinds of quantities that are whole numbers of a base unit.
struct Kind {
  const char* unit;
  base::Parsed<std::uint64_t> (*parse)(std::string_view);
  std::string (*print)(std::uint64_t);
};
template <class T>
base::Parsed<std::uint64_t> count_of(const base::Parsed<T>& parsed) {
  if (!parsed) return {{}, parsed.error};
  if constexpr (std::is_same_v<T, base::Time>)
    return {parsed.value->ps(), ""};
  else if constexpr (std::is_same_v<T, base::Bandwidth>)
    return {parsed.value->bits_per_second(), ""};
  else
    return {parsed.value->value(), ""};
}
const std::vector<Kind>& kinds() {
  using Text = std::string_view;
  using N = std::uint64_t;
  static const std::vector<Kind> all = {
      {"B", [](Text t) { return count_of(base::parse_bytes(t)); }, [](N n) { return to_text(base::Bytes(n)); }},
      {"ps", [](Text t) { return count_of(base::parse_time(t)); }, [](N n) { return to_text(base::Time::ps(n)); }},
      {"b/s", [](Text t) { return count_of(base::parse_bandwidth(t)); },
       [](N n) { return to_text(base::Bandwidth::bits_per_second(n)); }},
      {"Hz", [](Text t) { return count_of(base::parse_frequency(t)); },
       [](N n) { return to_text(base::Frequency(n)); }},
      {"T/s", [](Text t) { return count_of(base::parse_transfer_rate(t)); },
       [](N n) { return to_text(base::TransferRate(n)); }},
      {"/s", [](Text t) { return count_of(base::parse_op_rate(t)); }, [](N n) { return to_text(base::OpRate(n)); }},
  };
  return all;
}

/// What a range goes over: first and last as numbers, and how a number is written.
struct Scale {
  double from = 0, to = 0;
  std::optional<double> step;
  bool whole = false;  ///< values are whole numbers of the base unit
  std::string suffix;
  std::string (*print)(std::uint64_t) = nullptr;
  std::string text(double v) const { return print ? print(static_cast<std::uint64_t>(v)) : number_text(v) + suffix; }
};

std::optional<Scale> scale_of(std::string_view from, std::string_view to, std::string_view step) {
  const auto percent = [](std::string_view t) { return !t.empty() && t.back() == '%'; };
  const auto number = [&](std::string_view t) {
    return plain_number(percent(t) ? trimmed(t.substr(0, t.size() - 1)) : t);
  };
  Scale s;
  if (number(from) && number(to) && percent(from) == percent(to)) {
    if (!step.empty() && (!number(step) || percent(step) != percent(from))) return std::nullopt;
    s.from = *number(from);
    s.to = *number(to);
    if (!step.empty()) s.step = number(step);
    if (percent(from)) s.suffix = " %";
    return s;
  }
  for (const Kind& kind : kinds()) {
    const auto a = kind.parse(from), b = kind.parse(to);
    if (!a || !b) continue;
    s.from = static_cast<double>(*a.value);
    s.to = static_cast<double>(*b.value);
    if (!step.empty()) {
      const auto d = kind.parse(step);
      if (!d) continue;
      s.step = static_cast<double>(*d.value);
    }
    s.whole = true;
    s.print = kind.print;
    return s;
  }
  return std::nullopt;
}

/// What is wrong with the first of these texts that is no quantity: of the kind that the others are, or of the one
/// whose unit it seems to misspell. "" when that tells nothing.
std::string mistake_in(const std::vector<std::string_view>& texts) {
  const Kind* of = nullptr;
  for (const Kind& kind : kinds()) {
    if (std::none_of(texts.begin(), texts.end(), [&](auto t) { return bool(kind.parse(t)); })) continue;
    if (of) return "";  // of two kinds
    of = &kind;
  }
  for (const std::string_view text : texts)
    for (const Kind& kind : kinds()) {
      if (of && of != &kind) continue;
      const std::string error = kind.parse(text).error;
      if (!error.empty() && (of || error.find("Did you mean") != std::string::npos)) return error;
    }
  return "";
}

/// To twelve digits: 0.1 + 0.2 is 0.3.
double shortened(double value) {
  const std::string text = fmt::format("{:.12g}", value);
  return plain_number(text).value_or(value);
}

}  // namespace

FactorValue factor_value(std::string_view text) {
  FactorValue value{std::string(text), std::nullopt, ""};
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '-' || text[0] == '.')) return value;
  if (const auto n = plain_number(text)) return {value.text, *n, "1"};
  if (text.back() == '%')
    if (const auto n = plain_number(trimmed(text.substr(0, text.size() - 1)))) return {value.text, *n / 100, "1"};
  for (const Kind& kind : kinds())
    if (const auto n = kind.parse(text)) return {value.text, static_cast<double>(*n.value), kind.unit};
  return value;
}

bool same_value(const FactorValue& a, const FactorValue& b) {
  return a.number && b.number ? *a.number == *b.number && a.unit == b.unit : a.text == b.text;
}

bool is_line(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string number_text(double value) {
  if (std::isnan(value)) return "";
  if (value == std::floor(value) && std::fabs(value) < 9e15) return fmt::format("{}", static_cast<long long>(value));
  return base::to_text(value);
}

std::string name_part(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                       c == '_' || c == '+' || c == '-';
    if (c == ' ') continue;
    out += c == '%' ? "pct" : std::string(1, plain ? c : '_');
  }
  return out;
}

Range expand_range(const std::string& text) {
  const auto bad = [&](const std::string& why) { return Range{{}, why}; };
  const std::string form = "expected e.g. 'from 64 KiB to 64 MiB factor 2' or 'from 10 % to 90 % step 20 %'";
  const std::size_t to = text.find(" to "), factor = text.find(" factor "), step = text.find(" step ");
  const std::size_t how = std::min(factor, step);
  if (text.compare(0, 5, "from ") != 0 || to == std::string::npos || how == std::string::npos || how < to)
    return bad(form);
  const auto first = trimmed(std::string_view(text).substr(5, to - 5));
  const auto last = trimmed(std::string_view(text).substr(to + 4, how - to - 4));
  const bool multiplies = how == factor;
  const auto by = trimmed(std::string_view(text).substr(how + (multiplies ? 8 : 6)));
  if (!by.empty() && by.front() == '-') return bad(multiplies ? "a factor is above 1" : "a step is above 0");
  const auto scale = scale_of(first, last, multiplies ? "" : by);
  if (!scale) {
    std::vector<std::string_view> texts{first, last};
    if (!multiplies) texts.push_back(by);
    const std::string mistake = mistake_in(texts);
    return bad(mistake.empty() ? "its quantities are not of one kind, or not quantities: " + form : mistake);
  }
  if (scale->from > scale->to) return bad("it ends before it begins");
  const auto grows = multiplies ? plain_number(by) : scale->step;
  if (multiplies && (!grows || *grows <= 1 || scale->from <= 0))
    return bad("a factor is a number above 1, and what it multiplies is above 0");
  if (!multiplies && (!grows || *grows <= 0)) return bad("a step is above 0");
  Range range;
  double power = 1;
  for (std::size_t i = 0;; ++i, power *= multiplies ? *grows : 1) {
    double value = multiplies ? scale->from * power : scale->from + static_cast<double>(i) * *grows;
    value = scale->whole ? std::round(value) : shortened(value);
    if (value > scale->to * (1 + 1e-12)) return range;
    if (i == kMostValues) return bad(fmt::format("it has more than {} values", kMostValues));
    if (range.values.empty() || range.values.back() != scale->text(value)) range.values.push_back(scale->text(value));
  }
}

}  // namespace iommusim::runner
