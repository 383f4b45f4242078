// The one field list of a configuration struct: key, type, unit, range, default, help and source of each member.
// Reading, validation, the resolved dump, `describe`, the JSON Schema and the manual all come from it.
//
//   struct DramConfig {
//     Time latency = Time::ns(80);
//     unsigned channels = 4;
//     Policy policy = Policy::open;
//     CacheConfig cache;
//     static const Fields<DramConfig>& fields();
//   };
//   const Fields<DramConfig>& DramConfig::fields() {
//     static const Fields<DramConfig> f =
//         Fields<DramConfig>("dram", "DRAM channels behind the last-level cache")
//             .field("latency", &DramConfig::latency, "Idle access latency").range(Time::ns(1),
//             Time::us(10)).source("...") .field("channels", &DramConfig::channels, "Independent channels").range(1,
//             64) .field("policy", &DramConfig::policy, "Row policy", {{"open", Policy::open}, {"closed",
//             Policy::closed}}) .object("cache", &DramConfig::cache, "Cache in front") .check([](const DramConfig& c,
//             Report& r) { if (...) r.error("channels", "must ..."); });
//     return f;
//   }
// A member's default is its initialiser. Names of choices follow the field's help as a fourth argument. Ranges are
// written in the member's type or as text ("1 ns"). range(), at_least(), source(), required(), word() ... refine the
// field before them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "models/base/config/value_type.h"

namespace iommusim::base {

/// Where a check reports: errors at a key of the struct checked, or deeper ("items[2].size"), or at the struct itself
/// ("").
class Report {
 public:
  Report(const Node& node, const ReadContext& context) : node_(node), context_(context) {}
  void error(const std::string& path, const std::string& message);
  bool failed() const { return failed_; }

 private:
  const Node& node_;
  const ReadContext& context_;
  bool failed_ = false;
};

/// A field list without its C++ type.
class FieldList {
 public:
  struct Item {
    std::string key, help, source;
    bool required = false;
    ValueTypePtr type;
    std::function<void*(void*)> member;
  };
  FieldList(std::string component, std::string help) : component_(std::move(component)), help_(std::move(help)) {}

  const std::string& component() const { return component_; }
  const std::string& help() const { return help_; }
  const std::vector<Item>& items() const { return items_; }
  /// A default-constructed struct.
  const void* defaults() const { return make_ ? (defaults_ ? defaults_ : defaults_ = make_()).get() : nullptr; }

  /// Reads a map into *object (holding defaults) and runs the checks; false when errors were reported. `also` is a key
  /// to pass over.
  bool read(const Node& node, void* object, const ReadContext& context, const std::string& also = "") const;
  /// Lines "key: value" indented by `indent` spaces.
  std::string dump(const void* object, unsigned indent) const;
  /// `whole`: what is required must be in the map, and cannot come from an included file.
  nlohmann::ordered_json schema(const void* object, bool whole) const;

 protected:
  Item& last();
  void add(Item item);
  std::string component_, help_;
  std::vector<Item> items_;
  std::vector<std::function<void(const void*, Report&)>> checks_;
  std::function<std::shared_ptr<void>()> make_;
  mutable std::shared_ptr<void> defaults_;
};

template <class E>
using Choices = std::vector<std::pair<const char*, E>>;

namespace detail {
template <class V, class = void>
struct has_fields : std::false_type {};
template <class V>
struct has_fields<V, std::void_t<decltype(V::fields())>> : std::true_type {};
template <class V>
struct innermost {
  using type = V;
};
template <class V>
struct innermost<std::optional<V>> : innermost<V> {};
template <class V>
struct innermost<std::vector<V>> : innermost<V> {};
template <class V>
const FieldList& fields_of() {
  return V::fields();
}

template <class V>
struct TypeOf {
  static ValueTypePtr make(const Choices<typename innermost<V>::type>& choices) {
    if constexpr (std::is_enum_v<V>) {
      ChoiceList list;
      for (const auto& [name, value] : choices) list.emplace_back(name, static_cast<long long>(value));
      return make_choice_type(
          std::move(list), [](const void* o) { return static_cast<long long>(*static_cast<const V*>(o)); },
          [](void* o, long long v) { *static_cast<V*>(o) = static_cast<V>(v); });
    } else if constexpr (has_fields<V>::value) {
      return make_object_type(&fields_of<V>);
    } else {
      return make_scalar_type(scalar_codec<V>());
    }
  }
};
template <class V>
struct TypeOf<std::optional<V>> {
  using O = std::optional<V>;
  static ValueTypePtr make(const Choices<typename innermost<V>::type>& choices) {
    return make_optional_type(
        {[](void* o) -> void* { return &static_cast<O*>(o)->emplace(); }, [](void* o) { static_cast<O*>(o)->reset(); },
         [](const void* o) -> const void* {
           const O& v = *static_cast<const O*>(o);
           return v ? &*v : nullptr;
         }},
        TypeOf<V>::make(choices));
  }
};
template <class V>
struct TypeOf<std::vector<V>> {
  static_assert(!std::is_same_v<V, bool>, "a list of booleans has no addressable items");
  using L = std::vector<V>;
  static ValueTypePtr make(const Choices<typename innermost<V>::type>& choices) {
    return make_list_type(
        {[](const void* l) { return static_cast<const L*>(l)->size(); }, [](void* l) { static_cast<L*>(l)->clear(); },
         [](void* l) -> void* { return &static_cast<L*>(l)->emplace_back(); },
         [](const void* l, std::size_t i) -> const void* { return &(*static_cast<const L*>(l))[i]; }},
        TypeOf<V>::make(choices));
  }
};
inline std::string limit_text(const char* text) { return text; }
inline std::string limit_text(const std::string& text) { return text; }
template <class L>
std::string limit_text(const L& limit) {
  if constexpr (std::is_integral_v<L>)
    return std::to_string(limit);
  else
    return to_text(limit);
}
}  // namespace detail

template <class T>
class Fields : public FieldList {
 public:
  Fields(std::string component, std::string help) : FieldList(std::move(component), std::move(help)) {
    make_ = []() -> std::shared_ptr<void> { return std::make_shared<T>(); };
  }

