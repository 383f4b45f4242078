#include "experiments/runner/sweep/figures.h"

#include "models/base/text.h"

namespace iommusim::runner {
namespace {

using Json = nlohmann::ordered_json;

bool is_metric(const Json& node) {
  const auto unit = node.find("unit"), description = node.find("description");
  return unit != node.end() && unit->is_string() && description != node.end() && description->is_string();
}
FigureInfo info(const Json& metric, const std::string& key, const Json& value) {
  // A count of samples has no unit, whatever is sampled.
  return {value.get<double>(), key == "count" ? "1" : metric["unit"].get<std::string>(),
          metric["description"].get<std::string>()};
}

void visit_all(const Json& node, const std::string& path,
               const std::function<void(const std::string&, const FigureInfo&)>& visit) {
  if (!node.is_object()) return;
  if (is_metric(node)) {
    for (const auto& [key, value] : node.items())
      if (value.is_number()) visit(key == "value" ? path : path + "." + key, info(node, key, value));
    return;
  }
  for (const auto& [key, value] : node.items()) visit_all(value, path.empty() ? key : path + "." + key, visit);
}

}  // namespace

std::optional<FigureInfo> find_figure(const Json& node, std::string_view path) {
  if (!node.is_object()) return std::nullopt;
  if (is_metric(node)) {
    const std::string key = path.empty() ? "value" : std::string(path);
    const auto value = node.find(key);
    if (value == node.end() || !value->is_number()) return std::nullopt;
    return info(node, key, *value);
  }
  for (const auto& [key, value] : node.items()) {
    if (path.substr(0, key.size()) != key) continue;
    if (path.size() == key.size()) return find_figure(value, "");
    if (path[key.size()] != '.') continue;
    if (auto found = find_figure(value, path.substr(key.size() + 1))) return found;
  }
  return std::nullopt;
}

void for_each_figure(const Json& metrics, const std::function<void(const std::string&, const FigureInfo&)>& visit) {
  visit_all(metrics, "", visit);
}

std::string scaled_unit(const std::string& unit, double scale) {
  if (scale == 1) return unit;
  if (unit == "ps" && scale == 0.001) return "ns";
  if (unit == "ps" && scale == 1e-6) return "us";
  if (unit == "ps" && scale == 1e-9) return "ms";
  if (unit == "1" && scale == 100) return "%";
  return base::to_text(1 / scale) + " " + unit;
}

}  // namespace iommusim::runner
