// Values made of values: structs, optionals, lists, variants.
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/base/config/fields.h"
#include "models/base/text.h"

namespace iommusim::base {
namespace {

using Json = nlohmann::ordered_json;
using Visit = std::function<void(const FieldList&, const void*)>;

class ObjectType final : public ValueType {
 public:
  explicit ObjectType(const FieldList& (*fields)()) : fields_(fields) {}
  bool read(const Node& node, void* object, const ReadContext& context) const override {
    return fields_().read(node, object, context);
  }
  std::string dump(const void* object, unsigned indent) const override {
    const std::string text = fields_().dump(object, indent);
    return text.empty() ? " {}\n" : "\n" + text;
  }
  Json schema(const void* object, bool whole) const override {
    return fields_().schema(object ? object : fields_().defaults(), whole);
  }
  std::string name() const override { return "map (" + fields_().component() + ")"; }
  std::string example() const override {
    return "{" + (fields_().items().empty() ? "" : fields_().items()[0].key + ": ...") + "}";
  }
  std::string default_text(const void*) const override { return ""; }
  void nested(const void* object, const Visit& visit) const override { visit(fields_(), object); }

 private:
  const FieldList& (*fields_)();
};

/// Forwards refinements to the value inside.
class Wrapper : public ValueType {
 public:
  explicit Wrapper(ValueTypePtr inner) : inner_(std::move(inner)) {}
  std::string limits() const override { return inner_->limits(); }
  void nested(const void*, const Visit& visit) const override { inner_->nested(nullptr, visit); }
  void set_range(const std::string& lowest, const std::string& highest) override { inner_->set_range(lowest, highest); }
  void set_one_of(std::vector<std::string> texts) override { inner_->set_one_of(std::move(texts)); }
  void set_word(const std::string& word, const std::string& means) override { inner_->set_word(word, means); }
  void set_power_of_two() override { inner_->set_power_of_two(); }
  void set_shape(const std::string& json) override { inner_->set_shape(json); }

 protected:
  ValueTypePtr inner_;
};

class OptionalType final : public Wrapper {
 public:
  OptionalType(OptionalOps ops, ValueTypePtr inner) : Wrapper(std::move(inner)), ops_(ops) {}
  bool read(const Node& node, void* object, const ReadContext& context) const override {
    if (node.kind == Node::Kind::null) {
      ops_.reset(object);
      return true;
    }
    return inner_->read(node, ops_.emplace(object), context);
  }
  std::string dump(const void* object, unsigned indent) const override {
    const void* value = ops_.get(object);
    return value ? inner_->dump(value, indent) : " null\n";
  }
  Json schema(const void* object, bool whole) const override {
    Json out = inner_->schema(object ? ops_.get(object) : nullptr, whole);
    // Inside the keywords that are there: an editor then says what is wrong with a value, not just that it is no null.
    if (out.contains("enum")) out["enum"].push_back(nullptr);
    if (out.contains("anyOf")) out["anyOf"].push_back({{"type", "null"}});
    if (out.contains("type")) {
      Json types = Json::array();
      for (const Json& type : out["type"].is_array() ? out["type"] : Json::array({out["type"]})) types.push_back(type);
      types.push_back("null");
      out["type"] = std::move(types);
    }
    return out;
  }
  std::string name() const override { return inner_->name() + " or null"; }
  std::string example() const override { return inner_->example(); }
  std::string default_text(const void* object) const override {
    const void* value = ops_.get(object);
    return value ? inner_->default_text(value) : "null";
  }
  void set_items(std::size_t fewest, std::size_t most) override { inner_->set_items(fewest, most); }
  void set_unique(const std::string& key) override { inner_->set_unique(key); }

