// The IOMMU of a platform: the unit, its architecture and what its driver programs at boot.
#pragma once

#include <memory>

#include "models/base/config/config.h"
#include "models/host/invalidation_queue.h"
#include "models/iommu/api/factory.h"
#include "models/iommu/core/config.h"

namespace iommusim::platforms {

struct IommuConfig {
  bool present = true;
  std::shared_ptr<const iommu::ArchitectureConfig> architecture;
  iommu::RemappingUnitConfig unit;
  base::Hpa registers{0xfed90000};
  host::InvalidationQueueConfig queue;
  bool interrupt_remapping = true;
  static const base::Fields<IommuConfig>& fields();
};

}  // namespace iommusim::platforms
