// Invalidation requests on their way to devices and not yet answered: one of 32 tags each, and a limit to how long an
// answer may take (PCIe 6.0 section 10.3.1).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "models/base/stats/group.h"
#include "models/iommu/api/ats_invalidations.h"
#include "models/tlm/timer.h"

namespace iommusim::iommu {

class DeviceInvalidations {
 public:
  /// `timed_out` is called when the time of one or more requests is over, their tags free again.
  DeviceInvalidations(tlm::Scheduler& scheduler, const std::string& name, base::Time timeout,
                      tlm::Delegate<void()> timed_out);

  /// Takes a tag for a request sent now; nothing if all are in use.
  std::optional<std::uint8_t> issue(SourceId device, bool has_segment);
  /// As AtsInvalidations::complete().
  bool complete(SourceId device, bool has_segment, std::uint32_t tags, unsigned count);
  /// The request of this tag reaches nobody: the tag is free again.
  void withdraw(std::uint8_t tag);
  /// The device of these tags has failed: as if their time were over.
  void give_up(std::uint32_t tags);
  bool take_timed_out() { return tags_.take_timed_out(); }
  unsigned outstanding() const { return tags_.outstanding(); }

  void register_stats(base::Group& group);
  base::Counter timeouts;
  base::Histogram latency;  ///< ps, from sending a request to its last answer
  base::Occupancy in_flight;

 private:
  void expire();
  void note(std::uint32_t before);

  tlm::Scheduler& scheduler_;
  base::Time timeout_;
  tlm::Delegate<void()> timed_out_;
  AtsInvalidations tags_;
  std::array<base::Time, AtsInvalidations::kTags> sent_{};
  tlm::Timer timer_;  ///< armed no later than the end of the oldest request's time
};

}  // namespace iommusim::iommu
