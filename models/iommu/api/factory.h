// How a remapping unit gets its architecture: a configuration struct per architecture, chosen in YAML by `type:` and
// registered in the architecture's own folder with base::Variants<ArchitectureConfig>::Entry. Nobody else names an
// architecture.
#pragma once

#include <memory>

#include "models/iommu/api/architecture.h"
#include "models/iommu/api/driver.h"

namespace iommusim::iommu {

/// Capabilities of a remapping unit in the terms of its architecture. Both products keep their own copy of the
/// configuration.
struct ArchitectureConfig {
  virtual ~ArchitectureConfig() = default;
  static const char* variant_kind() { return "IOMMU architecture"; }
  /// The hardware side. Throws base::UserError for capabilities that contradict each other.
  virtual std::unique_ptr<Architecture> make_architecture() const = 0;
  /// The software side, for a unit with these capabilities.
  virtual std::unique_ptr<Driver> make_driver() const = 0;
};

}  // namespace iommusim::iommu
