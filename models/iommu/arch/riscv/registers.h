// Register offsets and fields of a RISC-V IOMMU (specification 1.0, chapter 6).
#pragma once

#include "models/iommu/arch/riscv/bits.h"

namespace iommusim::iommu::riscv {

namespace reg {
constexpr std::uint64_t kCapabilities = 0, kFctl = 8, kDdtp = 16;
constexpr std::uint64_t kCqb = 24, kCqh = 32, kCqt = 36;
constexpr std::uint64_t kFqb = 40, kFqh = 48, kFqt = 52;
constexpr std::uint64_t kPqb = 56, kPqh = 64, kPqt = 68;
constexpr std::uint64_t kCqcsr = 72, kFqcsr = 76, kPqcsr = 80, kIpsr = 84;
constexpr std::uint64_t kCountOverflow = 88, kCountInhibit = 92, kCycles = 96, kCounters = 104, kEvents = 352;
constexpr std::uint64_t kDebugIova = 600, kDebugControl = 608, kDebugResponse = 616;
constexpr std::uint64_t kIcvec = 760, kMsiTable = 768, kMsiTableEnd = 1024;
constexpr std::uint64_t kBytes = 4096;
}  // namespace reg

namespace feature {
constexpr std::uint32_t kBigEndian = 1, kWired = 2, kGuest32 = 4;
}

/// ddtp.iommu_mode (section 6.5).
enum class DirectoryMode : std::uint8_t { off = 0, bare = 1, one_level = 2, two_levels = 3, three_levels = 4 };

/// Fields common to cqcsr, fqcsr and pqcsr (sections 6.15 to 6.17).
namespace csr {
constexpr std::uint32_t kEnable = 1u << 0, kInterruptEnable = 1u << 1;
constexpr std::uint32_t kMemoryFault = 1u << 8;
constexpr std::uint32_t kOverflow = 1u << 9;                                                  ///< fqcsr, pqcsr
constexpr std::uint32_t kTimeout = 1u << 9, kIllegal = 1u << 10, kFenceInterrupt = 1u << 11;  ///< cqcsr
constexpr std::uint32_t kOn = 1u << 16;
}  // namespace csr

/// Interrupt causes: bits of ipsr, fields of icvec (sections 6.18 and 6.28).
enum class Cause : std::uint8_t { command = 0, fault = 1, performance = 2, page_request = 3 };

}  // namespace iommusim::iommu::riscv
