#include "models/base/stats/interval_figures.h"

#include <limits>

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

IntervalFigures::IntervalFigures(const Group& root, const std::vector<std::string>& paths) : root_(root) {
  std::vector<Column> all;
  std::vector<Group::Metric> metrics;
  root.for_each([&](const std::string& path, const Group::Metric& metric) {
    if (paths.empty() && !is_default(path, metric)) return;
    all.push_back({path + ending(metric), metric.unit, metric.description});
    metrics.push_back(metric);
  });
  if (paths.empty()) {
    columns_ = std::move(all);
    for (Group::Metric& m : metrics) sources_.push_back({std::move(m)});
  }
  for (const std::string& path : paths) {
    std::size_t i = 0;
    while (i < all.size() && all[i].path != path) ++i;
    if (i == all.size()) {
      std::vector<std::string> known;
      for (const Column& c : all) known.push_back(c.path);
      throw UserError("there is no figure '" + path +
                      "' for a time line: it must be a count, a rate, a ratio or a mean." + did_you_mean(path, known));
    }
    columns_.push_back(all[i]);
    sources_.push_back({metrics[i]});
  }
  figures_.resize(sources_.size());
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
  return std::visit(Visit{now, now - root_.window_start(), source.metric.extent}, source.metric.ref);
}

void IntervalFigures::restart(Time now) {
  start_ = now;
  for (Source& s : sources_) {
    const Totals t = totals(s, now);
    s.amount = t.amount;
    s.whole = t.whole;
  }
}

const std::vector<double>& IntervalFigures::take(Time now) {
  const double length = static_cast<double>((now - start_).ps());
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    Source& s = sources_[i];
    const Totals t = totals(s, now);
    const double amount = t.amount - s.amount, whole = t.whole - s.whole;
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
    figures_[i] = std::visit(Figure{s.metric, t.amount, amount, whole, length}, s.metric.ref);
    s.amount = t.amount;
    s.whole = t.whole;
  }
  start_ = now;
  return figures_;
}

}  // namespace iommusim::base
