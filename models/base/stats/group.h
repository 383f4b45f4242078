// The tree of metrics of a run. Modules own their metrics as plain members and register them by reference with name,
// unit and description; the tree resets them at the start of the measurement window and exports them.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

#include "models/base/stats/histogram.h"
#include "models/base/stats/metrics.h"

namespace iommusim::base {

/// Registered metrics must outlive the group's last use. Names are [a-z0-9_]+ (children may also hold '.', ':', '-',
/// '[' and ']'), unique in their group: a second one is an error of ours (std::logic_error). Units are the text after a
/// number: "1", "B", "ps", "ns", "B/s". Export order is the order of registration, which elaboration fixes.
class Group {
 public:
  /// The root has an empty name.
  explicit Group(std::string name = "") : name_(std::move(name)) {}
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  /// The child of that name, made at the first call. The reference stays valid.
  Group& group(const std::string& name);

  void add(const std::string& name, Counter& metric, std::string unit, std::string description);
  void add(const std::string& name, Mean& metric, std::string unit, std::string description);
  void add(const std::string& name, Histogram& metric, std::string unit, std::string description);
  void add(const std::string& name, Occupancy& metric, std::string unit, std::string description);
  /// A figure computed at export from others, over the window `now - window_start`. `extent` says how the figures of
  /// adjoining stretches of time combine, so that one over a part of the window can be told (interval_figures.h).
  using Formula = std::function<double(Time window)>;
  enum class Extent : std::uint8_t {
    rate,   ///< an amount divided by the window: a throughput, a utilisation
    count,  ///< an amount: it adds up
    level   ///< a state at the window's end
  };
  void add(const std::string& name, Formula formula, std::string unit, std::string description,
           Extent extent = Extent::rate);
  /// part / whole, 0 while the whole is 0: a hit rate.
  struct Ratio {
    const Counter *part, *whole;
    double value() const {
      return whole->value() == 0 ? 0.0 : static_cast<double>(part->value()) / static_cast<double>(whole->value());
    }
  };
  void add(const std::string& name, Ratio ratio, std::string unit, std::string description);

  const std::string& name() const { return name_; }
  /// "iommu.iotlb": names from the root, joined by dots.
  std::string path() const;

  /// Starts the measurement window: every metric of the subtree forgets what it has seen. `also` runs with it, see
  /// on_reset.
  void reset(Time now);
  /// Something else that starts afresh with the window, e.g. a module's own sampling.
  void on_reset(std::function<void(Time)> action) { actions_.push_back(std::move(action)); }

  /// Ordered object: each metric {value | count, mean, min, max, p50 ...; unit, description}, then each child by name.
  /// `now` ends the window.
  nlohmann::ordered_json to_json(Time now) const;
  /// Rows "metric,value,unit,description" with that header: the numbers of to_json, one per row ("iommu.wait.p99").
  void write_csv(std::ostream& out, Time now) const;
  /// The histogram registered at `path` ("endpoint.latency"), or null.
  const Histogram* find_histogram(const std::string& path) const;

  using Ref = std::variant<Counter*, Mean*, Histogram*, Occupancy*, Formula, Ratio>;
  struct Metric {
    std::string name, unit, description;
    Ref ref;
    Extent extent = Extent::rate;  ///< of a Formula
  };
  /// Calls `visit` with the path and each metric of the subtree, in the order of export.
  void for_each(const std::function<void(const std::string& path, const Metric&)>& visit) const;
  Time window_start() const { return window_start_; }

 private:
  static nlohmann::ordered_json values(const Metric& metric, Time now, Time start);
  void write_rows(std::ostream& out, Time now) const;
  Metric& insert(const std::string& name, Ref ref, std::string unit, std::string description);
  std::string name_;
  const Group* parent_ = nullptr;
  std::vector<Metric> metrics_;
  std::vector<std::unique_ptr<Group>> children_;
  std::vector<std::function<void(Time)>> actions_;
  Time window_start_;
};

}  // namespace iommusim::base
