// The PASID directory and the PASID table (Intel VT-d specification rev. 4.0, section 3.4.3): 8 bytes and 64 bytes, one
// read each. check_request() has seen to it that the PASID has a directory entry.
#include "models/iommu/arch/vtd/walk_run.h"

namespace iommusim::iommu::vtd {

const Step& WalkRun::begin_process() {
  const std::uint32_t pasid = pasid_of(context_, walk_.request, config_);
  return read(kDirectoryRead, context_.device().directory.value() + 8 * directory_index_of(pasid), 8,
              Structure::pasid_directory, 0, 2);
}

const Step& WalkRun::directory_entry(const StepResult& r) {
  if (!r.ok) return fault(Reason::sm_directory_access);
  const PasidDirectoryEntry e = decode_directory(r.words[0]);
  const bool silent = context_.fault_disabled() || e.fault_disable;
  if (!e.present) return fault(Reason::sm_directory_not_present, silent);
  if (reserved_set_directory(r.words[0], config_.host_address_bits))
    return fault(Reason::sm_directory_reserved, silent);
  s_.fault_disable = e.fault_disable;
  const std::uint32_t pasid = pasid_of(context_, walk_.request, config_);
  return read(kPasidRead, e.table.value() + PasidEntry::kBytes * pasid_index_of(pasid), PasidEntry::kBytes,
              Structure::pasid_entry, 0, 1);
}

const Step& WalkRun::pasid_entry(const StepResult& r) {
  if (!r.ok) return fault(Reason::sm_pasid_access);
  const PasidEntry e = decode_pasid(r.words[0], r.words[1], r.words[2]);
  const bool silent = context_.fault_disabled() || s_.fault_disable != 0 || e.fault_disable;
  if (!e.present) return fault(Reason::sm_pasid_not_present, silent);
  if (reserved_set_pasid(r.words, config_)) return fault(Reason::sm_pasid_reserved, silent);
  if (unsupported(e, config_)) return fault(Reason::sm_pasid_invalid, silent);
  Step& s = walk_.step;
  s.kind = Step::Kind::context_found;
  s.context = walk_.context;
  s.context.domain = DomainId(e.domain);
  s.context.mode = e.type == Granular::pass_through ? ContextMode::pass_through : ContextMode::translate;
  s.context.address_bits = static_cast<std::uint8_t>(e.type == Granular::pass_through ? config_.host_address_bits
                                                     : e.uses_second() ? config_.second_stage_bits(levels_of(e.width))
                                                                       : 64);
  ContextView::add_pasid(s.context, r.words, s_.fault_disable != 0 || e.fault_disable);
  return s;
}

}  // namespace iommusim::iommu::vtd
