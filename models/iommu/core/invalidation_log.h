// The invalidations that have taken effect while walks are in flight, so that a walk installs nothing that one of them
// would have dropped had it been in the cache already.
//
// The tag of what a walk installs (how large a page, which domain) is known only when it does, so the question is
// asked then, of every invalidation since the walk began. Sources: VT-d 4.1 section 6.5.2.8; RISC-V IOMMU 1.0
// section 3.8. What the hardware of a vendor does is not published; a walker that compares tags when it fills does
// this.
#pragma once

#include <cstdint>
#include <deque>

#include "models/iommu/api/caches.h"

namespace iommusim::iommu {

class InvalidationLog {
 public:
  /// A point in the order of invalidations.
  using Mark = std::uint64_t;
  Mark mark() const { return first_ + scopes_.size(); }

  void add(const InvalidationScope& scope) { scopes_.push_back(scope); }
  /// No mark before this one is asked about any more.
  void forget_before(Mark oldest) {
    for (; first_ < oldest && !scopes_.empty(); ++first_) scopes_.pop_front();
  }
  /// True if an invalidation since `begin` is one that `selects(scope)`.
  template <class Selects>
  bool any_since(Mark begin, Selects selects) const {
    for (std::size_t i = begin > first_ ? begin - first_ : 0; i < scopes_.size(); ++i) {
      if (selects(scopes_[i])) return true;
    }
    return false;
  }
  std::size_t size() const { return scopes_.size(); }

 private:
  Mark first_ = 0;  // of scopes_.front()
  std::deque<InvalidationScope> scopes_;
};

}  // namespace iommusim::iommu
