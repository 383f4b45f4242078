// `-s path=value`: changes the raw tree before it is read, so that an override is validated like the file.
#include <charconv>

#include "models/base/config/document.h"
#include "models/base/config/setting.h"
#include "models/base/text.h"

namespace iommusim::base {
namespace {

/// Values of the command line: positions name the option, quotes are not needed.
void mark_as_option(Node& node, const Position& position) {
  node.position = position;
  node.style = Node::Style::cli;
  for (Node& item : node.items) mark_as_option(item, position);
  for (MapEntry& entry : node.entries) {
    entry.position = position;
    mark_as_option(entry.value, position);
  }
}

/// "[3]" or "name" from the front of `path`; "" when malformed.
std::string_view take_step(std::string_view& path) {
  std::size_t end;
  if (path[0] == '[') {
    end = path.find(']');
    if (end == std::string_view::npos || end < 2) return "";
    ++end;
  } else {
    end = std::min(path.find_first_of(".["), path.size());
  }
  const std::string_view step = path.substr(0, end);
  path.remove_prefix(end);
  if (!path.empty() && path[0] == '.') {
    path.remove_prefix(1);
    if (path.empty() || path[0] == '[') return "";
  }
  return step;
}

class Setter {
 public:
  Setter(const std::string& path, const Node& value, const Position& position, Diagnostics& diagnostics)
      : path_(path), value_(value), position_(position), diagnostics_(diagnostics) {}

  void apply(Node& root) { descend(root, path_); }

 private:
  void error(const std::string& path, const std::string& message) { diagnostics_.add(position_, path, message); }

  /// Sets `value_` at what is left of the path below `node`.
  void descend(Node& node, std::string_view rest) {
    if (rest.empty()) {
      node = value_;
      return;
    }
    std::string here = path_.substr(0, path_.size() - rest.size());
    if (!here.empty() && here.back() == '.') here.pop_back();
    const std::string_view step = take_step(rest);
    if (step.empty()) return error(path_, "is not a path such as endpoints[0].tags");
    if (step == "[*]") {
      if (node.kind != Node::Kind::list || node.items.empty())
        return error(here, "expected a list with items for [*], found " +
                               std::string(node.kind == Node::Kind::list ? "an empty one" : node.kind_name()));
      for (Node& each : node.items) descend(each, rest);
      return;
    }
    Node* next = step[0] == '[' ? item(node, step, here) : member(node, std::string(step), here);
    if (next) descend(*next, rest);
  }
  Node* item(Node& list, std::string_view step, const std::string& here) {
    std::size_t index = 0;
    const auto result = std::from_chars(step.data() + 1, step.data() + step.size() - 1, index);
    if (result.ec != std::errc() || result.ptr != step.data() + step.size() - 1)
      return error(here, "'" + std::string(step) + "' is not an index such as [0]"), nullptr;
    if (list.kind != Node::Kind::list)
      return error(here, "expected a list, found " + std::string(list.kind_name())), nullptr;
    if (index >= list.items.size())
      return error(here, "has no item " + std::string(step) + ": the list has " + std::to_string(list.items.size()) +
                             (list.items.size() == 1 ? " item" : " items")),
             nullptr;
    return &list.items[index];
  }
  Node* member(Node& node, const std::string& key, const std::string& here) {
    if (node.kind == Node::Kind::list) return named(node, key, here);
    if (node.kind == Node::Kind::null) {
      node.kind = Node::Kind::map;
      node.position = position_;
    }
    if (node.kind != Node::Kind::map)
      return error(here, "expected a map, found " + std::string(node.kind_name())), nullptr;
    if (MapEntry* entry = node.find_entry(key)) return &entry->value;
    node.entries.push_back({key, position_, {}});
    node.entries.back().value.position = position_;
    return &node.entries.back().value;
  }
  Node* named(Node& list, const std::string& name, const std::string& here) {
    std::vector<std::string> names;
    for (Node& item : list.items)
      if (const Node* n = item.find("name")) {
        if (n->text == name) return &item;
        names.push_back(n->text);
      }
    error(here, "no item is named '" + name + "'." + did_you_mean(name, names) +
                    (names.empty() ? "" : " Known: " + join(names)));
    return nullptr;
  }

  const std::string& path_;
  const Node& value_;
  const Position& position_;
  Diagnostics& diagnostics_;
};

}  // namespace

void apply_setting(Node& root, const std::string& path, const Node& value, const Position& where,
                   Diagnostics& diagnostics) {
  Setter(path, value, where, diagnostics).apply(root);
}

void apply_override(Node& root, const std::string& option, Diagnostics& diagnostics) {
  const Position position{std::make_shared<const std::string>("-s " + option), 0, 0};
  const std::size_t equals = option.find('=');
  if (equals == std::string::npos || equals == 0)
    return diagnostics.add(position, "", "an override is written path=value, as in memory.dram.latency='90 ns'");
  const std::string path = option.substr(0, equals), text = option.substr(equals + 1);
  Node value;
  Diagnostics problems;
  const bool blank = text.find_first_not_of(' ') == std::string::npos;
  if (blank) problems.add(position, path, "has no value: write one after '=', or null");
  if (!blank) value = parse_yaml(text, "", {}, problems);
  mark_as_option(value, position);
  Diagnostics misplaced;  // a path that leads nowhere is the first thing to say
  Node trial = root;
  apply_setting(trial, path, value, position, misplaced);
  for (const Diagnostic& d : (misplaced.empty() ? problems : misplaced).sorted())
    diagnostics.add(position, misplaced.empty() ? path : d.path, d.message);
  if (misplaced.empty() && problems.empty()) root = std::move(trial);
}

}  // namespace iommusim::base
