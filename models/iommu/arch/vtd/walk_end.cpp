// Where a page walk starts and ends.
#include "models/iommu/arch/vtd/request_checks.h"
#include "models/iommu/arch/vtd/spaces.h"
#include "models/iommu/arch/vtd/walk_run.h"

namespace iommusim::iommu::vtd {

const Step& WalkRun::begin_page() {
  if (!context_.scalable()) {
    if (const auto refused = check_legacy(walk_.context, walk_.request, config_)) return fault(*refused);
    return second_stage(walk_.request.address, kExplicit, kRequest);
  }
  switch (entry_.type) {
    case Granular::second: return second_stage(walk_.request.address, kExplicit, kRequest);
    case Granular::pass_through: return pass_through();
    default: return begin_first();
  }
}

// A translation request under pass-through is told that addresses stay as they are (section 4.2.3). The range is as
// large as pages get without reaching into the interrupt range.
const Step& WalkRun::pass_through() {
  const std::uint64_t address = walk_.request.address;
  if ((address & above(walk_.context.address_bits)) != 0) return fault(Reason::sm_address_beyond_host);
  unsigned level = config_.supports_page(3) ? 3 : config_.supports_page(2) ? 2 : 1;
  while (level > 1 && (address ^ kInterruptFirst) >> span_log2(level) == 0) --level;
  translated(address, span_log2(level), Rights{true, true, entry_.execute});
  walk_.step.cacheable = false;  // its tag would be that of a second stage
  return walk_.step;
}

const Step& WalkRun::translated(std::uint64_t output, unsigned size_log2, Rights rights) {
  // Checked for the address asked for: a superpage that merely contains the range is software's error (section 3.14).
  if (in_interrupt_range(output)) return fault(Reason::interrupt_range, Reason::sm_interrupt_range);
  if (!rights.read && !rights.write)
    return fault(Reason::no_read_permission, Reason::sm_no_read_permission);  // the stages have no right in common
  Step& s = walk_.step;
  s.kind = Step::Kind::translated;
  s.stage = 0;
  s.cacheable = true;
  s.tag = range_around(translation_space(walk_.context, walk_.request, config_), walk_.request.address,
                       static_cast<std::uint8_t>(size_log2));
  Translation& t = s.translation;
  t.output = Hpa(output & above(size_log2));
  t.size_log2 = static_cast<std::uint8_t>(size_log2);
  t.rights = rights;
  t.global = s_.global != 0;
  return s;
}

}  // namespace iommusim::iommu::vtd
