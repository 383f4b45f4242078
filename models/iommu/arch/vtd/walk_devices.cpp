// Root and context entries (Intel VT-d specification rev. 4.0, sections 3.4.2 and 3.4.3): one read each. The mode is
// that of the root table in use.
#include "models/iommu/arch/vtd/walk_run.h"

namespace iommusim::iommu::vtd {

const Step& WalkRun::begin_device() {
  if (!registers_.known_mode()) return fault(Reason::table_mode_invalid, false);
  if (!registers_.scalable() && walk_.request.has_pasid) return fault(Reason::pasid_in_legacy_mode, false);
  const std::uint64_t bus = walk_.request.source.value() >> 8 & 0xff;
  return read(kRootRead, registers_.root_table().value() + 16 * bus, 16, Structure::root_entry, 0, 2);
}

const Step& WalkRun::root_entry(const StepResult& r) {
  const std::uint32_t source = walk_.request.source.value();
  if (registers_.scalable()) {
    if (!r.ok) return fault(Reason::sm_root_access, false);
    const std::uint64_t word = r.words[root_half_of(source)];
    const RootHalf root = decode_root_half(word);
    if (!root.present) return fault(Reason::sm_root_not_present, false);
    if (reserved_set_root_half(word, config_.host_address_bits)) return fault(Reason::sm_root_reserved, false);
    return read(kContextRead, root.context_table.value() + ScalableContext::kBytes * context_index_of(source),
                ScalableContext::kBytes, Structure::context_entry, 0, 1);
  }
  if (!r.ok) return fault(Reason::root_table_access, false);
  const Pair words{r.words[0], r.words[1]};
  const RootEntry root = decode_root(words);
  if (!root.present) return fault(Reason::root_not_present, false);
  if (reserved_set_root(words, config_.host_address_bits)) return fault(Reason::root_reserved, false);
  return read(kContextRead, root.context_table.value() + 16 * (source & 0xff), 16, Structure::context_entry, 0, 1);
}

const Step& WalkRun::legacy_context(const StepResult& r) {
  if (!r.ok) return fault(Reason::context_table_access, false);
  const Pair words{r.words[0], r.words[1]};
  const ContextEntry e = decode_context(words);
  if (!e.present) return fault(Reason::context_not_present, e.fault_disable);
  if (reserved_set_context(words, config_.host_address_bits, config_.domain_id_bits))
    return fault(Reason::context_reserved, e.fault_disable);
  const bool type_supported = e.type == TranslationType::untranslated_only ||
                              (e.type == TranslationType::device_tlb && config_.device_tlb) ||
                              (e.type == TranslationType::pass_through && config_.pass_through);
  const unsigned levels = levels_of(e.width);
  if (!type_supported || !config_.supports_levels(levels)) return fault(Reason::context_invalid, e.fault_disable);
  Step& s = walk_.step;
  s.kind = Step::Kind::context_found;
  s.context.domain = DomainId(e.domain);
  s.context.mode = e.type == TranslationType::pass_through ? ContextMode::pass_through : ContextMode::translate;
  s.context.address_bits = static_cast<std::uint8_t>(config_.second_stage_bits(levels));
  ContextView::store_legacy(s.context, words);
  return s;
}

const Step& WalkRun::scalable_context(const StepResult& r) {
  if (!r.ok) return fault(Reason::sm_context_access, false);
  const ContextWords words{r.words[0], r.words[1], r.words[2], r.words[3]};
  const ScalableContext e = decode_scalable_context(words[0], words[1]);
  if (!e.present) return fault(Reason::sm_context_not_present, e.fault_disable);
  if (reserved_set_scalable_context(words, config_)) return fault(Reason::sm_context_reserved, e.fault_disable);
  if ((e.device_tlb && !config_.device_tlb) || (e.page_requests && !config_.scalable.page_requests))
    return fault(Reason::sm_context_invalid, e.fault_disable);
  Step& s = walk_.step;
  s.kind = Step::Kind::context_found;
  s.context.domain = DomainId(0);  // the PASID entry's, once it is known
  s.context.mode = ContextMode::translate;
  s.context.address_bits = 64;
  ContextView::store_scalable(s.context, words);
  return s;
}

}  // namespace iommusim::iommu::vtd
