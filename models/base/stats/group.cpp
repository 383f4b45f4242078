#include "models/base/stats/group.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>

namespace iommusim::base {
namespace {

void check_name(const std::string& name, const std::string& also) {
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || also.find(c) != std::string::npos))
      throw std::logic_error("'" + name + "' is not a name for a metric");
  if (name.empty()) throw std::logic_error("a metric without a name");
}

/// Integers stay integers in JSON as long as 64 bits hold them.
nlohmann::ordered_json number(u128 n) {
  return n <= ~std::uint64_t{0} ? nlohmann::ordered_json(static_cast<std::uint64_t>(n))
                                : nlohmann::ordered_json(static_cast<double>(n));
}

struct Values {
  Time now, start;
  using Json = nlohmann::ordered_json;
  Json operator()(const Counter* m) const { return {{"value", m->value()}}; }
  Json operator()(const Occupancy* m) const { return {{"mean", m->mean(now)}, {"max", m->max()}}; }
  Json operator()(const Group::Formula& f) const { return {{"value", f(now - start)}}; }
  Json operator()(const Group::Ratio& r) const { return {{"value", r.value()}}; }
  Json operator()(const Mean* m) const {
    return {
        {"count", m->count()}, {"sum", number(m->sum())}, {"mean", m->mean()}, {"min", m->min()}, {"max", m->max()}};
  }
  Json operator()(const Histogram* m) const {
    return {{"count", m->count()},
            {"sum", number(m->sum())},
            {"mean", m->mean()},
            {"min", m->min()},
            {"p50", m->percentile(50)},
            {"p90", m->percentile(90)},
            {"p95", m->percentile(95)},
            {"p99", m->percentile(99)},
            {"p99_9", m->percentile(99.9)},
            {"p99_99", m->percentile(99.99)},
            {"max", m->max()}};
  }
};

struct Reset {
  Time now;
  void operator()(Occupancy* m) const { m->reset(now); }
  void operator()(Group::Formula&) const {}
  void operator()(Group::Ratio&) const {}
  template <class M>
  void operator()(M* m) const {
    m->reset();
  }
};

std::string csv_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace

Group& Group::group(const std::string& name) {
  for (const auto& child : children_)
    if (child->name_ == name) return *child;
  check_name(name, ".:-[]");
  for (const Metric& metric : metrics_)
    if (metric.name == name) throw std::logic_error("'" + name + "' is already a metric of " + path());
  children_.push_back(std::make_unique<Group>(name));
  children_.back()->parent_ = this;
  children_.back()->window_start_ = window_start_;
  return *children_.back();
}

Group::Metric& Group::insert(const std::string& name, Ref ref, std::string unit, std::string description) {
  check_name(name, "");
  const std::string full = path().empty() ? name : path() + "." + name;
  if (unit.empty() || description.empty())
    throw std::logic_error("metric '" + full + "' needs a unit and a description");
  for (const Metric& metric : metrics_)
    if (metric.name == name) throw std::logic_error("metric '" + full + "' is registered twice");
  for (const auto& child : children_)
    if (child->name_ == name) throw std::logic_error("'" + full + "' is already a group");
  metrics_.push_back({name, std::move(unit), std::move(description), std::move(ref)});
  return metrics_.back();
}
void Group::add(const std::string& name, Counter& m, std::string unit, std::string description) {
  insert(name, &m, std::move(unit), std::move(description));
}
void Group::add(const std::string& name, Mean& m, std::string unit, std::string description) {
  insert(name, &m, std::move(unit), std::move(description));
}
void Group::add(const std::string& name, Histogram& m, std::string unit, std::string description) {
  insert(name, &m, std::move(unit), std::move(description));
}
void Group::add(const std::string& name, Occupancy& m, std::string unit, std::string description) {
  insert(name, &m, std::move(unit), std::move(description));
}
void Group::add(const std::string& name, Formula formula, std::string unit, std::string description, Extent extent) {
  insert(name, std::move(formula), std::move(unit), std::move(description)).extent = extent;
}
void Group::add(const std::string& name, Ratio ratio, std::string unit, std::string description) {
  insert(name, ratio, std::move(unit), std::move(description));
}

std::string Group::path() const {
  const std::string above = parent_ ? parent_->path() : "";
  return above.empty() ? name_ : above + "." + name_;
}

void Group::reset(Time now) {
  window_start_ = now;
  for (Metric& metric : metrics_) std::visit(Reset{now}, metric.ref);
  for (const auto& action : actions_) action(now);
  for (const auto& child : children_) child->reset(now);
}

nlohmann::ordered_json Group::values(const Metric& metric, Time now, Time start) {
  return std::visit(Values{now, start}, metric.ref);
}

nlohmann::ordered_json Group::to_json(Time now) const {
  auto out = nlohmann::ordered_json::object();
  for (const Metric& metric : metrics_) {
    auto entry = values(metric, now, window_start_);
    entry["unit"] = metric.unit;
    entry["description"] = metric.description;
    out[metric.name] = std::move(entry);
  }
  for (const auto& child : children_) out[child->name_] = child->to_json(now);
  return out;
}

void Group::write_csv(std::ostream& out, Time now) const {
  out << "metric,value,unit,description\n";
  write_rows(out, now);
}
void Group::write_rows(std::ostream& out, Time now) const {
  for (const Metric& metric : metrics_) {
    const std::string full = path().empty() ? metric.name : path() + "." + metric.name;
    const auto numbers = values(metric, now, window_start_);
    for (const auto& [key, value] : numbers.items())
      out << full << (key == "value" ? "" : "." + key) << ',' << value.dump() << ','
          << (key == "count" ? "1" : metric.unit) << ',' << csv_quoted(metric.description) << '\n';
  }
  for (const auto& child : children_) child->write_rows(out, now);
}

void Group::for_each(const std::function<void(const std::string&, const Metric&)>& visit) const {
  const std::string prefix = path().empty() ? "" : path() + ".";
  for (const Metric& metric : metrics_) visit(prefix + metric.name, metric);
  for (const auto& child : children_) child->for_each(visit);
}

const Histogram* Group::find_histogram(const std::string& wanted) const {
  for (const Metric& metric : metrics_)
    if (metric.name == wanted)
      if (const auto* h = std::get_if<Histogram*>(&metric.ref)) return *h;
  for (const auto& child : children_) {  // names may hold dots, so the prefix decides
    const std::string prefix = child->name_ + ".";
    if (wanted.compare(0, prefix.size(), prefix) == 0)
      if (const Histogram* h = child->find_histogram(wanted.substr(prefix.size()))) return h;
  }
  return nullptr;
}

}  // namespace iommusim::base
