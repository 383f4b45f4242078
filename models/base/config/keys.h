// Keys of field lists found by path or by name, for `describe`.
#pragma once

#include <string>
#include <vector>

#include "models/base/config/fields.h"

namespace iommusim::base {

struct FoundKey {
  const FieldList* component;  ///< whose key it is
  const FieldList::Item* item;
};

/// The keys that a path such as "platform.iommu.unit" or "workloads[0].buffer.size" leads to from `root`: several where
/// alternatives of a `type` have keys of one name. None: `error` says at which step, and what is known there.
std::vector<FoundKey> keys_at(const FieldList& root, const std::string& path, std::string& error);
/// Every key called `name`.
std::vector<FoundKey> keys_named(const std::vector<const FieldList*>& components, const std::string& name);
/// The components a key holds: a struct's, or those of each alternative; none for a scalar.
std::vector<const FieldList*> components_in(const FoundKey& key);
/// The component's line and the key's entry, as in describe() of the whole.
std::string describe(const FoundKey& key);

}  // namespace iommusim::base
