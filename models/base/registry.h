// Self-registering factories by name. A policy or device is one source file ending in
//   namespace { const Registry<Policy, const Shape&>::Entry entry("lru", "least recently used", make_lru); }
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "models/base/error.h"
#include "models/base/text.h"

namespace iommusim::base {

/// All implementations of T, made with Args. `T::registry_kind()` (static, returns e.g. "replacement policy") names the
/// kind in errors. Names are sorted, so that nothing depends on the order in which translation units are initialised.
template <class T, class... Args>
class Registry {
 public:
  using Factory = std::function<std::unique_ptr<T>(Args...)>;

  /// Registers on construction; two of one name are an error of ours, thrown before main.
  struct Entry {
    Entry(std::string name, std::string help, Factory factory) {
      if (!table().emplace(name, Item{std::move(help), std::move(factory)}).second)
        throw std::logic_error(std::string(T::registry_kind()) + " '" + name + "' is registered twice");
    }
  };

  /// Throws UserError naming the known ones when `name` is none of them.
  static std::unique_ptr<T> make(const std::string& name, Args... args) {
    const auto it = table().find(name);
    if (it == table().end()) throw UserError(unknown(name));
    return it->second.factory(std::forward<Args>(args)...);
  }
  static bool has(const std::string& name) { return table().count(name) != 0; }
  static std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& [name, item] : table()) out.push_back(name);
    return out;
  }
  /// Precondition: has(name).
  static const std::string& help(const std::string& name) { return table().at(name).help; }
  /// "unknown replacement policy 'lur'. Did you mean 'lru'? Known: fifo, lru, random"
  static std::string unknown(const std::string& name) {
    return "unknown " + std::string(T::registry_kind()) + " '" + name + "'." + did_you_mean(name, names()) +
           " Known: " + join(names());
  }

 private:
  struct Item {
    std::string help;
    Factory factory;
  };
  static std::map<std::string, Item>& table() {
    static std::map<std::string, Item> instance;
    return instance;
  }
};

}  // namespace iommusim::base
