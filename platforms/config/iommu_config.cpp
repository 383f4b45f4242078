#include "platforms/config/iommu_config.h"

namespace iommusim::platforms {

std::uint64_t IommuConfig::register_bytes() const { return architecture->make_architecture()->register_bytes(); }

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
          .object("driver", &IommuConfig::driver, "Its driver in the operating system, and the DMA mapping layer")
          .check([](const IommuConfig& c, base::Report& r) {
            try {
              const base::Bytes window(c.register_bytes());
              if (c.registers.offset_in(window.value()) != 0) {
                r.error("registers", "must be a multiple of the size of the register window, " + base::to_text(window));
              }
              c.architecture->make_driver();
            } catch (const base::UserError& e) {
              r.error("architecture", e.what());
            }
          });
  return f;
}

}  // namespace iommusim::platforms