 private:
  OptionalOps ops_;
};

class ListType final : public Wrapper {
 public:
  ListType(ListOps ops, ValueTypePtr inner) : Wrapper(std::move(inner)), ops_(ops) {}
  bool read(const Node& node, void* object, const ReadContext& context) const override {
    if (node.kind != Node::Kind::list) {
      context.error(node.position, "expected a list such as " + example() + ", found " + node.kind_name());
      return false;
    }
    bool good = true;
    ops_.clear(object);
    for (std::size_t i = 0; i < node.items.size(); ++i)
      good &= inner_->read(node.items[i], ops_.append(object), context.at_index(i));
    if (node.items.size() < fewest_ || node.items.size() > most_) {
      context.error(node.position, "must have " + count_text() + ", not " + std::to_string(node.items.size()));
      good = false;
    }
    return check_unique(node, context) && good;
  }
  std::string dump(const void* object, unsigned indent) const override {
    const std::size_t n = ops_.size(object);
    if (n == 0) return " []\n";
    std::string flow, block;
    for (std::size_t i = 0; i < n; ++i) {
      const std::string text = inner_->dump(ops_.at(object, i), indent + 2);
      const bool multiline = text[0] == '\n';
      block += std::string(indent, ' ') + "-" + (multiline ? " " + text.substr(1 + indent + 2) : text);
      if (multiline) flow = "-";  // structs go below each other
      if (flow != "-") flow += (i ? ", " : " [") + text.substr(1, text.size() - 2);
    }
    return flow == "-" ? "\n" + block : flow + "]\n";
  }
  Json schema(const void*, bool) const override {
    Json out{{"type", "array"}, {"items", inner_->schema(nullptr, true)}};
    if (fewest_ > 0) out["minItems"] = fewest_;
    if (most_ != ~std::size_t{0}) out["maxItems"] = most_;
    return out;
  }
  std::string name() const override { return "list of " + inner_->name(); }
  std::string example() const override { return "[" + inner_->example() + "]"; }
  std::string limits() const override {
    const std::string each = inner_->limits();
    if (fewest_ == 0 && most_ == ~std::size_t{0}) return each;
    return count_text() + (each.empty() ? "" : ", each " + each);
  }
  std::string default_text(const void* object) const override {
    if (ops_.size(object) == 0) return "[]";
    const std::string text = dump(object, 0);
    return text[0] == '\n' ? "" : text.substr(1, text.size() - 2);
  }
  void set_items(std::size_t fewest, std::size_t most) override {
    fewest_ = fewest;
    most_ = most;
  }
  void set_unique(const std::string& key) override { unique_ = key; }

