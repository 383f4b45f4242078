// The device directory and the device context (RISC-V IOMMU specification 1.0, section 3.3.1).
#include <algorithm>

#include "models/iommu/arch/riscv/walk_run.h"

namespace iommusim::iommu::riscv {

namespace {
constexpr unsigned kIndexBits = 9;
}

const Step& WalkRun::begin_device() {
  const DirectoryMode mode = registers_.directory_mode();
  if (mode == DirectoryMode::off) return fault(FaultCause::all_disallowed);
  if (mode == DirectoryMode::bare) return fault(FaultCause::type_disallowed);
  const unsigned levels = static_cast<unsigned>(mode) - static_cast<unsigned>(DirectoryMode::one_level) + 1;
  if ((walk_.request.source.value() & above(config_.device_id_bits(levels))) != 0)
    return fault(FaultCause::type_disallowed);
  s_.table = registers_.directory_root();
  s_.level = static_cast<std::uint8_t>(levels);
  return device_level();
}

// Level 1 holds the device contexts.
const Step& WalkRun::device_level() {
  const std::uint32_t device = walk_.request.source.value();
  const unsigned leaf_bits = config_.device_id_bits(1);
  if (s_.level == 1) {
    return read(kDeviceContext, s_.table + (device & ((1u << leaf_bits) - 1)) * config_.dc_bytes(),
                static_cast<unsigned>(config_.dc_bytes()), Structure::context_entry, 0, 1);
  }
  const std::uint32_t index = device >> (leaf_bits + kIndexBits * (s_.level - 2u)) & ((1u << kIndexBits) - 1);
  return read(kDeviceDirectory, s_.table + 8u * index, 8, Structure::root_entry, 0, s_.level);
}

const Step& WalkRun::device_directory(const StepResult& r) {
  if (!r.ok) return fault(r.poisoned ? FaultCause::ddt_corrupt : FaultCause::ddt_access);
  const std::uint64_t entry = in_order(r.words[0], directory_big_endian());
  if (!get(entry, 0)) return fault(FaultCause::ddt_not_valid);
  if (directory_reserved(entry)) return fault(FaultCause::ddt_misconfigured);
  s_.table = page_address(entry);
  --s_.level;
  return device_level();
}

const Step& WalkRun::device_context(const StepResult& r) {
  if (!r.ok) return fault(r.poisoned ? FaultCause::ddt_corrupt : FaultCause::ddt_access);
  DeviceContext dc{};
  for (unsigned i = 0; i < config_.dc_bytes() / 8; ++i) dc[i] = in_order(r.words[i], directory_big_endian());
  if (!get(dc[kTc], tc::kValid)) return fault(FaultCause::ddt_not_valid);
  if (misconfigured(dc, config_, registers_.fctl())) return fault(FaultCause::ddt_misconfigured);
  walk_.step.kind = Step::Kind::context_found;
  const bool msi = Pointer{dc[kMsiptp]}.mode() != kMsiOff;
  ContextView::store(walk_.step.context, dc, msi ? msi_numbers_.number(dc[kMsiptp], dc[kMsiMask], dc[kMsiPattern]) : 0);
  return walk_.step;
}

}  // namespace iommusim::iommu::riscv
