// Components of which a file chooses one by `type:`: endpoints, workloads. Each alternative is a struct derived from a
// common base, registered in its own source file:
//   namespace { const Variants<EndpointConfig>::Entry<DmaEngineConfig> entry("dma_engine", "Generic DMA engine"); }
// and held as std::shared_ptr<const EndpointConfig>. A platform then asks a Registry of factories for the module of
// that name.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "models/base/config/fields.h"

namespace iommusim::base {

/// `Base` has a virtual destructor and `static const char* variant_kind()` (e.g. "endpoint"), used in errors.
template <class Base>
class Variants {
 public:
  /// Registers `Config` (derived from Base, default constructible, with static fields()) under a name.
  template <class Config>
  class Entry {
   public:
    Entry(std::string name, std::string help) {
      static Alternative self;
      self = {std::move(name),
              std::move(help),
              &detail::fields_of<Config>,
              []() -> std::shared_ptr<void> { return std::make_shared<Config>(); },
              [](const void* base) -> const void* {
                const Base& object = *static_cast<const Base*>(base);
                return typeid(object) == typeid(Config) ? static_cast<const Config*>(&object) : nullptr;
              },
              [](void* pointer, std::shared_ptr<void> made) {
                *static_cast<std::shared_ptr<const Base>*>(pointer) = std::static_pointer_cast<Config>(std::move(made));
              }};
      auto& all = table();
      const auto at = std::lower_bound(all.begin(), all.end(), self.name,
                                       [](const Alternative* a, const std::string& n) { return a->name < n; });
      if (at != all.end() && (*at)->name == self.name)
        throw std::logic_error(std::string(Base::variant_kind()) + " '" + self.name + "' is registered twice");
      all.insert(at, &self);
    }
  };

  /// Sorted by name.
  static const std::vector<const Alternative*>& all() { return table(); }
  /// The `type` of an object, "" when its class is not registered.
  static std::string name_of(const Base& object) {
    for (const Alternative* a : table())
      if (a->derived(&object)) return a->name;
    return "";
  }

 private:
  static std::vector<const Alternative*>& table() {
    static std::vector<const Alternative*> instance;
    return instance;
  }
};

namespace detail {
template <class Base>
struct TypeOf<std::shared_ptr<const Base>> {
  using P = std::shared_ptr<const Base>;
  static ValueTypePtr make(const Choices<P>&) {
    return make_variant_type(Base::variant_kind(), &Variants<Base>::all,
                             [](const void* p) -> const void* { return static_cast<const P*>(p)->get(); });
  }
};
}  // namespace detail

}  // namespace iommusim::base
