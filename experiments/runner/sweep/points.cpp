#include "experiments/runner/sweep/points.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

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
      axis(study_.config.vary[i], "vary[" + std::to_string(i) + "]");
    own_columns();
    if (diagnostics_.empty()) cross();
    for (std::size_t i = 0; i < study_.config.points.size(); ++i)
      written_out(study_.config.points[i], "points[" + std::to_string(i) + "]");
    check_names();
    const unsigned each = study_.replicated() ? study_.config.replications->count : 1;
    if (study_.points.size() > kMostPoints / each)
      error("replications.count", "makes more than " + std::to_string(kMostPoints) + " runs of " +
                                      std::to_string(study_.points.size()) + " points");
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

  /// One factor, or several that are zipped.
  void axis(const VaryConfig& config, const std::string& path) {
    const std::size_t first = study_.factors.size(), faults = diagnostics_.size();
    if (config.zip.empty()) factor(config, path, false);
    for (std::size_t i = 0; i < config.zip.size(); ++i)
      factor(config.zip[i], path + ".zip[" + std::to_string(i) + "]", true);
    axes_.push_back(study_.factors[first].levels.size());
    for (std::size_t f = first; f < study_.factors.size(); ++f) study_.factors[f].axis = axes_.size() - 1;
    if (diagnostics_.size() == faults && !config.zip.empty()) check_zip(config.zip, first, path);
  }
  void check_zip(const std::vector<FactorConfig>& zip, std::size_t first, const std::string& path) {
    const std::size_t length = study_.factors[first].levels.size();
    for (std::size_t i = 1; i < zip.size(); ++i) {
      const std::size_t own = study_.factors[first + i].levels.size();
      const char* const key = zip[i].values.given() ? ".values" : zip[i].range.empty() ? ".cases" : ".range";
      if (own != length)
        return error(path + ".zip[" + std::to_string(i) + "]" + key,
                     "'" + zip[i].name + "' has " + count_text(own) + ", '" + zip[0].name + "' has " +
                         count_text(length) + ": zipped factors have as many");
    }
    std::map<std::vector<const FactorValue*>, std::size_t> seen;
    for (std::size_t n = 0; n < length; ++n) {
      std::vector<const FactorValue*> values;
      for (std::size_t i = 0; i < zip.size(); ++i) values.push_back(study_.factors[first + i].levels[n].value);
      const auto [at, fresh] = seen.emplace(std::move(values), n);
      if (!fresh)
        error(path + ".zip", "the values [" + std::to_string(at->second) + "] and [" + std::to_string(n) +
                                 "] of its factors are the same");
    }
  }
  static std::string count_text(std::size_t n) { return std::to_string(n) + (n == 1 ? " value" : " values"); }

  void factor(const FactorConfig& config, const std::string& path, bool zipped) {
    if (config.name.empty() || config.name == "point" || config.name == "seed")
      error(path + ".name", "'" + config.name + "' cannot name a column: `point` and `seed` are there already");
    if (study_.factor_index(config.name) != study_.factors.size())
      error(path + ".name", "'" + config.name + "' is a factor already");
    Factor& added = add_factor(config.name, config.description);
    const auto add = [&](const Node& text, SettingGroup settings, int file) {
      if (!is_line(text.text)) at(path).error(text.position, "a value holds control characters");
      const auto [value, fresh] = value_of(added, text.text);
      if (!fresh && !zipped) at(path).error(text.position, "the value '" + text.text + "' is there twice");
      added.levels.push_back({value, std::move(settings), file});
    };
    for (std::size_t i = 0; i < config.cases.size(); ++i) {
      const CaseConfig& c = config.cases[i];
      const std::string here = path + ".cases[" + std::to_string(i) + "]";
      if (c.label.node.kind != Node::Kind::scalar || c.label.node.text.empty())
        error(here + ".label", "expected a text or a number");
      add(c.label.node, settings(c.set.node, at(here + ".set")), c.run.empty() ? -1 : add_file(c.run, here + ".run"));
    }
    const std::vector<std::string> paths = config.cases.empty() ? paths_of(config, path) : std::vector<std::string>{};
    for (const Node& value : values_of(config, path)) {
      SettingGroup group;
      for (const std::string& p : paths) group.settings.push_back({p, value, value.position});
      add(value, std::move(group), -1);
    }
  }
  Factor& add_factor(const std::string& name, const std::string& description) {
    study_.factors.push_back({name, description, study_.factors.size(), {}, {}});
    return study_.factors.back();
  }
  /// The factor's object of this value, and whether it is new.
  std::pair<const FactorValue*, bool> value_of(Factor& factor, const std::string& text) {
    FactorValue value = factor_value(text);
    const std::string key = value.number ? base::to_text(*value.number + 0.0) + value.unit : "'" + value.text;
    const auto [at, fresh] = values_[&factor].emplace(key, nullptr);
    if (fresh) {
      factor.values.push_back(std::move(value));
      at->second = &factor.values.back();
    }
    return {at->second, fresh};
  }
  std::vector<std::string> paths_of(const FactorConfig& config, const std::string& path) {
    std::vector<std::string> paths;
    const Node& node = config.path.node;
    const bool list = node.kind == Node::Kind::list;
    for (std::size_t i = 0; i < (list ? node.items.size() : 1); ++i) {
      const Node& item = list ? node.items[i] : node;
      if (item.kind != Node::Kind::scalar) {
        at(path + ".path").error(item.position, std::string("expected a path, found ") + item.kind_name());
        continue;
      }
      const auto [other, fresh] = set_by_.emplace(item.text, config.name);
      if (!fresh)
        at(path + ".path")
            .error(item.position,
                   "factor '" + other->second + "' sets '" + item.text + "' too: the last one would win");
      paths.push_back(item.text);
    }
    if (list && node.items.empty()) at(path + ".path").error(node.position, "expected a path, found an empty list");
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
        if (study_.factor_index(entry.key) == study_.factors.size()) add_factor(entry.key, "");
  }

  void cross() {
    if (axes_.empty()) return;
    std::vector<Selection> excluded;
    for (std::size_t i = 0; i < study_.config.exclude.size(); ++i)
      excluded.emplace_back(study_, study_.config.exclude[i].node, at("exclude[" + std::to_string(i) + "]"));
    std::size_t count = 1;
    for (const std::size_t length : axes_) {
      count *= length;
      if (count > kMostPoints) return error("vary", "makes more than " + std::to_string(kMostPoints) + " points");
    }
    std::vector<std::size_t> step(axes_.size());
    for (std::size_t n = 0; n < count; ++n) {
      for (std::size_t a = axes_.size(), rest = n; a-- > 0; rest /= axes_[a]) step[a] = rest % axes_[a];
      Point point = crossed(step);
      if (std::none_of(excluded.begin(), excluded.end(), [&](const Selection& s) { return s.holds(point); }))
        study_.points.push_back(std::move(point));
    }
    if (study_.points.empty() && diagnostics_.empty()) error("exclude", "leaves no point");
  }
  /// The point at `step[a]` of each axis.
  Point crossed(const std::vector<std::size_t>& step) const {
    Point point;
    point.values.resize(study_.factors.size());
    point.settings.push_back(&study_.common);
    for (std::size_t f = 0; f < study_.factors.size() && !study_.factors[f].levels.empty(); ++f) {
      const Level& level = study_.factors[f].levels[step[study_.factors[f].axis]];
      point.values[f] = level.value;
      if (!level.settings.settings.empty()) point.settings.push_back(&level.settings);
      if (level.file >= 0) point.file = static_cast<unsigned>(level.file);
      point.name += (f == 0 ? "" : "-") + name_part(level.value->text);
    }
    return point;
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
      if (!is_line(entry.key + entry.value.text))
        at(path + ".columns").error(entry.position, "a column or value holds control characters");
      point.values[f] = value_of(study_.factors[f], entry.value.text).first;
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
  std::map<std::string, std::string> set_by_;  ///< path: the factor whose `path` it is
  std::vector<std::size_t> axes_;              ///< how many values the factors of each item of `vary` have
  std::unordered_map<const Factor*, std::unordered_map<std::string, const FactorValue*>> values_;
};

}  // namespace

void expand_points(Study& study, const Node& root, base::Diagnostics& diagnostics) {
  Expansion(study, root, diagnostics).run();
}

}  // namespace iommusim::runner
