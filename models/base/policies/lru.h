// Least recently used. In a header and final, so that the container's hit path calls it directly.
#pragma once

#include "models/base/policies/recency_list.h"

namespace iommusim::base {

class Lru final : public Replacement {
 public:
  explicit Lru(const PolicyShape& shape) : list_(shape.sets, shape.ways) {}
  void on_fill(std::uint32_t set, std::uint32_t way) override { list_.push_newest(set, way); }
  void on_hit(std::uint32_t set, std::uint32_t way) override { list_.make_newest(set, way); }
  void on_invalidate(std::uint32_t set, std::uint32_t way) override { list_.remove(set, way); }
  std::uint32_t victim(std::uint32_t set, WayMask allowed) override { return list_.oldest(set, allowed); }

 private:
  RecencyList list_;
};

}  // namespace iommusim::base