 private:
  std::string count_text() const {
    if (most_ == ~std::size_t{0}) return "at least " + std::to_string(fewest_) + (fewest_ == 1 ? " item" : " items");
    return std::to_string(fewest_) + (fewest_ == most_ ? "" : " to " + std::to_string(most_)) + " items";
  }
  bool check_unique(const Node& node, const ReadContext& context) const {
    std::map<std::string, std::size_t> seen;
    bool good = true;
    for (std::size_t i = 0; i < node.items.size() && !unique_.empty(); ++i) {
      const Node* value = node.items[i].find(unique_);
      if (!value || value->kind != Node::Kind::scalar) continue;
      const auto [at, fresh] = seen.emplace(value->text, i);
      if (fresh) continue;
      context.at_index(i).at_key(unique_).error(value->position, "'" + value->text + "' is already the " + unique_ +
                                                                     " of item [" + std::to_string(at->second) + "]");
      good = false;
    }
    return good;
  }
  ListOps ops_;
  std::size_t fewest_ = 0, most_ = ~std::size_t{0};
  std::string unique_;
};

class VariantType final : public ValueType {
 public:
  VariantType(const char* kind, const std::vector<const Alternative*>& (*all)(), const void* (*get)(const void*))
      : kind_(kind), all_(all), get_(get) {}
  bool read(const Node& node, void* object, const ReadContext& context) const override {
    // `null` says that there is none, where the default is none too; a field that must be there has a check for it.
    if (node.kind == Node::Kind::null && !get_(object)) return true;
    if (node.kind != Node::Kind::map) {
      context.error(node.position, "expected a map such as " + example() + ", found " + node.kind_name());
      return false;
    }
    const Node* type = node.find("type");
    if (!type || type->kind != Node::Kind::scalar) {
      context.at_key("type").error(
          type ? type->position : node.position,
          (type ? std::string("expected a word, found ") + type->kind_name() + ": one of " : "is missing: one of ") +
              join(names()));
      return false;
    }
    for (const Alternative* a : all_()) {
      if (a->name != type->text) continue;
      auto made = a->make();
      const bool good = a->fields().read(node, made.get(), context, "type");
      a->store(object, std::move(made));
      return good;
    }
    context.at_key("type").error(type->position, std::string("unknown ") + kind_ + " '" + type->text + "'." +
                                                     did_you_mean(type->text, names()) + " Known: " + join(names()));
    return false;
  }
  std::string dump(const void* object, unsigned indent) const override {
    const void* base = get_(object);
    if (!base) return " null\n";
    for (const Alternative* a : all_())
      if (const void* derived = a->derived(base))
        return "\n" + std::string(indent, ' ') + "type: " + a->name + "\n" + a->fields().dump(derived, indent);
    throw std::logic_error(std::string("field list: a ") + kind_ + " of an unregistered class");
  }
  /// An editor checks the keys of the `type` that is there. In a map that may be merged onto another, none need be.
  Json schema(const void* object, bool whole) const override {
    const void* const chosen = object ? get_(object) : nullptr;
    Json types = Json::array(), keys = Json::array();
    Json type{{"description", std::string("Kind of ") + kind_}};
    for (const Alternative* a : all_()) {
      const Json is{{"const", a->name}};
      types.push_back({{"const", a->name}, {"description", a->help}});
      if (chosen && a->derived(chosen)) type["default"] = a->name;
      Json then = a->fields().schema(chosen && a->derived(chosen) ? a->derived(chosen) : a->fields().defaults(), whole);
      then["properties"]["type"] = true;
      keys.push_back({{"if", {{"type", "object"}, {"properties", {{"type", is}}}, {"required", {"type"}}}},
                      {"then", std::move(then)}});
    }
    type["oneOf"] = std::move(types);
    Json out{{"type", "object"}};
    if (object && !chosen) out["type"] = {"object", "null"};
    out["properties"] = {{"type", std::move(type)}};
    if (whole) out["required"] = {"type"};
    out["allOf"] = std::move(keys);
    return out;
  }
  std::string name() const override { return std::string(kind_) + " (" + join(names(), " | ") + ")"; }
  std::string example() const override { return "{type: " + (all_().empty() ? "..." : all_()[0]->name) + "}"; }
  std::string default_text(const void* object) const override { return get_(object) ? "" : "null"; }
  void nested(const void*, const Visit& visit) const override {
    for (const Alternative* a : all_()) visit(a->fields(), a->fields().defaults());
  }

 private:
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const Alternative* a : all_()) out.push_back(a->name);
    return out;
  }
  const char* kind_;
  const std::vector<const Alternative*>& (*all_)();
  const void* (*get_)(const void*);
};

}  // namespace

ValueTypePtr make_object_type(const FieldList& (*fields)()) { return std::make_shared<ObjectType>(fields); }
ValueTypePtr make_optional_type(OptionalOps ops, ValueTypePtr inner) {
  return std::make_shared<OptionalType>(ops, std::move(inner));
}
ValueTypePtr make_list_type(ListOps ops, ValueTypePtr inner) {
  return std::make_shared<ListType>(ops, std::move(inner));
}
ValueTypePtr make_variant_type(const char* kind, const std::vector<const Alternative*>& (*alternatives)(),
                               const void* (*get)(const void*)) {
  return std::make_shared<VariantType>(kind, alternatives, get);
}

}  // namespace iommusim::base
