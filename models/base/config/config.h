// What users of the configuration layer include: from file to checked struct and back, and the texts made from field
// lists.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/config/document.h"
#include "models/base/config/fields.h"
#include "models/base/config/variants.h"

namespace iommusim::base {

/// Reads a loaded document (load_document) into a struct; errors go to `diagnostics`, the struct then holds what could
/// be read.
template <class T>
T read_config(const Node& root, Diagnostics& diagnostics) {
  T config;
  const FieldList& fields = T::fields();
  fields.read(root, &config, ReadContext{diagnostics, ""});
  return config;
}

/// File to struct. Throws ConfigError with every error found.
template <class T>
T load_config(const std::string& file, const LoadOptions& options = {}) {
  Diagnostics diagnostics;
  const Node root = load_document(file, options, diagnostics);
  T config = root.kind == Node::Kind::map ? read_config<T>(root, diagnostics) : T();
  diagnostics.raise();
  return config;
}

/// Text (with `schema: 1`) to struct. Throws ConfigError.
template <class T>
T parse_config(std::string_view text, const std::string& name = "text", const LoadOptions& options = {}) {
  Diagnostics diagnostics;
  const Node root = parse_document(text, name, options, diagnostics);
  T config = root.kind == Node::Kind::map ? read_config<T>(root, diagnostics) : T();
  diagnostics.raise();
  return config;
}

std::string dump_document(const FieldList& fields, const void* object);
/// The resolved YAML: `schema: 1` and every value, with units. Reading it gives an equal struct and the same dump.
template <class T>
std::string dump_config(const T& config) {
  return dump_document(T::fields(), &config);
}

/// JSON Schema (draft 2020-12) of files whose root is `fields`, with `schema` and `include`.
nlohmann::ordered_json json_schema(const FieldList& fields);

/// A component and all components below it, variants included, each once, parents first.
std::vector<const FieldList*> components(const FieldList& root);
/// Plain text for `describe`: a line per key with type, default, limits, help and source.
std::string describe(const FieldList& fields);
/// Markdown reference of a component: heading and table.
std::string markdown(const FieldList& fields);

}  // namespace iommusim::base
