// The IOMMU of a platform: the unit, its architecture and its driver.
#pragma once

#include <memory>

#include "models/base/config/config.h"
#include "models/host/iommu_driver.h"
#include "models/iommu/api/factory.h"
#include "models/iommu/core/config.h"

namespace iommusim::platforms {

struct IommuConfig {
  bool present = true;
  std::shared_ptr<const iommu::ArchitectureConfig> architecture;
  iommu::RemappingUnitConfig unit;
  base::Hpa registers{0xfed90000};
  host::IommuDriverConfig driver;
  static const base::Fields<IommuConfig>& fields();

  /// Bytes of its register window, a power of two.
  std::uint64_t register_bytes() const;
};

}  // namespace iommusim::platforms
