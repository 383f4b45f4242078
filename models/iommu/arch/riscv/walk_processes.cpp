// The process directory and the process context (RISC-V IOMMU specification 1.0, section 3.3.2). Where the second stage
// is on, the directory's pages are guest-physical.
#include "models/iommu/arch/riscv/walk_run.h"

namespace iommusim::iommu::riscv {

namespace {
constexpr unsigned kLeafBits = 8, kIndexBits = 9, kContextBytes = 16;
}

const Step& WalkRun::begin_process() {
  s_.level =
      static_cast<std::uint8_t>(context_.directory_mode());  // PD8, PD17, PD20 have as many levels as their number
  s_.table = context_.first_pointer().address();
  return process_level();
}

const Step& WalkRun::process_level() {
  const std::uint32_t process = walk_.request.has_pasid ? walk_.request.pasid.value() : 0;
  if (s_.level == 1) {
    s_.entry = s_.table + kContextBytes * (process & ((1u << kLeafBits) - 1));
  } else {
    s_.entry = s_.table + 8u * (process >> (kLeafBits + kIndexBits * (s_.level - 2u)) & ((1u << kIndexBits) - 1));
  }
  if (nested()) return second_stage(s_.entry, kImplicitRead, kProcessEntry);
  s_.entry_host = s_.entry;
  return process_read();
}

const Step& WalkRun::process_read() {
  if (s_.level == 1) return read(kProcessContext, s_.entry_host, kContextBytes, Structure::pasid_entry, 0, 1);
  return read(kProcessDirectory, s_.entry_host, 8, Structure::pasid_directory, 0, s_.level);
}

const Step& WalkRun::process_directory(const StepResult& r) {
  if (!r.ok) return fault(r.poisoned ? FaultCause::pdt_corrupt : FaultCause::pdt_access);
  const std::uint64_t entry = in_order(r.words[0], first_big_endian());
  if (!get(entry, 0)) return fault(FaultCause::pdt_not_valid);
  if (directory_reserved(entry)) return fault(FaultCause::pdt_misconfigured);
  s_.table = page_address(entry);
  --s_.level;
  return process_level();
}

const Step& WalkRun::process_context(const StepResult& r) {
  if (!r.ok) return fault(r.poisoned ? FaultCause::pdt_corrupt : FaultCause::pdt_access);
  const std::uint64_t ta = in_order(r.words[0], first_big_endian()), fsc = in_order(r.words[1], first_big_endian());
  if (!get(ta, pc::kValid)) return fault(FaultCause::pdt_not_valid);
  if (misconfigured(ta, fsc, context_.control(tc::kSxl), config_)) return fault(FaultCause::pdt_misconfigured);
  walk_.step.kind = Step::Kind::context_found;
  walk_.step.context = walk_.context;
  ContextView::add_process(walk_.step.context, ta, fsc);
  return walk_.step;
}

}  // namespace iommusim::iommu::riscv
