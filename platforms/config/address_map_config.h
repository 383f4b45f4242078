// Where a platform puts what in the host physical address space, besides DRAM (memory.ranges) and the IOMMU's
// registers.
#pragma once

#include "models/base/config/config.h"

namespace iommusim::platforms {

/// Defaults are those of an x86 PC: configuration space and device windows in the hole between 2 and 4 GiB.
struct AddressMapConfig {
  unsigned address_bits = 46;
  base::Hpa ecam{0x80000000};
  base::Bytes ecam_size{256ull << 20};
  base::Hpa bars{0x90000000};
  base::Bytes bars_size{0x6c000000};
  base::Hpa device_memory{1ull << 45};
  static const base::Fields<AddressMapConfig>& fields();
};

}  // namespace iommusim::platforms
