// What a remapping unit keeps per requester: the order of its requests and its counters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "models/base/stats/group.h"
#include "models/iommu/core/posted_order.h"
#include "models/iommu/core/read_queue.h"

namespace iommusim::iommu {

/// Counters of one requester, or of one process of it.
struct RequesterStats {
  base::Counter requests;  ///< requests looked up in the IOTLB
  base::Counter iotlb_hits;
  base::Counter iotlb_misses;  ///< merged ones included
  base::Counter passed;        ///< requests passed through untranslated
  base::Counter faults;
  base::Counter interrupts;
};

struct Requester {
  SourceId source;
  PostedOrder order;
  ReadQueue reads;            ///< empty unless reads leave in arrival order
  std::uint32_t walkers = 0;  ///< that serve it now
  RequesterStats stats;
  std::map<Pasid, std::unique_ptr<RequesterStats>> processes;  ///< by PASID, the first kMostProcesses
};

/// Adds one to a counter of the requester of a request and of its process.
inline void count_for(Transaction& t, base::Counter RequesterStats::*counter) {
  (t.requester->stats.*counter)++;
  if (t.process_stats != nullptr) (t.process_stats->*counter)++;
}

/// All requesters seen so far.
class Requesters {
 public:
  /// Made when first asked for. Stays where it is.
  Requester& of(SourceId source);
  const Requester* find(SourceId source) const;
  /// The counters of a process of the requester; null for all beyond the first kMostProcesses, which are in the
  /// requester's own only: a device may name a million.
  RequesterStats* process(Requester& r, Pasid pasid);
  static constexpr std::size_t kMostProcesses = 64;
  /// Where the metrics of a process are, in those of its requester.
  static base::Group& process_group(base::Group& requester, Pasid pasid);
  /// Metrics of each go to a group of its own, now and when more come.
  void register_stats(base::Group& group);

 private:
  void add(Requester& r);
  base::Group& group_of(const Requester& r);
  static void add(base::Group& group, RequesterStats& stats);
  std::unordered_map<std::uint32_t, std::unique_ptr<Requester>> all_;
  std::vector<Requester*> order_;  ///< of arrival
  Requester* last_ = nullptr;      ///< most requests come from the requester of the one before
  base::Group* group_ = nullptr;
};

}  // namespace iommusim::iommu