  /// A member: scalar, enum (with choices), struct with fields(), std::optional, std::vector or std::shared_ptr<const
  /// Base> of variants.
  template <class V, class Owner>
  Fields& field(const char* key, V Owner::*member, const char* help,
                const Choices<typename detail::innermost<V>::type>& choices = {}) {
    static_assert(std::is_base_of_v<Owner, T>, "not a member of the struct");
    add({key, help, "", false, detail::TypeOf<V>::make(choices),
         [member](void* o) -> void* { return &(static_cast<T*>(o)->*member); }});
    return *this;
  }
  /// The same, named for what the reader of the list should expect.
  template <class V, class Owner>
  Fields& object(const char* key, V Owner::*member, const char* help) {
    return field(key, member, help);
  }
  template <class V, class Owner>
  Fields& optional_object(const char* key, std::optional<V> Owner::*member, const char* help) {
    return field(key, member, help);
  }
  template <class V, class Owner>
  Fields& list(const char* key, std::vector<V> Owner::*member, const char* help, const Choices<V>& choices = {}) {
    return field(key, member, help, choices);
  }
  /// std::shared_ptr<const Base>, chosen by `type:` (include config/variants.h).
  template <class B, class Owner>
  Fields& variant(const char* key, std::shared_ptr<const B> Owner::*member, const char* help) {
    return field(key, member, help);
  }
  template <class B, class Owner>
  Fields& variants(const char* key, std::vector<std::shared_ptr<const B>> Owner::*member, const char* help) {
    return field(key, member, help);
  }
  /// All fields and checks of a base class, before or between the own ones.
  template <class B>
  Fields& inherit(const Fields<B>& base) {
    static_assert(std::is_base_of_v<B, T>, "not a base of the struct");
    for (const Item& item : base.items()) {
      Item own = item;
      own.member = [m = item.member](void* o) { return m(static_cast<B*>(static_cast<T*>(o))); };
      add(std::move(own));
    }
    for (const auto& c : base.checks_)
      checks_.push_back([c](const void* o, Report& r) { c(static_cast<const B*>(static_cast<const T*>(o)), r); });
    return *this;
  }
  template <class U>
  friend class Fields;

  /// Both ends included; on a list or an optional, of each value.
  template <class L, class H>
  Fields& range(const L& lowest, const H& highest) {
    last().type->set_range(detail::limit_text(lowest), detail::limit_text(highest));
    return *this;
  }
  template <class L>
  Fields& at_least(const L& lowest) {
    last().type->set_range(detail::limit_text(lowest), "");
    return *this;
  }
  template <class H>
  Fields& at_most(const H& highest) {
    last().type->set_range("", detail::limit_text(highest));
    return *this;
  }
  /// Integers and sizes only.
  Fields& power_of_two() {
    last().type->set_power_of_two();
    return *this;
  }
  /// Number of items of a list.
  Fields& items_between(std::size_t fewest, std::size_t most) {
    last().type->set_items(fewest, most);
    return *this;
  }
  /// No two items of a list of structs have the same value of `key`.
  Fields& unique(const char* key) {
    last().type->set_unique(key);
    return *this;
  }
  /// Allowed texts of a string.
  Fields& one_of(std::vector<std::string> texts) {
    last().type->set_one_of(std::move(texts));
    return *this;
  }
  /// A word that stands for a value: .word("unlimited", 0).
  template <class L>
  Fields& word(const char* name, const L& means) {
    last().type->set_word(name, detail::limit_text(means));
    return *this;
  }
  /// What the JSON Schema says of a value kept as the file has it (RawValue, RawMap).
  Fields& shape(const char* json) {
    last().type->set_shape(json);
    return *this;
  }
  /// Each value of a RawMap is a text, or a map of V's keys.
  template <class V>
  Fields& values() {
    last().type->set_values(&detail::fields_of<V>);
    return *this;
  }
  /// Where the default comes from.
  Fields& source(const char* text) {
    last().source = text;
    return *this;
  }
  /// The file must give it.
  Fields& required() {
    last().required = true;
    return *this;
  }

  /// A rule over several fields, run when all of them were read without error.
  Fields& check(std::function<void(const T&, Report&)> rule) {
    checks_.push_back([rule](const void* o, Report& r) { rule(*static_cast<const T*>(o), r); });
    return *this;
  }
};

}  // namespace iommusim::base
