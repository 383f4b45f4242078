// The stale-hit oracle: compares each translation the unit uses with what the tables in memory say at that moment, and
// counts those that software has cleared: while the call that clears them is still in progress, and after it has
// returned. Only the second is a hole in protection; it is zero in strict mode (DESIGN section 5; the window of Linux's
// lazy mode is described in Documentation/arch/x86/iommu.rst and by Markuze et al., ASPLOS 2016).
//
// The tables are read through the debug transport, by the architecture's own walk without caches: contexts too, so a
// device that has been detached counts as well. Leaves out: translations that devices keep (ATS), and mappings that
// have been replaced by equal ones, which nobody can tell apart.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "models/base/stats/group.h"
#include "models/iommu/api/untimed.h"
#include "models/iommu/core/observer.h"
#include "models/tlm/context.h"
#include "models/tlm/initiator_port.h"

namespace iommusim::iommu {

class StaleHitOracle {
 public:
  /// `walk` reaches the tables. Metrics go to `stats`, those of each device to its group among `requesters`.
  StaleHitOracle(tlm::Context& context, Architecture& architecture, tlm::InitiatorPort& walk, base::Group& stats,
                 base::Group& requesters);
  ~StaleHitOracle();

  // --- what software tells
  /// A call begins that takes [first, first + bytes) from the sources; `domain` names it to its end.
  void unmap_begins(std::uint64_t domain, const std::vector<SourceId>& sources, Iova first, std::uint64_t bytes);
  /// It returns. Errors: internal error if no such call has begun.
  void unmap_ends(std::uint64_t domain, Iova first, std::uint64_t bytes);
  static constexpr std::uint64_t kEverything = ~std::uint64_t{0};  ///< `bytes` of a call that detaches a source

  // --- what the unit tells
  /// The unit has translated a request: an entry of the IOTLB did (outcome.iotlb_hit) or a walk.
  void translated(const Request& request, const Outcome& outcome);

  /// Translations that software had cleared.
  struct Count {
    base::Counter during_unmap;  ///< the call that cleared them had not returned
    base::Counter after_unmap;   ///< it had
  };
  Count hits;   ///< out of the IOTLB
  Count walks;  ///< of walks: through a walk cache, or overtaken by the unmap
  const Count* hits_of(SourceId source) const;

 private:
  class Tables;
  struct Call {
    std::uint64_t domain;
    std::vector<SourceId> sources;
    std::uint64_t first, bytes;
    bool covers(const Request& r) const;
  };
  bool live(const Request& request, const Outcome& outcome);
  /// Counts of a device, and of its processes as far as they have metrics (Requesters::kMostProcesses).
  struct Device {
    Count hits;
    std::map<Pasid, std::unique_ptr<Count>> processes;
  };
  Device& of(SourceId source);
  Count* of_process(Device& device, const Request& request);
  static void add(base::Group& group, Count& count, const char* what);

  std::unique_ptr<Tables> tables_;
  UntimedUnit uncached_;
  std::vector<Call> calls_;  ///< in progress
  std::map<SourceId, Device> devices_;
  base::Group& requesters_;
};

}  // namespace iommusim::iommu
