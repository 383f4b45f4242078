// A CPU core of a platform.
#pragma once

#include <string>

#include "models/base/config/config.h"
#include "models/host/cpu_config.h"

namespace iommusim::platforms {

struct CoreConfig : host::CpuCoreConfig {
  std::string name = "cpu0";
  unsigned node = 0;  ///< of memory.nodes
  static const base::Fields<CoreConfig>& fields();
};

}  // namespace iommusim::platforms
