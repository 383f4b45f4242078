// Latency of whole DMAs and where it went: the times between consecutive boundaries of the TLP that finished last.
// Parts sum to the whole for every single DMA, which is checked.
#pragma once

#include <array>
#include <cstddef>

#include "models/base/stats/group.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::ep {

class LatencyStats {
 public:
  using Stamps = std::array<base::Time, tlm::DmaFields::boundary_count>;

  /// One part per boundary after `intended`, and the engine's own time after the last.
  static constexpr std::size_t part_count = tlm::DmaFields::boundary_count;
  /// "issue_wait", "link_wait", ...: the time that ended at boundary `part` + 1; the last is "engine".
  static const char* part_name(std::size_t part);

  /// Records a DMA that ended at `done`. A boundary not passed (zero) takes the time of the one before it.
  /// Returns false if a boundary lies before an earlier one or after `done`: the parts would not sum to the whole.
  bool add(const Stamps& stamps, base::Time done);

  const base::Histogram& total() const { return total_; }
  const base::Mean& part(std::size_t i) const { return parts_[i]; }
  void add_metrics(base::Group& group);

 private:
  base::Histogram total_;
  std::array<base::Mean, part_count> parts_;
};

}  // namespace iommusim::ep
