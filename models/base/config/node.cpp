#include "models/base/config/node.h"

#include <charconv>

namespace iommusim::base {

const Node* Node::find(std::string_view key) const {
  for (const MapEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}
MapEntry* Node::find_entry(std::string_view key) {
  for (MapEntry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}
const char* Node::kind_name() const {
  switch (kind) {
    case Kind::null: return "nothing";
    case Kind::scalar: return "a text or number";
    case Kind::list: return "a list";
    case Kind::map: return "a map";
  }
  return "";
}

namespace {
const Node* child(const Node& node, std::string_view step) {
  if (node.kind == Node::Kind::map) return node.find(step);
  if (node.kind != Node::Kind::list) return nullptr;
  for (const Node& item : node.items)
    if (const Node* name = item.find("name"); name && name->text == step) return &item;
  return nullptr;
}
/// Walks as far as the path leads; `whole` tells whether to its end.
const Node* walk(const Node& root, std::string_view path, bool& whole) {
  const Node* node = &root;
  whole = true;
  while (!path.empty()) {
    const Node* next = nullptr;
    std::size_t end;
    if (path[0] == '[') {
      end = path.find(']');
      std::size_t index = 0;
      if (end == std::string_view::npos) {
        whole = false;
        return node;
      }
      const auto result = std::from_chars(path.data() + 1, path.data() + end, index);
      if (result.ec == std::errc() && result.ptr == path.data() + end && node->kind == Node::Kind::list &&
          index < node->items.size())
        next = &node->items[index];
      ++end;
    } else {
      end = std::min(path.find_first_of(".["), path.size());
      next = child(*node, path.substr(0, end));
    }
    if (!next) {
      whole = false;
      return node;
    }
    node = next;
    path.remove_prefix(end);
    if (!path.empty() && path[0] == '.') path.remove_prefix(1);
  }
  return node;
}
}  // namespace

const Node* find_path(const Node& root, std::string_view path) {
  bool whole;
  const Node* node = walk(root, path, whole);
  return whole ? node : nullptr;
}
Position position_of(const Node& root, std::string_view path) {
  bool whole;
  return walk(root, path, whole)->position;
}

}  // namespace iommusim::base
