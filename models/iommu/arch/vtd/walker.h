// The walks of a VT-d unit in legacy mode as resumable steps (Intel VT-d specification rev. 4.0,
// sections 3.4, 3.6, 3.7, 5.1.3).
//
// Context walk: root entry, context entry. Page walk: walk caches from the table nearest the page upwards, then one
// read per level left. Interrupt walk: interrupt-entry cache, else one read. Leaves out accessed and dirty bits
// (ECAP.SLADS is clear) and memory types: neither changes timing here.
#pragma once

#include <cstdint>

#include "models/iommu/api/walk.h"
#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/faults.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/register_file.h"

namespace iommusim::iommu::vtd {

class Walker {
 public:
  Walker(const VtdConfig& config, const RegisterFile& registers) : config_(config), registers_(registers) {}

  const Step& begin(Walk& walk) const;
  const Step& resume(Walk& walk, const StepResult& result) const;

  /// The checks of a request under its context that come before any table is read; Reason{} means none fails.
  Reason check_request(const Context& context, const Request& request) const;
  static bool fault_disabled(const Context& context);

 private:
  const Step& context_entry(Walk& walk, const StepResult& result) const;
  const Step& look_up(Walk& walk) const;
  const Step& read_page_entry(Walk& walk) const;
  const Step& page_entry(Walk& walk, const StepResult& result) const;
  const Step& translated(Walk& walk, const PageEntry& entry, Rights rights) const;
  Reason missing_right(const Request& request, Rights rights) const;
  bool reserved_set_page(std::uint64_t word, unsigned level) const;

  const Step& begin_interrupt(Walk& walk) const;
  const Step& interrupt_entry(Walk& walk, const StepResult& result) const;
  const Step& deliver(Walk& walk, const InterruptEntry& entry) const;

  const VtdConfig& config_;
  const RegisterFile& registers_;
};

}  // namespace iommusim::iommu::vtd
