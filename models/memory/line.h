// The unit of caching and of DRAM transfer.
#pragma once

#include <cstdint>

namespace iommusim::mem {

constexpr std::uint64_t kLineBytes = 64;

}  // namespace iommusim::mem
