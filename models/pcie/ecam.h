// Configuration space as the host sees it in memory: the enhanced configuration access mechanism (PCIe 5.0 section
// 7.2.2): 4 KiB for each function, 1 MiB for each bus.
#pragma once

#include <cstdint>

#include "models/base/types.h"

namespace iommusim::pcie {

constexpr std::uint64_t kEcamBusBytes = std::uint64_t{1} << 20;

/// Register `offset` (below 4096) of function `bdf` in the window that begins, with bus 0, at `ecam`.
constexpr base::Hpa ecam_address(base::Hpa ecam, base::Bdf bdf, std::uint64_t offset) {
  return ecam + (std::uint64_t{bdf.value()} << 12 | (offset & 0xfff));
}
constexpr base::Bdf ecam_function(base::Hpa ecam, base::Hpa address) {
  return base::Bdf(static_cast<std::uint16_t>((address - ecam) >> 12));
}
constexpr std::uint64_t ecam_register(base::Hpa address) { return address.value() & 0xfff; }

}  // namespace iommusim::pcie
