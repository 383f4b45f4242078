#include "models/base/stats/interval_figures.h"

#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "models/base/error.h"
#include "models/base/text.h"

namespace iommusim::base {
namespace {

/// What a figure's path in result.json ends with beyond its metric's.
const char* ending(const Group::Metric& metric) {
  const bool mean = std::holds_alternative<Mean*>(metric.ref) || std::holds_alternative<Histogram*>(metric.ref) ||
                    std::holds_alternative<Occupancy*>(metric.ref);
  return mean ? ".mean" : "";
}

/// Worth a column when nobody says which: what has a meaning of its own at any time.
bool is_default(const std::string& path, const Group::Metric& metric) {
  if (std::holds_alternative<Occupancy*>(metric.ref) || std::holds_alternative<Group::Ratio>(metric.ref)) return true;
  if (std::holds_alternative<Histogram*>(metric.ref))
    return path.size() >= 7 && path.substr(path.size() - 7) == "latency";
  return std::holds_alternative<Group::Formula>(metric.ref) && metric.extent == Group::Extent::rate;
}

}  // namespace

template <class F>
void IntervalFigures::for_each_figure(const F& visit) const {
  root_.for_each([&](const std::string& path, const Group::Metric& metric) { visit(path + ending(metric), metric); });
}

IntervalFigures::IntervalFigures(const Group& root, const std::vector<std::string>& paths) : root_(root) {
  for (const std::string& path : paths) {
    columns_.push_back({path, "", ""});
    sources_.emplace_back();
  }
  if (paths.empty()) {
    root.for_each([&](const std::string& path, const Group::Metric& metric) {
      if (!is_default(path, metric)) return;
      columns_.push_back({path + ending(metric), metric.unit, metric.description});
      sources_.push_back({metric});
    });
  }
  figures_.resize(sources_.size());
  resolve();
}

void IntervalFigures::resolve() {
  std::map<std::string, std::size_t> wanted;
  for (std::size_t i = 0; i < sources_.size(); ++i)
    if (!sources_[i].metric) wanted.emplace(columns_[i].path, i);
  if (wanted.empty()) return;
  for_each_figure([&](const std::string& path, const Group::Metric& metric) {
    const auto found = wanted.find(path);
    if (found == wanted.end()) return;
    columns_[found->second] = {path, metric.unit, metric.description};
    sources_[found->second].metric = metric;
  });
}

void IntervalFigures::require() const {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].metric) continue;
    std::vector<std::string> known;
    for_each_figure([&](const std::string& path, const Group::Metric&) { known.push_back(path); });
    throw UserError("there is no figure '" + columns_[i].path +
                    "' for a time line: it must be a count, a rate, a ratio or a mean." +
                    did_you_mean(columns_[i].path, known));
  }
}

/// Amounts that grow from the reset on, so that a stretch has their difference.
struct IntervalFigures::Totals {
  double amount = 0, whole = 0;
};

IntervalFigures::Totals IntervalFigures::totals(const Source& source, Time now) const {
  struct Visit {
    Time now, window;
    Group::Extent extent;
    Totals operator()(const Counter* m) const { return {static_cast<double>(m->value()), 0}; }
    Totals operator()(const Mean* m) const { return {static_cast<double>(m->sum()), static_cast<double>(m->count())}; }
    Totals operator()(const Histogram* m) const {
      return {static_cast<double>(m->sum()), static_cast<double>(m->count())};
    }
    Totals operator()(const Occupancy* m) const { return {static_cast<double>(m->area(now)), 0}; }
    Totals operator()(const Group::Formula& f) const {
      if (window == Time()) return {};  // a rate over no time is none
      const double value = f(window);
      return {extent == Group::Extent::rate ? value * static_cast<double>(window.ps()) : value, 0};
    }
    Totals operator()(const Group::Ratio& r) const {
      return {static_cast<double>(r.part->value()), static_cast<double>(r.whole->value())};
    }
  };
  return std::visit(Visit{now, now - root_.window_start(), source.metric->extent}, source.metric->ref);
}

void IntervalFigures::restart(Time now) {
  start_ = now;
  for (Source& s : sources_) {
    if (!s.metric) continue;
    const Totals t = totals(s, now);
    s.amount = t.amount;
    s.whole = t.whole;
  }
}

const std::vector<double>& IntervalFigures::retake(Time now) {
  start_ = start_before_;
  for (Source& s : sources_) {
    s.amount = s.amount_before;
    s.whole = s.whole_before;
  }
  return take(now);
}

const std::vector<double>& IntervalFigures::take(Time now) {
  const double length = static_cast<double>((now - start_).ps());
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    Source& s = sources_[i];
    if (!s.metric) {
      figures_[i] = std::numeric_limits<double>::quiet_NaN();
      continue;
    }
    const Totals t = totals(s, now);
    double amount = t.amount - s.amount;
    const double whole = t.whole - s.whole;
    // A rate times its window is not exact: what is left of equal amounts is nothing.
    if (std::fabs(amount) <= 1e-12 * std::fabs(t.amount)) amount = 0;
    struct Figure {
      const Group::Metric& metric;
      double total, amount, whole, length;
      double share() const { return whole == 0 ? std::numeric_limits<double>::quiet_NaN() : amount / whole; }
      double operator()(const Counter*) const { return amount; }
      double operator()(const Mean*) const { return share(); }
      double operator()(const Histogram*) const { return share(); }
      double operator()(const Group::Ratio&) const { return share(); }
      double operator()(const Occupancy*) const { return amount / length; }
      double operator()(const Group::Formula&) const {
        switch (metric.extent) {
          case Group::Extent::rate: return amount / length;
          case Group::Extent::count: return amount;
          case Group::Extent::level: break;
        }
        return total;
      }
    };
    figures_[i] = std::visit(Figure{*s.metric, t.amount, amount, whole, length}, s.metric->ref);
    s.amount_before = std::exchange(s.amount, t.amount);
    s.whole_before = std::exchange(s.whole, t.whole);
  }
  start_before_ = std::exchange(start_, now);
  return figures_;
}

}  // namespace iommusim::base
