// Doubly linked lists over the ways of each set, in two flat arrays: O(1) insertion, removal and oldest entry.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/policies/replacement.h"

namespace iommusim::base {

class RecencyList {
 public:
  RecencyList(std::uint32_t sets, std::uint32_t ways) : ways_(ways), links_(std::size_t{sets} * ways), ends_(sets) {}

  void push_newest(std::uint32_t set, std::uint32_t way) {
    Ends& e = ends_[set];
    link(set, way) = {none, e.newest};
    if (e.newest != none)
      link(set, e.newest).newer = way;
    else
      e.oldest = way;
    e.newest = way;
  }
  void remove(std::uint32_t set, std::uint32_t way) {
    Ends& e = ends_[set];
    const Link l = link(set, way);
    (l.newer != none ? link(set, l.newer).older : e.newest) = l.older;
    (l.older != none ? link(set, l.older).newer : e.oldest) = l.newer;
  }
  void make_newest(std::uint32_t set, std::uint32_t way) {
    if (ends_[set].newest == way) return;
    remove(set, way);
    push_newest(set, way);
  }
  /// The oldest allowed way. Precondition: there is one.
  std::uint32_t oldest(std::uint32_t set, WayMask allowed) const {
    std::uint32_t way = ends_[set].oldest;
    if (allowed != all_ways)
      while (!(allowed >> way & 1)) way = links_[std::size_t{set} * ways_ + way].newer;
    return way;
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct Link {
    std::uint32_t newer = none, older = none;
  };
  struct Ends {
    std::uint32_t newest = none, oldest = none;
  };
  Link& link(std::uint32_t set, std::uint32_t way) { return links_[std::size_t{set} * ways_ + way]; }
  std::uint32_t ways_;
  std::vector<Link> links_;
  std::vector<Ends> ends_;
};

}  // namespace iommusim::base
