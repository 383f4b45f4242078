#include "experiments/runner/sweep/claim.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

namespace iommusim::runner {
namespace {

using Json = nlohmann::ordered_json;

std::string figure(double v) { return fmt::format("{:.5g}", v); }
std::string tolerance_text(const Claim& c) {
  return c.relative ? fmt::format("{:.4g} %", c.tolerance * 100) : figure(c.tolerance);
}

/// A value under test: how far beyond what is allowed it is (<= 0: holds), and how to say so.
struct Tested {
  double value = kNoFigure, excess = -std::numeric_limits<double>::infinity();
  bool holds = true;
  std::string figures;
};

class Evaluation {
 public:
  Evaluation(const Claim& claim, const std::function<double(std::size_t)>& value_of,
             const std::function<std::string(std::size_t)>& name_of)
      : claim_(claim), value_of_(value_of), name_of_(name_of) {}

  ClaimResult run() {
    if (claim_.monotone != Monotone::none) return chains();
    std::vector<double> values;
    for (const Claim::Row& row : claim_.rows) {
      if (claim_.reference.size() && !row.expected) continue;  // not published
      const double value = value_of_row(row);
      if (std::isnan(value)) return missing(row);
      values.push_back(value);
      if (claim_.of == Reduce::each) take(test(value, row.expected), "at " + name_of_(row.point));
    }
    if (claim_.of != Reduce::each) take(test(reduced(values), std::nullopt), reduced_name(values.size()));
    return {worst_.holds ? ClaimStatus::pass : ClaimStatus::fail, worst_.value, worst_.figures};
  }

 private:
  double value_of_row(const Claim::Row& row) const {
    const double value = value_of_(row.point);
    if (!row.base) return value;
    const double base = value_of_(*row.base);
    return claim_.ratio ? (base == 0 ? kNoFigure : value / base) : value - base;
  }
  ClaimResult missing(const Claim::Row& row) const {
    const bool base = row.base && std::isnan(value_of_(*row.base));
    return {ClaimStatus::missing, kNoFigure, "no value at " + name_of_(base ? *row.base : row.point)};
  }
  double reduced(const std::vector<double>& values) const {
    if (claim_.of == Reduce::min) return *std::min_element(values.begin(), values.end());
    if (claim_.of == Reduce::max) return *std::max_element(values.begin(), values.end());
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  }
  std::string reduced_name(std::size_t n) const {
    const char* what = claim_.of == Reduce::min ? "least" : claim_.of == Reduce::max ? "greatest" : "mean";
    return fmt::format("{} of {} points", what, n);
  }

  Tested test(double v, std::optional<double> expected) const {
    Tested t;
    t.value = v;
    std::string limits;
    const auto limit = [&](const std::optional<double>& bound, const char* word, double sign, bool strict) {
      if (!bound) return;
      const double beyond = sign * (v - *bound);
      t.holds = t.holds && (strict ? beyond < 0 : beyond <= 0);
      t.excess = std::max(t.excess, beyond);
      limits += fmt::format(", {} {}", word, figure(*bound));
    };
    limit(claim_.less_than, "limit <", 1, true);
    limit(claim_.at_most, "limit <=", 1, false);
    limit(claim_.greater_than, "limit >", -1, true);
    limit(claim_.at_least, "limit >=", -1, false);
    if (claim_.equals) expected = claim_.equals;
    if (expected) {
      const double off = std::fabs(v - *expected);
      const double beyond = claim_.relative && *expected != 0 ? off / std::fabs(*expected) - claim_.tolerance
                                                              : off - (claim_.relative ? 0 : claim_.tolerance);
      t.holds = t.holds && beyond <= 0;
      t.excess = std::max(t.excess, beyond);
      limits += fmt::format(", expected {}", figure(*expected));
      if (*expected != 0) limits += fmt::format(", {:+.2g} %", 100 * (v - *expected) / std::fabs(*expected));
      limits += fmt::format(" (tolerance {})", tolerance_text(claim_));
    }
    t.figures = limits;
    return t;
  }

  void take(Tested t, const std::string& place) {
    if (!worst_.figures.empty() && t.excess <= worst_.excess && (t.holds || !worst_.holds)) return;
    const std::string limits = t.figures;
    t.holds = t.holds && worst_.holds;
    t.figures = figure(t.value) + " " + place + limits;
    worst_ = std::move(t);
  }

