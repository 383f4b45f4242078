// Commands of the command queue (RISC-V IOMMU specification 1.0, section 4.1, with the non-leaf and range invalidation
// extensions): decoding as hardware does, encoding as a driver does.
#pragma once

#include <array>
#include <cstdint>

#include "models/iommu/api/commands.h"
#include "models/iommu/arch/riscv/config.h"

namespace iommusim::iommu::riscv {

using CommandWords = std::array<std::uint64_t, 2>;

/// `fctl`: current value. Reserved encodings and bits, and what the capabilities leave out, decode as illegal.
Command decode_command(const CommandWords& words, const RiscvConfig& config, std::uint32_t fctl);

/// The command for what a driver asks. A domain of second-stage tables has its identifier as GSCID, one of the first
/// as PSCID, a nested one as both. Throws std::logic_error for kinds that no command expresses.
CommandWords encode_command(const Invalidation& invalidation, const RiscvConfig& config);

}  // namespace iommusim::iommu::riscv
