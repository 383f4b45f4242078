// Type-erased values of configuration structs: what can be read from a node, dumped to YAML, and described. Scalars,
// choices (enums), nested structs, optionals, lists and variants compose; fields.h builds them from C++ types.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "models/base/config/scalar.h"

namespace iommusim::base {

class FieldList;

/// Where a read is: the path for messages, and where they go.
struct ReadContext {
  Diagnostics& diagnostics;
  std::string path;
  void error(const Position& position, const std::string& message) const { diagnostics.add(position, path, message); }
  ReadContext at_key(const std::string& key) const { return {diagnostics, path.empty() ? key : path + "." + key}; }
  ReadContext at_index(std::size_t i) const { return {diagnostics, path + "[" + std::to_string(i) + "]"}; }
};

class ValueType {
 public:
  virtual ~ValueType() = default;
  /// Reads into *object, which holds the default; false when an error was reported.
  virtual bool read(const Node& node, void* object, const ReadContext& context) const = 0;
  /// YAML after "key:": " 450 ns\n", or "\n" and a block indented by `indent` spaces.
  virtual std::string dump(const void* object, unsigned indent) const = 0;
  /// `whole`: nothing of the value can come from another file (items of lists), so that what is required must be here.
  virtual nlohmann::ordered_json schema(const void* default_object, bool whole) const = 0;
  virtual std::string name() const = 0;  ///< "time", "list of size", "one of lru, fifo"
  virtual std::string example() const = 0;
  /// "1 to 64", "" without limits.
  virtual std::string limits() const { return ""; }
  /// Text of a default for the manual; "" when it is a struct described by itself.
  virtual std::string default_text(const void* object) const = 0;
  /// Nested components with a default object each (may be null).
  virtual void nested(const void* default_object,
                      const std::function<void(const FieldList&, const void*)>& visit) const;

  // Refinements by the field list; the default is an error of ours (the type does not have them).
  virtual void set_range(const std::string& lowest, const std::string& highest);
  virtual void set_items(std::size_t fewest, std::size_t most);
  virtual void set_one_of(std::vector<std::string> texts);
  virtual void set_word(const std::string& word, const std::string& means);
  virtual void set_unique(const std::string& key);
  virtual void set_power_of_two();
  virtual void set_shape(const std::string& json);
  virtual void set_values(const FieldList& (*fields)());
};
using ValueTypePtr = std::shared_ptr<ValueType>;

ValueTypePtr make_scalar_type(const ScalarCodec& codec);

using ChoiceList = std::vector<std::pair<std::string, long long>>;
ValueTypePtr make_choice_type(ChoiceList choices, std::function<long long(const void*)> get,
                              std::function<void(void*, long long)> set);

/// A struct with fields(); the list is asked for late, so that structs may be declared in any order.
ValueTypePtr make_object_type(const FieldList& (*fields)());

struct OptionalOps {
  void* (*emplace)(void* optional);
  void (*reset)(void* optional);
  const void* (*get)(const void* optional);  // null when empty
};
ValueTypePtr make_optional_type(OptionalOps ops, ValueTypePtr inner);

struct ListOps {
  std::size_t (*size)(const void* list);
  void (*clear)(void* list);
  void* (*append)(void* list);
  const void* (*at)(const void* list, std::size_t i);
};
ValueTypePtr make_list_type(ListOps ops, ValueTypePtr inner);

/// One alternative of a variant: a struct derived from the variant's base.
struct Alternative {
  std::string name, help;
  const FieldList& (*fields)();
  std::shared_ptr<void> (*make)();                           // the derived struct, with defaults
  const void* (*derived)(const void* base);                  // null when the object is of another type
  void (*store)(void* pointer, std::shared_ptr<void> made);  // into std::shared_ptr<const Base>
};
/// `alternatives` sorted by name; `get` gives the base object or null.
ValueTypePtr make_variant_type(const char* kind, const std::vector<const Alternative*>& (*alternatives)(),
                               const void* (*get)(const void* pointer));

}  // namespace iommusim::base
