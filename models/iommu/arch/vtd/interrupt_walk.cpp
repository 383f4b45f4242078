// The interrupt half of the walker: Intel VT-d specification rev. 4.0, sections 5.1.2 (request formats) and 5.1.3
// (remapping).
#include "models/iommu/arch/vtd/walk_phases.h"
#include "models/iommu/arch/vtd/walker.h"

namespace iommusim::iommu::vtd {

using namespace detail;

const Step& Walker::begin_interrupt(Walk& walk) const {
  const Request& r = walk.request;
  // Only a write of one aligned DWORD is an interrupt request (section 5.1); anything else has no business in the
  // range.
  if (!r.needed.write || r.needed.read || r.bytes != 4 || r.address % 4 != 0)
    return fault(walk.step, Reason::interrupt_range);
  const InterruptMessage message{r.address, r.data};
  if (!is_remappable(message)) {
    if (registers_.extended_interrupts() || !registers_.compatibility_interrupts())
      return fault(walk.step, Reason::interrupt_compatibility);
    Step& s = walk.step;
    s.kind = Step::Kind::interrupt_remapped;
    s.interrupt = message;
    return s;
  }
  if (reserved_set_request(message)) return fault(walk.step, Reason::interrupt_request_reserved);
  const std::uint32_t index = interrupt_index(message);
  if (index >= registers_.interrupt_entries()) return fault(walk.step, Reason::interrupt_index);
  walk.state[kIndex] = index;
  walk.phase = kEntryLookup;
  Step& s = walk.step;
  s.kind = Step::Kind::lookup;
  s.cache = CacheKind::interrupt_entry;
  s.tag = RangeTag{0, index, 0, 0, 0};
  return s;
}

const Step& Walker::interrupt_entry(Walk& walk, const StepResult& result) const {
  if (!result.ok) return fault(walk.step, Reason::interrupt_table_access);
  const bool extended = registers_.extended_interrupts();
  const Pair words{result.words[0], result.words[1]};
  const InterruptEntry e = decode_interrupt(words, extended);
  if (!e.present) return fault(walk.step, Reason::interrupt_not_present, e.fault_disable);
  if (reserved_set_interrupt(words, extended)) return fault(walk.step, Reason::interrupt_reserved, e.fault_disable);
  walk.state[kEntryLow] = words[0];
  walk.state[kEntryHigh] = words[1];
  walk.phase = kEntryFill;
  Step& s = walk.step;
  s.kind = Step::Kind::fill;
  s.cache = CacheKind::interrupt_entry;
  s.tag = RangeTag{0, walk.state[kIndex], 0, 0, 0};
  s.words[0] = words[0];
  s.words[1] = words[1];
  return s;
}

// The source is checked for every request, also when the entry came from the cache.
const Step& Walker::deliver(Walk& walk, const InterruptEntry& entry) const {
  if (!source_allowed(entry, static_cast<std::uint16_t>(walk.request.source.value())))
    return fault(walk.step, Reason::interrupt_source, entry.fault_disable);
  Step& s = walk.step;
  s.kind = Step::Kind::interrupt_remapped;
  s.interrupt = compose(entry, registers_.extended_interrupts());
  return s;
}

}  // namespace iommusim::iommu::vtd
