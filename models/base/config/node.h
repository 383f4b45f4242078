// The raw tree of a configuration: what the YAML says, with the position of each key and value, before any meaning.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/base/config/diagnostics.h"

namespace iommusim::base {

struct MapEntry;

struct Node {
  enum class Kind { null, scalar, list, map };
  /// How a scalar was written. `cli` is a value of -s: may be read as a number or as a string.
  enum class Style { plain, quoted, cli };

  Kind kind = Kind::null;
  Style style = Style::plain;
  Position position;
  std::string text;               ///< of a scalar
  std::vector<Node> items;        ///< of a list
  std::vector<MapEntry> entries;  ///< of a map, in file order, keys unique

  const Node* find(std::string_view key) const;
  MapEntry* find_entry(std::string_view key);
  /// "a map", "a list", "a text or number", "nothing"
  const char* kind_name() const;
};

struct MapEntry {
  std::string key;
  Position position;  ///< of the key
  Node value;
};

/// "a.b[2].c": descends maps by key and lists by index, or by the `name` of a list's item ("endpoints.nic0.tags").
/// Null when there is no such node.
const Node* find_path(const Node& root, std::string_view path);

/// The position of the node at `path`, or of its nearest existing ancestor.
Position position_of(const Node& root, std::string_view path);

}  // namespace iommusim::base
