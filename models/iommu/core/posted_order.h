// Producer-consumer ordering through the remapping unit, per requester (PCIe 6.0 section 2.4.1, table 2-41): posted
// writes leave in arrival order even when one misses, and reads never pass an earlier posted write. Requests with
// relaxed ordering set are exempt. ID-based ordering frees a request from the writes of other requesters, which holds
// here for all, and from those of its own requester with another PASID, if both have one. Leaves out completions, which
// the unit does not hold.
#pragma once

#include <algorithm>
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
    id_ordering_ = id_ordering_ || id_ordered(t);
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
      if (may_leave(t)) {
        leave(t);
      } else {
        blocked_reads_.push(t);
        oldest_blocked_ = std::min(oldest_blocked_, t.ticket);
      }
      return;
    }
    while (!posted_.empty() && posted_.front()->ready) {
      Transaction& write = *posted_.front();
      posted_.pop_front();
      leave(write);
      release_reads(leave);
    }
    if (id_ordering_) overtake(leave);
  }

  bool empty() const { return posted_.empty() && blocked_reads_.empty(); }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  static bool id_ordered(const Transaction& t) { return t.request.has_pasid && tlm::dma(*t.payload).id_ordering; }
  /// True if no earlier posted write is in the way.
  bool may_leave(const Transaction& t) const {
    if (posted_.empty() || t.ticket < posted_.front()->ticket) return true;
    if (!id_ordering_ || !id_ordered(t)) return false;
    return std::all_of(posted_.begin(), posted_.end(), [&](const Transaction* write) {
      return write->ticket >= t.ticket || (write->request.has_pasid && write->request.pasid != t.request.pasid);
    });
  }

  template <class Leave>
  void release_reads(Leave& leave) {
    if (!id_ordering_ && !posted_.empty() && posted_.front()->ticket < oldest_blocked_) return;  // nor may any other
    oldest_blocked_ = kNone;
    TransactionList still;
    while (Transaction* read = blocked_reads_.pop()) {
      if (may_leave(*read)) {
        leave(*read);
      } else {
        still.push(*read);
        oldest_blocked_ = std::min(oldest_blocked_, read->ticket);
      }
    }
    blocked_reads_ = still;
  }

  /// Lets writes go that only writes of other PASIDs precede. One that leaves frees none before it.
  template <class Leave>
  void overtake(Leave& leave) {
    for (std::size_t i = 0; i < posted_.size();) {
      Transaction& write = *posted_[i];
      if (!write.ready || !may_leave(write)) {
        ++i;
        continue;
      }
      posted_.erase(posted_.begin() + static_cast<std::ptrdiff_t>(i));
      leave(write);
      release_reads(leave);
    }
  }

  std::deque<Transaction*> posted_;       ///< arrival order
  TransactionList blocked_reads_;         ///< resolved reads behind a posted write, in order of resolution
  std::uint64_t oldest_blocked_ = kNone;  ///< lowest ticket among them
  bool id_ordering_ = false;              ///< some request has had an ID-based order that counts here
};

}  // namespace iommusim::iommu