  ClaimResult chains() {
    const double sign = claim_.monotone == Monotone::rising ? 1 : -1;
    ClaimResult result{ClaimStatus::pass, kNoFigure, ""};
    double worst = -std::numeric_limits<double>::infinity();
    for (const auto& chain : claim_.chains) {
      for (std::size_t i = 0; i < chain.size(); ++i) {
        const double now = value_of_(chain[i]);
        if (std::isnan(now)) return missing({chain[i], std::nullopt, std::nullopt});
        if (i == 0) continue;
        const double before = value_of_(chain[i - 1]);
        const double back = sign * (before - now);
        const double beyond = back - claim_.tolerance * (claim_.relative ? std::fabs(before) : 1);
        if (beyond > 0) result.status = ClaimStatus::fail;
        if (beyond <= worst) continue;
        worst = beyond;
        result.value = now;
        result.figures = fmt::format("{}: {} at {} after {} at {}", beyond > 0 ? "turns" : "least step", figure(now),
                                     name_of_(chain[i]), figure(before), name_of_(chain[i - 1]));
      }
    }
    return result;
  }

  const Claim& claim_;
  const std::function<double(std::size_t)>& value_of_;
  const std::function<std::string(std::size_t)>& name_of_;
  Tested worst_;
};

constexpr const char* kReduce[] = {"each", "mean", "min", "max"};
constexpr const char* kMonotone[] = {"none", "rising", "falling"};

template <std::size_t N>
std::size_t index_of(const char* const (&names)[N], const std::string& name) {
  return static_cast<std::size_t>(std::find(names, names + N, name) - names);
}

}  // namespace

const char* to_text(ClaimStatus status) {
  return status == ClaimStatus::pass ? "pass" : status == ClaimStatus::fail ? "fail" : "missing";
}

ClaimResult evaluate(const Claim& claim, const std::function<double(std::size_t)>& value_of,
                     const std::function<std::string(std::size_t)>& name_of) {
  return Evaluation(claim, value_of, name_of).run();
}

Json to_json(const Claim& c) {
  Json json{{"of", kReduce[static_cast<int>(c.of)]},
            {"tolerance", c.tolerance},
            {"relative", c.relative},
            {"ratio", c.ratio}};
  const auto put = [&](const char* key, const std::optional<double>& v) {
    if (v) json[key] = *v;
  };
  put("less_than", c.less_than);
  put("at_most", c.at_most);
  put("greater_than", c.greater_than);
  put("at_least", c.at_least);
  put("equals", c.equals);
  json["monotone"] = kMonotone[static_cast<int>(c.monotone)];
  Json rows = Json::array();
  for (const Claim::Row& r : c.rows)
    rows.push_back({r.point, r.base ? Json(*r.base) : Json(), r.expected ? Json(*r.expected) : Json()});
  json["rows"] = std::move(rows);
  json["chains"] = c.chains;
  return json;
}

Claim claim_from_json(const Json& json) {
  Claim c;
  const auto get = [&](const char* key) {
    return json.contains(key) ? std::optional<double>(json[key].get<double>()) : std::nullopt;
  };
  c.of = static_cast<Reduce>(index_of(kReduce, json.at("of").get<std::string>()));
  c.tolerance = json.at("tolerance");
  c.relative = json.at("relative");
  c.ratio = json.at("ratio");
  c.less_than = get("less_than");
  c.at_most = get("at_most");
  c.greater_than = get("greater_than");
  c.at_least = get("at_least");
  c.equals = get("equals");
  c.monotone = static_cast<Monotone>(index_of(kMonotone, json.at("monotone").get<std::string>()));
  for (const Json& r : json.at("rows"))
    c.rows.push_back({r[0], r[1].is_null() ? std::nullopt : std::optional<std::size_t>(r[1].get<std::size_t>()),
                      r[2].is_null() ? std::nullopt : std::optional<double>(r[2].get<double>())});
  c.chains = json.at("chains").get<std::vector<std::vector<std::size_t>>>();
  return c;
}

}  // namespace iommusim::runner
