#include "models/base/config/keys.h"

#include <algorithm>

#include "models/base/text.h"

namespace iommusim::base {
namespace {

/// "workloads[0].buffer" to "workloads", "buffer".
std::vector<std::string> steps_of(const std::string& path) {
  std::vector<std::string> steps(1);
  bool index = false;
  for (const char c : path) {
    if (c == '[') index = true;
    if (c == '.' && !index)
      steps.emplace_back();
    else if (!index)
      steps.back() += c;
    if (c == ']') index = false;
  }
  return steps;
}

}  // namespace

std::vector<FoundKey> keys_named(const std::vector<const FieldList*>& components, const std::string& name) {
  std::vector<FoundKey> found;
  for (const FieldList* c : components)
    for (const FieldList::Item& item : c->items())
      if (item.key == name) found.push_back({c, &item});
  return found;
}

std::vector<const FieldList*> components_in(const FoundKey& key) {
  std::vector<const FieldList*> inner;
  key.item->type->nested(nullptr, [&](const FieldList& fields, const void*) { inner.push_back(&fields); });
  return inner;
}

std::vector<FoundKey> keys_at(const FieldList& root, const std::string& path, std::string& error) {
  std::vector<const FieldList*> components{&root};
  std::vector<FoundKey> found;
  for (const std::string& step : steps_of(path)) {
    if (components.empty()) {
      error = "'" + found.front().item->key + "' has no keys in it";
      return {};
    }
    found = keys_named(components, step);
    if (found.empty()) {
      std::vector<std::string> names, known;
      for (const FieldList* c : components) {
        names.push_back(c->component());
        for (const FieldList::Item& item : c->items())
          if (std::find(known.begin(), known.end(), item.key) == known.end()) known.push_back(item.key);
      }
      const std::string near = did_you_mean(step, known);
      error =
          "'" + step + "' is no key of " + join(names, " or ") + "." + (near.empty() ? " Known: " + join(known) : near);
      return {};
    }
    components.clear();
    for (const FoundKey& key : found)
      for (const FieldList* c : components_in(key))
        if (std::find(components.begin(), components.end(), c) == components.end()) components.push_back(c);
  }
  return found;
}

}  // namespace iommusim::base
