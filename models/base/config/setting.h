// One setting of a configuration tree by its path: what `-s path=value` and the files of studies do.
#pragma once

#include <string>

#include "models/base/config/node.h"

namespace iommusim::base {

/// Sets the value at `path` in the raw tree, before it is read, so that a setting is validated like the file. Missing
/// maps on the way are made; a list item must exist, "[*]" means every item. `where` is the position in error messages,
/// and that of the maps made.
void apply_setting(Node& root, const std::string& path, const Node& value, const Position& where,
                   Diagnostics& diagnostics);

}  // namespace iommusim::base
