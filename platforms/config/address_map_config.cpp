#include "platforms/config/address_map_config.h"

namespace iommusim::platforms {

const base::Fields<AddressMapConfig>& AddressMapConfig::fields() {
  static const base::Fields<AddressMapConfig> f =
      base::Fields<AddressMapConfig>("address_map", "Host physical address map, besides DRAM and the IOMMU's registers")
          .field("address_bits", &AddressMapConfig::address_bits, "Width of host physical addresses in bits")
          .range(36, 52)
          .source("46 on Xeon E5 v3 and v4 (CPUID 80000008H)")
          .field("ecam", &AddressMapConfig::ecam, "PCIe configuration space (ECAM): 4 KiB per function")
          .field("ecam_size", &AddressMapConfig::ecam_size, "1 MiB per bus")
          .range("1 MiB", "256 MiB")
          .field("bars", &AddressMapConfig::bars, "Window in which endpoint registers get their addresses")
          .field("device_memory", &AddressMapConfig::device_memory,
                 "Where memories of endpoints are placed, each at a multiple of its size")
          .field("bars_size", &AddressMapConfig::bars_size, "Size of that window")
          .range("4 KiB", "1 TiB")
          .check([](const AddressMapConfig& c, base::Report& r) {
            if (c.ecam.offset_in(1 << 20) != 0) r.error("ecam", "must be a multiple of 1 MiB");
            if (c.ecam_size.value() % (1 << 20) != 0) r.error("ecam_size", "must be a multiple of 1 MiB, one per bus");
            if (c.bars.offset_in(4096) != 0) r.error("bars", "must be a multiple of 4 KiB");
            if (c.bars_size.value() % 4096 != 0) r.error("bars_size", "must be a multiple of 4 KiB");
          });
  return f;
}

}  // namespace iommusim::platforms
