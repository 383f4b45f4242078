// Non-posted requests of one requester between their lookup and their departure, when the unit sends them on in arrival
// order (RemappingUnitConfig::read_order). PCIe does not ask for it (PCIe 6.0 section 2.4.1: reads may pass reads); a
// unit that keeps its reads in one queue does it all the same, and a hit then waits for every older miss. With a
// window, so many are looked up ahead at most. Reason: experiments/iotlb_effective_size. Leaves out queues that
// requesters share.
#pragma once

#include <cstddef>
#include <deque>

#include "models/iommu/core/transaction.h"

namespace iommusim::iommu {

class ReadQueue {
 public:
  /// Takes `t` in, unless it is in already; false if `window` (0: no limit) are in, or an older one that was refused
  /// has not been let in since. Call for the first time in arrival order.
  bool admit(Transaction& t, std::size_t window) {
    if (t.queued) return true;
    const bool full = window != 0 && reads_.size() >= window;
    if (!t.refused && (full || !refused_.empty())) {
      t.refused = true;
      refused_.push_back(&t);
      return false;
    }
    if (t.refused) {
      if (full || refused_.front() != &t) return false;
      refused_.pop_front();
    }
    t.queued = true;
    reads_.push_back(&t);
    return true;
  }

  /// `t` may leave for all else. Calls `leave(Transaction&)` for every read that may now go, oldest first; true if some
  /// did.
  template <class Leave>
  bool resolved(Transaction& t, Leave&& leave) {
    t.may_leave = true;
    const std::size_t before = reads_.size();
    while (!reads_.empty() && reads_.front()->may_leave) {
      Transaction& oldest = *reads_.front();
      reads_.pop_front();
      leave(oldest);
    }
    return reads_.size() != before;
  }

  bool empty() const { return reads_.empty(); }

 private:
  std::deque<Transaction*> reads_;    ///< arrival order
  std::deque<Transaction*> refused_;  ///< found the window full; arrival order
};

}  // namespace iommusim::iommu
