// Where a platform puts what in the host physical address space, besides DRAM (memory.ranges) and the IOMMU's registers.
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
  static const base::Fields<AddressMapConfig>& fields();
};

/// First byte and size of the interrupt region: fixed by the architecture (Intel SDM volume 3A section 11.11.1; VT-d section 3.14).
constexpr std::uint64_t kInterruptBase = 0xfee00000;
constexpr std::uint64_t kInterruptBytes = 0x100000;

}  // namespace iommusim::platforms
