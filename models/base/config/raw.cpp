#include "models/base/config/raw.h"

#include <nlohmann/json.hpp>

namespace iommusim::base {
namespace {

using Json = nlohmann::ordered_json;

class RawType final : public ValueType {
 public:
  RawType(Node& (*node)(void*), bool map) : node_(node), map_(map) {}
  bool read(const Node& node, void* object, const ReadContext& context) const override {
    if (map_ && node.kind != Node::Kind::map && node.kind != Node::Kind::null) {
      context.error(node.position, std::string("expected a map, found ") + node.kind_name());
      return false;
    }
    node_(object) = node;
    return true;
  }
  std::string dump(const void* object, unsigned) const override {
    return " " + flow_text(node_(const_cast<void*>(object))) + "\n";
  }
  Json schema(const void*, bool) const override {
    Json schema = shape_;
    if (map_) schema["type"] = Json::array({"object", "null"});
    if (values_)
      schema["additionalProperties"] = {
          {"anyOf", Json::array({{{"type", "string"}}, values_().schema(values_().defaults(), true)})}};
    return schema;
  }
  void nested(const void*, const std::function<void(const FieldList&, const void*)>& visit) const override {
    if (values_) visit(values_(), values_().defaults());
  }
  void set_shape(const std::string& json) override { shape_ = Json::parse(json); }
  void set_values(const FieldList& (*fields)()) override { values_ = fields; }
  std::string name() const override { return map_ ? "map" : "any value"; }
  std::string example() const override { return map_ ? "{path: value}" : "4 KiB"; }
  std::string default_text(const void*) const override { return ""; }

 private:
  Node& (*node_)(void*);
  bool map_;
  Json shape_ = Json::object();
  const FieldList& (*values_)() = nullptr;
};

/// Plain scalars go as they are when nothing in them is YAML's.
std::string scalar_text(const Node& node) {
  const bool special = node.style == Node::Style::quoted || node.text.empty() ||
                       node.text.find_first_of(",[]{}#\"'\n") != std::string::npos ||
                       node.text.find(": ") != std::string::npos;
  return special ? nlohmann::json(node.text).dump() : node.text;
}

}  // namespace

std::string flow_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "null";
    case Node::Kind::scalar: return scalar_text(node);
    case Node::Kind::list: {
      std::string out;
      for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + flow_text(item);
      return "[" + out + "]";
    }
    case Node::Kind::map: {
      std::string out;
      for (const MapEntry& e : node.entries) out += (out.empty() ? "" : ", ") + e.key + ": " + flow_text(e.value);
      return "{" + out + "}";
    }
  }
  return "";
}

ValueTypePtr make_raw_type(Node& (*node)(void*), bool map) { return std::make_shared<RawType>(node, map); }

}  // namespace iommusim::base
