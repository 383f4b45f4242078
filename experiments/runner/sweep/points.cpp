#include "experiments/runner/sweep/points.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "experiments/runner/sweep/selection.h"
#include "models/base/text.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;
using base::MapEntry;
using base::Node;
using base::Position;
using base::ReadContext;

bool names_a_folder(const std::string& text) {
  return !text.empty() && text.size() <= 200 && text[0] != '.' && text[0] != '-' && name_part(text) == text &&
         text.find('%') == std::string::npos;
}

class Expansion {
 public:
  Expansion(Study& study, const Node& root, base::Diagnostics& diagnostics)
      : study_(study), root_(root), diagnostics_(diagnostics), top_{diagnostics, ""} {}

  void run() {
    add_file(study_.config.run, "run");
    study_.common = settings(study_.config.set.node, top_.at_key("set"));
    for (std::size_t i = 0; i < study_.config.vary.size(); ++i)
      factor(study_.config.vary[i], "vary[" + std::to_string(i) + "]");
    own_columns();
    if (diagnostics_.empty()) cross();
    for (std::size_t i = 0; i < study_.config.points.size(); ++i)
      written_out(study_.config.points[i], "points[" + std::to_string(i) + "]");
    check_names();
  }

 private:
  ReadContext at(const std::string& path) const { return {diagnostics_, path}; }
  Position position(const std::string& path) const { return position_of(root_, path); }
  void error(const std::string& path, const std::string& message) { at(path).error(position(path), message); }

  /// Index of a configuration, which must exist.
  int add_file(const std::string& name, const std::string& path) {
    const fs::path file = (fs::path(study_.path).parent_path() / name).lexically_normal();
    for (std::size_t i = 0; i < study_.files.size(); ++i)
      if (study_.files[i] == file.string()) return static_cast<int>(i);
    std::error_code code;
    if (!fs::is_regular_file(file, code)) error(path, "there is no file " + file.string());
    study_.files.push_back(file.string());
    study_.file_positions.push_back(position(path));
    return static_cast<int>(study_.files.size() - 1);
  }

  SettingGroup settings(const Node& map, const ReadContext& context) {
    SettingGroup group;
    for (const MapEntry& entry : map.entries) {
      if (entry.key == "schema" || entry.key == "include")
        context.at_key(entry.key).error(entry.position, "is no setting: use `run` for another file");
      group.settings.push_back({entry.key, entry.value, entry.position});
    }
    return group;
  }

  void factor(const FactorConfig& config, const std::string& path) {
    if (config.name.empty() || config.name == "point" || config.name == "seed")
      error(path + ".name", "'" + config.name + "' cannot name a column: `point` and `seed` are there already");
    study_.factors.push_back({config.name, config.description, {}});
    auto& levels = study_.factors.back().levels;
    for (std::size_t i = 0; i < config.cases.size(); ++i) {
      const CaseConfig& c = config.cases[i];
      const std::string here = path + ".cases[" + std::to_string(i) + "]";
      if (c.label.node.kind != Node::Kind::scalar || c.label.node.text.empty())
        error(here + ".label", "expected a text or a number");
      levels.push_back({factor_value(c.label.node.text), settings(c.set.node, at(here + ".set")),
                        c.run.empty() ? -1 : add_file(c.run, here + ".run")});
    }
    const std::vector<std::string> paths = config.cases.empty() ? paths_of(config, path) : std::vector<std::string>{};
    for (const Node& value : values_of(config, path)) {
      Level level{factor_value(value.text), {}, -1};
      for (const std::string& p : paths) level.settings.settings.push_back({p, value, value.position});
      for (const Level& other : levels)
        if (same_value(other.value, level.value))
          at(path).error(value.position, "the value '" + value.text + "' is there twice");
      levels.push_back(std::move(level));
    }
  }
  std::vector<std::string> paths_of(const FactorConfig& config, const std::string& path) {
    std::vector<std::string> paths;
    const Node& node = config.path.node;
    const bool list = node.kind == Node::Kind::list;
    for (std::size_t i = 0; i < (list ? node.items.size() : 1); ++i) {
      const Node& item = list ? node.items[i] : node;
      if (item.kind == Node::Kind::scalar)
        paths.push_back(item.text);
      else
        at(path + ".path").error(item.position, std::string("expected a path, found ") + item.kind_name());
    }
    return paths;
  }
  std::vector<Node> values_of(const FactorConfig& config, const std::string& path) {
    std::vector<Node> values;
    if (!config.range.empty()) {
      const Range range = expand_range(config.range);
      if (!range.error.empty()) error(path + ".range", range.error);
      for (const std::string& text : range.values) {
        Node node;
        node.kind = Node::Kind::scalar;
        node.position = position(path + ".range");
        node.text = text;
        values.push_back(std::move(node));
      }
    }
    const Node& list = config.values.node;
    if (!config.values.given()) return values;
    if (list.kind != Node::Kind::list || list.items.empty()) {
      error(path + ".values", "expected a list of values, e.g. [256 KiB, 1 MiB]");
      return values;
    }
    for (const Node& item : list.items) {
      if (item.kind == Node::Kind::scalar)
        values.push_back(item);
      else
        at(path + ".values")
            .error(item.position, std::string("expected a value, found ") + item.kind_name() +
                                      ": several settings at once are `cases`");
    }
    return values;
  }

