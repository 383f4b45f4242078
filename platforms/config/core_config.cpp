#include "platforms/config/core_config.h"

#include "platforms/config/endpoint_config.h"

namespace iommusim::platforms {

const base::Fields<CoreConfig>& CoreConfig::fields() {
  static const base::Fields<CoreConfig> f = base::Fields<CoreConfig>("core", "CPU core that runs driver tasks")
                                                .field("name", &CoreConfig::name, "Name in results and references")
                                                .field("node", &CoreConfig::node, "Memory node (socket) it belongs to")
                                                .range(0, 63)
                                                .inherit(host::CpuCoreConfig::fields())
                                                .check([](const CoreConfig& c, base::Report& r) {
                                                  if (!is_name(c.name)) r.error("name", kNameRule);
                                                });
  return f;
}

}  // namespace iommusim::platforms
