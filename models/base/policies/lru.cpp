#include "models/base/policies/lru.h"

namespace iommusim::base {
namespace {
const ReplacementRegistry::Entry entry("lru", "least recently used",
                                       [](const PolicyShape& s) { return std::make_unique<Lru>(s); });
}  // namespace
}  // namespace iommusim::base