  /// Columns that only written-out points have become factors after the crossed ones.
  void own_columns() {
    for (const PointConfig& p : study_.config.points)
      for (const MapEntry& entry : p.columns.node.entries)
        if (study_.factor_index(entry.key) == study_.factors.size()) study_.factors.push_back({entry.key, "", {}});
  }

  void cross() {
    const std::size_t crossed = study_.config.vary.size();
    if (crossed == 0) return;
    std::vector<Selection> excluded;
    for (std::size_t i = 0; i < study_.config.exclude.size(); ++i)
      excluded.emplace_back(study_, study_.config.exclude[i].node, at("exclude[" + std::to_string(i) + "]"));
    std::size_t count = 1;
    for (std::size_t f = 0; f < crossed; ++f) {
      count *= study_.factors[f].levels.size();
      if (count > kMostPoints) return error("vary", "makes more than " + std::to_string(kMostPoints) + " points");
    }
    for (std::size_t n = 0; n < count; ++n) {
      Point point;
      point.values.resize(study_.factors.size());
      point.settings.push_back(&study_.common);
      std::size_t rest = n, divisor = count;
      for (std::size_t f = 0; f < crossed; ++f) {
        divisor /= study_.factors[f].levels.size();
        const Level& level = study_.factors[f].levels[rest / divisor];
        rest %= divisor;
        point.values[f] = &level.value;
        if (!level.settings.settings.empty()) point.settings.push_back(&level.settings);
        if (level.file >= 0) point.file = static_cast<unsigned>(level.file);
        point.name += (f == 0 ? "" : "-") + name_part(level.value.text);
      }
      if (std::none_of(excluded.begin(), excluded.end(), [&](const Selection& s) { return s.holds(point); }))
        study_.points.push_back(std::move(point));
    }
    if (study_.points.empty() && diagnostics_.empty()) error("exclude", "leaves no point");
  }

  void written_out(const PointConfig& config, const std::string& path) {
    Point point;
    point.name = config.name;
    if (!config.run.empty()) point.file = static_cast<unsigned>(add_file(config.run, path + ".run"));
    point.settings.push_back(&study_.common);
    study_.own_settings.push_back(settings(config.set.node, at(path + ".set")));
    point.settings.push_back(&study_.own_settings.back());
    point.values.resize(study_.factors.size());
    for (const MapEntry& entry : config.columns.node.entries) {
      const std::size_t f = study_.factor_index(entry.key);
      if (entry.value.kind != Node::Kind::scalar) {
        at(path + ".columns." + entry.key).error(entry.value.position, "expected one value");
        continue;
      }
      if (entry.key == "point" || entry.key == "seed")
        at(path + ".columns." + entry.key).error(entry.position, "is a column already");
      auto& levels = study_.factors[f].levels;
      const FactorValue value = factor_value(entry.value.text);
      auto known =
          std::find_if(levels.begin(), levels.end(), [&](const Level& l) { return same_value(l.value, value); });
      if (known == levels.end()) known = levels.insert(levels.end(), Level{value, {}, -1});
      point.values[f] = &known->value;
    }
    study_.points.push_back(std::move(point));
  }

  void check_names() {
    std::set<std::string> seen;
    const std::size_t crossed = study_.points.size() - std::min(study_.points.size(), study_.config.points.size());
    for (std::size_t i = 0; i < study_.points.size(); ++i) {
      const std::string& name = study_.points[i].name;
      const std::string path = i < crossed ? "vary" : "points[" + std::to_string(i - crossed) + "].name";
      if (!names_a_folder(name))
        error(path, "'" + name + "' cannot name a folder: letters, digits and '._+-', at most 200" +
                        (i < crossed ? "; give the values labels with `cases`" : ""));
      if (!seen.insert(name).second)
        error(path,
              "two points are named '" + name + "'" + (i < crossed ? ": give the values labels with `cases`" : ""));
    }
  }

  Study& study_;
  const Node& root_;
  base::Diagnostics& diagnostics_;
  ReadContext top_;
};

}  // namespace

void expand_points(Study& study, const Node& root, base::Diagnostics& diagnostics) {
  Expansion(study, root, diagnostics).run();
}

}  // namespace iommusim::runner
