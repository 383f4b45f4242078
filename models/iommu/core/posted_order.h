// Producer-consumer ordering through the remapping unit, per requester (PCIe 6.0 section 2.4.1, table 2-41): posted
// writes leave in arrival order even when one misses, and reads never pass an earlier posted write. Requests with
// relaxed ordering set are exempt. Leaves out: ID-based ordering (the order is already kept per requester) and
// completions, which the unit does not hold.
#pragma once

#include <cstdint>
#include <deque>

#include "models/iommu/core/transaction.h"

namespace iommusim::iommu {

/// The posted writes of one requester that have arrived and not left, and the reads that wait for them.
class PostedOrder {
 public:
  /// Notes an arriving request. Tickets increase from call to call.
  void arrive(Transaction& t) {
    if (t.posted && !t.relaxed) posted_.push_back(&t);
  }

  /// Called when `t` is resolved (t.ready set). Calls `leave(Transaction&)` for every request that may now go, oldest
  /// first.
  template <class Leave>
  void resolved(Transaction& t, Leave&& leave) {
    if (t.relaxed) {
      leave(t);
      return;
    }
    if (!t.posted) {
      if (posted_.empty() || t.ticket < posted_.front()->ticket) {
        leave(t);
      } else {
        blocked_reads_.push(t);
      }
      return;
    }
    while (!posted_.empty() && posted_.front()->ready) {
      Transaction& write = *posted_.front();
      posted_.pop_front();
      leave(write);
      release_reads(leave);
    }
  }

  bool empty() const { return posted_.empty() && blocked_reads_.empty(); }

 private:
  template <class Leave>
  void release_reads(Leave& leave) {
    TransactionList still;
    while (Transaction* read = blocked_reads_.pop()) {
      if (posted_.empty() || read->ticket < posted_.front()->ticket) {
        leave(*read);
      } else {
        still.push(*read);
      }
    }
    blocked_reads_ = still;
  }

  std::deque<Transaction*> posted_;  ///< arrival order
  TransactionList blocked_reads_;    ///< resolved reads behind a posted write, in order of resolution
};

}  // namespace iommusim::iommu
