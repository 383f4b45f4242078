// Interrupt requests: Intel VT-d specification rev. 4.0, sections 5.1.2 (formats) and 5.1.3 (remapping).
#include "models/iommu/arch/vtd/walk_run.h"

namespace iommusim::iommu::vtd {

namespace {
RangeTag entry_tag(std::uint64_t index) { return RangeTag{0, index, 0, 0, 0}; }
}  // namespace

const Step& WalkRun::begin_interrupt() {
  const Request& r = walk_.request;
  // Only a write of one aligned DWORD is an interrupt request (section 5.1); anything else has no business in the
  // range.
  if (!r.needed.write || r.needed.read || r.bytes != 4 || r.address % 4 != 0)
    return fault(registers_.scalable() ? Reason::sm_interrupt_range : Reason::interrupt_range, false);
  const InterruptMessage message{r.address, r.data};
  if (!is_remappable(message)) {
    if (registers_.extended_interrupts() || !registers_.compatibility_interrupts())
      return fault(Reason::interrupt_compatibility, false);
    Step& s = walk_.step;
    s.kind = Step::Kind::interrupt_remapped;
    s.interrupt = message;
    return s;
  }
  if (reserved_set_request(message)) return fault(Reason::interrupt_request_reserved, false);
  s_.word = interrupt_index(message);
  if (s_.word >= registers_.interrupt_entries()) return fault(Reason::interrupt_index, false);
  lookup(kEntryLookup, entry_tag(s_.word));
  walk_.step.cache = CacheKind::interrupt_entry;
  return walk_.step;
}

const Step& WalkRun::interrupt_entry(const StepResult& r) {
  if (!r.ok) return fault(Reason::interrupt_table_access, false);
  const bool extended = registers_.extended_interrupts();
  const Pair words{r.words[0], r.words[1]};
  const InterruptEntry e = decode_interrupt(words, extended);
  if (!e.present) return fault(Reason::interrupt_not_present, e.fault_disable);
  if (reserved_set_interrupt(words, extended)) return fault(Reason::interrupt_reserved, e.fault_disable);
  fill(kEntryFill, entry_tag(s_.word), words[0], words[1]);
  walk_.step.cache = CacheKind::interrupt_entry;
  return walk_.step;
}

// The source is checked for every request, also when the entry came from the cache.
const Step& WalkRun::deliver(const Pair& words) {
  const InterruptEntry entry = decode_interrupt(words, registers_.extended_interrupts());
  if (!source_allowed(entry, static_cast<std::uint16_t>(walk_.request.source.value())))
    return fault(Reason::interrupt_source, entry.fault_disable);
  Step& s = walk_.step;
  s.kind = Step::Kind::interrupt_remapped;
  s.interrupt = compose(entry, registers_.extended_interrupts());
  return s;
}

}  // namespace iommusim::iommu::vtd
