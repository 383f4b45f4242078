// Bit fields as this architecture's files call them, and byte order.
#pragma once

#include "models/iommu/api/bits.h"

namespace iommusim::iommu::riscv {

using namespace bits;

/// The value of the lowest `bytes` (4 or 8) of a little-endian read in the byte order asked for; its own inverse.
inline std::uint64_t in_order(std::uint64_t value, bool big_endian, unsigned bytes = 8) {
  if (bytes == 4) value &= 0xffffffff;
  if (!big_endian) return value;
  return bytes == 8 ? __builtin_bswap64(value) : __builtin_bswap32(static_cast<std::uint32_t>(value));
}

}  // namespace iommusim::iommu::riscv
