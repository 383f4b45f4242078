// MSI page tables (RISC-V IOMMU specification 1.0, section 3.3.3) and the end of a page walk.
#include <algorithm>

#include "models/iommu/arch/riscv/spaces.h"
#include "models/iommu/arch/riscv/walk_run.h"

namespace iommusim::iommu::riscv {

const Step& WalkRun::msi_read() {
  const std::uint64_t file = extract(s_.guest >> 12, context_.msi_mask());
  return read(kMsiRead, context_.msi().address() | file * 16, 16, Structure::msi_table, 0, 1);
}

const Step& WalkRun::msi_entry(const StepResult& r) {
  if (!r.ok) return fault(r.poisoned ? FaultCause::msi_corrupt : FaultCause::msi_access);
  const MsiEntry e =
      decode_msi(in_order(r.words[0], directory_big_endian()), in_order(r.words[1], directory_big_endian()), config_);
  if (e.kind == MsiEntry::Kind::not_valid) return fault(FaultCause::msi_not_valid);
  if (e.kind == MsiEntry::Kind::misconfigured) return fault(FaultCause::msi_misconfigured);
  if (access_ == Access::execute && !is_ats()) return fault(FaultCause::instruction_access);
  if (e.kind == MsiEntry::Kind::translate) {
    s_.rights2 = 3;  // as a second-stage entry that grants reads and writes
    s_.type2 = 0;
    return translated(e.address | (s_.guest & ones(11, 0)), 12, true);
  }
  if (walk_.request.debug) return fault(FaultCause::type_disallowed);  // section 5
  Step& s = walk_.step;
  s.kind = Step::Kind::interrupt_stored;
  s.address = Hpa(e.address);
  s.interrupt = InterruptMessage{e.notice_address, e.notice_id};
  return s;
}

const Step& WalkRun::translated(std::uint64_t output, unsigned size_log2, bool interrupt) {
  const bool guest = wants_guest_address(context_, walk_.request);
  const unsigned size = size_log2 < 64 ? size_log2 : config_.bare_size_log2;
  Step& s = walk_.step;
  s.kind = Step::Kind::translated;
  s.stage = 0;
  s.level = s_.level;
  s.tag =
      range_around(translation_space(context_, walk_.request), walk_.request.address, static_cast<std::uint8_t>(size));
  // MSI entries are tagged by GSCID (section 3.8): without a second stage no command would find them again.
  s.cacheable = !guest && !(interrupt && !nested());
  const unsigned rights = s_.rights & s_.rights2;
  Translation& t = s.translation;
  t.output = Hpa((guest ? s_.guest : output) & above(size));
  t.size_log2 = static_cast<std::uint8_t>(size);
  t.rights = Rights{get(rights, 0), get(rights, 1), get(rights, 2)};
  t.global = s_.global != 0;
  t.interrupt = interrupt;
  t.memory_type = s_.type != 0 ? s_.type : s_.type2;  // the first stage has the last word (Svpbmt)
  return s;
}

}  // namespace iommusim::iommu::riscv
