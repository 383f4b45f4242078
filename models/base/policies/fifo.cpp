// First in, first out: the oldest fill goes, hits change nothing.
#include "models/base/policies/recency_list.h"

namespace iommusim::base {
namespace {

class Fifo final : public Replacement {
 public:
  explicit Fifo(const PolicyShape& shape) : list_(shape.sets, shape.ways) {}
  void on_fill(std::uint32_t set, std::uint32_t way) override { list_.push_newest(set, way); }
  void on_hit(std::uint32_t, std::uint32_t) override {}
  void on_invalidate(std::uint32_t set, std::uint32_t way) override { list_.remove(set, way); }
  std::uint32_t victim(std::uint32_t set, WayMask allowed) override { return list_.oldest(set, allowed); }

 private:
  RecencyList list_;
};

const ReplacementRegistry::Entry entry("fifo", "first in, first out",
                                       [](const PolicyShape& s) { return std::make_unique<Fifo>(s); });

}  // namespace
}  // namespace iommusim::base
