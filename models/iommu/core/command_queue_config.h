// Parameters of the command queue's hardware.
#pragma once

#include "models/base/config/fields.h"
#include "models/base/types.h"

namespace iommusim::iommu {

struct CommandQueueConfig {
  unsigned fetch_batch = 1;                           ///< entries per memory read, within a 64-byte line
  base::Time device_timeout = base::Time::ms(90000);  ///< for a device to answer an invalidation request
  static const base::Fields<CommandQueueConfig>& fields();
};

}  // namespace iommusim::iommu
