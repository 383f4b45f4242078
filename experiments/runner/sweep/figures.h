// The figures of a result: numbers below `metrics` of result.json by dotted path.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iommusim::runner {

struct FigureInfo {
  double value = 0;
  std::string unit, description;
};

/// The figure at `path`, e.g. "nic.dma.read.latency.p99", or a counter's own path. Names in the path may hold dots
/// themselves ("01:00.0"). Nothing when there is none.
std::optional<FigureInfo> find_figure(const nlohmann::ordered_json& metrics, std::string_view path);

/// Every figure in the document's order.
void for_each_figure(const nlohmann::ordered_json& metrics,
                     const std::function<void(const std::string& path, const FigureInfo&)>& visit);

/// The unit of a figure times `scale`: "ns" for 0.001 of "ps", `unit` itself for 1, "0.5 x unit" for others.
std::string scaled_unit(const std::string& unit, double scale);

}  // namespace iommusim::runner
