// Loading a configuration document: strict YAML (a subset of 1.2), includes, overrides. No meaning is given to keys
// here except `schema` and `include`; fields.h does the rest.
//
// Strict: duplicate keys, merge keys, tags, several documents, non-UTF-8 bytes, control characters and files over the
// limits are errors with a position. Anchors and aliases work within the node limit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/base/config/node.h"

namespace iommusim::base {

struct LoadLimits {
  std::size_t bytes = 1 << 20;  ///< of one file
  std::size_t nodes = 200000;   ///< of one document, aliases expanded
  std::size_t depth = 64;       ///< of nesting
  std::size_t includes = 64;    ///< files of one document
};

struct LoadOptions {
  std::vector<std::string> overrides;  ///< "path=value", applied in order after includes
  /// Included files must lie below this folder, or below shipped_root(). Empty: the nearest folder above the main file
  /// that holds a `configs` folder, else the main file's own.
  std::string include_root;
  LoadLimits limits;
};

/// Where the files lie that come with the program, `configs/` among them: $IOMMUSIM_SHARE, else ../share/iommusim
/// beside an installed program's folder, else the nearest folder above the program that holds them. "" when they are in
/// none.
std::string shipped_root();

/// Reads a file: checks `schema: 1`, merges `include: [file, ...]` (paths relative to the including file, or to
/// shipped_root() when written in angle brackets, <configs/platforms/haswell-nfp6000.yaml>; maps merge
/// deeply, the later and then the including file win; lists and scalars are replaced; a map whose `type` differs is
/// replaced whole), applies overrides. The result is a map without the keys `schema` and `include`. Errors go to
/// `diagnostics`; the tree is then partial.
Node load_document(const std::string& file, const LoadOptions& options, Diagnostics& diagnostics);

/// The same from text; `name` appears in messages, includes are relative to the current folder.
Node parse_document(std::string_view text, const std::string& name, const LoadOptions& options,
                    Diagnostics& diagnostics);

/// YAML text to tree, nothing interpreted: no schema, includes or overrides.
Node parse_yaml(std::string_view text, const std::string& name, const LoadLimits& limits, Diagnostics& diagnostics);

/// Applies one "path=value" to the tree. The value is YAML: "90 ns", "[1, 2]", "{type: sequential}", "null". Missing
/// maps on the way are made; a list item must exist.
void apply_override(Node& root, const std::string& path_equals_value, Diagnostics& diagnostics);

/// Merges `over` onto `base` by the rule of `include`.
void merge(Node& base, const Node& over);

}  // namespace iommusim::base
