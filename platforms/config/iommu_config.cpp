#include "platforms/config/iommu_config.h"

namespace iommusim::platforms {

const base::Fields<IommuConfig>& IommuConfig::fields() {
  static const base::Fields<IommuConfig> f =
      base::Fields<IommuConfig>("iommu", "IOMMU of the platform")
          .field("present", &IommuConfig::present,
                 "false: no unit on the path, the baseline `none`; domain types then have no effect and devices use physical addresses")
          .variant("architecture", &IommuConfig::architecture, "Architecture and capabilities")
          .required()
          .object("unit", &IommuConfig::unit, "Caches, lookup port and walkers")
          .field("registers", &IommuConfig::registers, "Address of the unit's registers")
          .source("0xfed90000 is where Intel chipsets put the first unit (DMAR table of common boards)")
          .object("queue", &IommuConfig::queue, "Invalidation queue, as the driver uses it")
          .field("interrupt_remapping", &IommuConfig::interrupt_remapping, "Device interrupts go through the interrupt remapping table")
          .check([](const IommuConfig& c, base::Report& r) {
            if (c.registers.offset_in(4096) != 0) r.error("registers", "must be a multiple of 4 KiB");
          });
  return f;
}

}  // namespace iommusim::platforms
