#include "experiments/runner/summary.h"

#include <fmt/format.h>

#include "experiments/runner/result_document.h"
#include "models/base/units.h"

namespace iommusim::runner {
namespace {

using nlohmann::ordered_json;

double figure(const ordered_json& result, const std::string& path, const char* key) {
  const ordered_json* metric = find_metric(result, path);
  return metric == nullptr || !metric->contains(key) ? 0.0 : metric->at(key).get<double>();
}

std::string ns(double ps) { return fmt::format("{:.1f}", ps / 1000); }

std::vector<platforms::TopologyFunction> functions_of(const ExperimentConfig& config) {
  return platforms::topology_of(config.platform).functions;
}

/// One line per function of an endpoint and direction that did something.
std::string traffic_table(const ordered_json& result, const ExperimentConfig& config) {
  const double seconds = result.at("window").at("length").at("value").get<double>() / 1e12;
  std::string text = fmt::format("{:<16} {:<6} {:>11} {:>9} {:>9}   {:>9} {:>9} {:>9} {:>9} {:>9}\n", "endpoint", "",
                                 "DMAs", "M DMA/s", "Gb/s", "mean ns", "p50 ns", "p99 ns", "p99.9 ns", "max ns");
  bool any = false;
  for (const auto& e : functions_of(config)) {
    for (const std::string direction : {"read", "write"}) {
      const std::string base = e.path() + ".dma.";
      const double dmas = figure(result, base + direction + "s", "value");
      if (dmas == 0) continue;
      any = true;
      const std::string latency = base + direction + ".latency";
      const double bits = figure(result, base + direction + "_bytes", "value") * 8;
      text += fmt::format("{:<16} {:<6} {:>11.0f} {:>9.3f} {:>9.3f}   {:>9} {:>9} {:>9} {:>9} {:>9}\n", e.name,
                          direction, dmas, seconds > 0 ? dmas / seconds / 1e6 : 0,
                          seconds > 0 ? bits / seconds / 1e9 : 0, ns(figure(result, latency, "mean")),
                          ns(figure(result, latency, "p50")), ns(figure(result, latency, "p99")),
                          ns(figure(result, latency, "p99_9")), ns(figure(result, latency, "max")));
    }
  }
  return any ? text : "no DMA finished in the window\n";
}

std::string failures(const ordered_json& result, const ExperimentConfig& config) {
  std::string text;
  for (const auto& e : functions_of(config)) {
    for (const char* kind : {"failed_unsupported", "failed_abort", "failed_timeout", "dropped_writes"}) {
      const double n = figure(result, e.path() + ".dma." + kind, "value");
      if (n > 0) text += fmt::format("{}: {:.0f} DMAs {}\n", e.name, n, kind);
    }
  }
  return text;
}

std::string iommu_lines(const ordered_json& result) {
  if (find_metric(result, "iommu.requests") == nullptr) return "IOMMU: none\n";
  const double lookups = figure(result, "iommu.iotlb.lookups", "value");
  const double walks = figure(result, "iommu.walker.walks", "value");
  std::string text = fmt::format("IOMMU: {:.0f} requests, {:.0f} passed through",
                                 figure(result, "iommu.requests", "value"), figure(result, "iommu.passed", "value"));
  if (lookups > 0)
    text += fmt::format("; IOTLB hit rate {:.2f} %", 100 * figure(result, "iommu.iotlb.hit_rate", "value"));
  if (walks > 0) {
    text += fmt::format("; {:.0f} walks, {:.2f} memory reads each, {} ns, {:.2f} at once", walks,
                        figure(result, "iommu.walker.reads_per_walk", "mean"),
                        ns(figure(result, "iommu.walker.latency", "mean")),
                        figure(result, "iommu.walker.occupancy", "mean"));
  }
  return text + "\n";
}

/// Mean latency by part; the parts sum to the mean of the table above.
std::string breakdown(const ordered_json& result, const platforms::TopologyFunction& function,
                      const std::string& direction) {
  const std::string base = function.path() + ".dma." + direction;
  const ordered_json* parts = find_metric(result, base + ".breakdown");
  const double whole = figure(result, base + ".latency", "mean");
  if (parts == nullptr || whole == 0) return "";
  std::string text = fmt::format("mean latency of {} {}s by part\n", function.name, direction);
  double sum = 0;
  for (const auto& [name, part] : parts->items()) {
    const double mean = part.at("mean").get<double>();
    sum += mean;
    if (mean > 0) text += fmt::format("  {:<12} {:>10} ns {:>6.1f} %\n", name, ns(mean), 100 * mean / whole);
  }
  return text + fmt::format("  {:<12} {:>10} ns {:>6.1f} %\n", "sum", ns(sum), 100 * sum / whole);
}

}  // namespace

std::string summary(const ordered_json& result, const ExperimentConfig& config) {
  const auto& window = result.at("window");
  std::string text =
      fmt::format("{}: measured {:.3f} us of simulated time from {:.3f} us; ended because {}\n\n", config.name,
                  window.at("length").at("value").get<double>() / 1e6,
                  window.at("start").at("value").get<double>() / 1e6, window.at("ended_because").get<std::string>());
  text += traffic_table(result, config) + failures(result, config) + "\n" + iommu_lines(result);
  constexpr std::size_t most = 4;  // breakdowns on the screen; all of them are in result.json
  std::size_t shown = 0;
  for (const auto& function : functions_of(config)) {
    std::string lines;
    for (const std::string direction : {"read", "write"}) {
      const std::string part = breakdown(result, function, direction);
      if (!part.empty()) lines += "\n" + part;
    }
    if (lines.empty() || ++shown > most) continue;
    text += lines;
  }
  return text + "\n";
}

}  // namespace iommusim::runner
