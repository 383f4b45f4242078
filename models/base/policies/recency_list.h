// Doubly linked lists over the ways of each set: O(1) insertion, removal and oldest entry. Links are as narrow as the
// number of ways allows, so that a set of a last-level cache keeps its order in one or two lines of memory.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/policies/replacement.h"

namespace iommusim::base {

/// `Way` holds numbers up to the number of ways.
template <class Way>
class RecencyLinks {
 public:
  RecencyLinks(std::uint32_t sets, std::uint32_t ways) : ways_(ways), links_(std::size_t{sets} * (ways + 1)) {
    for (std::uint32_t set = 0; set < sets; ++set) of(set)[ways] = {static_cast<Way>(ways), static_cast<Way>(ways)};
  }

  void push_newest(std::uint32_t set, std::uint32_t way) {
    Link* links = of(set);
    Link& end = links[ways_];
    links[way] = {static_cast<Way>(ways_), end.older};
    links[end.older].newer = static_cast<Way>(way);
    end.older = static_cast<Way>(way);
  }
  void remove(std::uint32_t set, std::uint32_t way) {
    Link* links = of(set);
    const Link l = links[way];
    links[l.newer].older = l.older;
    links[l.older].newer = l.newer;
  }
  void make_newest(std::uint32_t set, std::uint32_t way) {
    if (of(set)[ways_].older == way) return;
    remove(set, way);
    push_newest(set, way);
  }
  /// The oldest allowed way. Precondition: there is one.
  std::uint32_t oldest(std::uint32_t set, WayMask allowed) {
    const Link* links = of(set);
    std::uint32_t way = links[ways_].newer;
    if (allowed != all_ways)
      while (!(allowed >> way & 1)) way = links[way].newer;
    return way;
  }

 private:
  struct Link {
    Way newer{}, older{};
  };
  /// The links of a set; number `ways_` closes the circle: newer than the newest, older than the oldest.
  Link* of(std::uint32_t set) { return &links_[std::size_t{set} * (ways_ + 1)]; }
  std::uint32_t ways_;
  std::vector<Link> links_;
};

class RecencyList {
 public:
  RecencyList(std::uint32_t sets, std::uint32_t ways)
      : narrow_(ways <= 255), bytes_(narrow_ ? sets : 0, ways), words_(narrow_ ? 0 : sets, ways) {}
  void push_newest(std::uint32_t set, std::uint32_t way) {
    narrow_ ? bytes_.push_newest(set, way) : words_.push_newest(set, way);
  }
  void remove(std::uint32_t set, std::uint32_t way) { narrow_ ? bytes_.remove(set, way) : words_.remove(set, way); }
  void make_newest(std::uint32_t set, std::uint32_t way) {
    narrow_ ? bytes_.make_newest(set, way) : words_.make_newest(set, way);
  }
  std::uint32_t oldest(std::uint32_t set, WayMask allowed) {
    return narrow_ ? bytes_.oldest(set, allowed) : words_.oldest(set, allowed);
  }

 private:
  bool narrow_;
  RecencyLinks<std::uint8_t> bytes_;
  RecencyLinks<std::uint32_t> words_;
};

}  // namespace iommusim::base
