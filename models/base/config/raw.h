// Values that a field list keeps as the file has them, for their owner to interpret: settings of other files' keys,
// whose types depend on what they set.
#pragma once

#include "models/base/config/fields.h"

namespace iommusim::base {

/// Any value.
struct RawValue {
  Node node;
  bool given() const { return node.kind != Node::Kind::null; }
};
/// A map of keys that only its owner knows.
struct RawMap {
  Node node;
};

/// The value on one line as YAML and `-s` read it: "4 KiB", [1, 2], {type: fixed}.
std::string flow_text(const Node& node);

ValueTypePtr make_raw_type(Node& (*node)(void*), bool map);

namespace detail {
template <>
struct TypeOf<RawValue> {
  static ValueTypePtr make(const Choices<RawValue>&) {
    return make_raw_type([](void* o) -> Node& { return static_cast<RawValue*>(o)->node; }, false);
  }
};
template <>
struct TypeOf<RawMap> {
  static ValueTypePtr make(const Choices<RawMap>&) {
    return make_raw_type([](void* o) -> Node& { return static_cast<RawMap*>(o)->node; }, true);
  }
};
}  // namespace detail

}  // namespace iommusim::base
