// The DMAs of the measurement window that took longest, with the time each boundary of their way was passed: what a
// mean or a percentile cannot tell, namely where a slow one waited. Costs one comparison per DMA once it is full.
//
// Left out: what else was going on at that time. The packets of a run are traced elsewhere (models/pcie/tlp_trace.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/endpoints/dma_request.h"
#include "models/endpoints/latency_stats.h"

namespace iommusim::ep {

struct SlowDma {
  base::Iova iova;
  std::uint32_t bytes = 0;
  bool write = false;
  Remapped remapped;            ///< of its first TLP
  LatencyStats::Stamps stamps;  ///< of the TLP that finished last; zero: boundary not passed
  base::Time done;

  base::Time latency() const { return done - stamps[tlm::DmaFields::intended]; }
};

class SlowestDmas {
 public:
  /// More than anybody reads one by one, few enough to cost nothing.
  static constexpr std::size_t kept = 20;

  SlowestDmas() { heap_.reserve(kept); }
  /// Of equally slow ones the earlier stay.
  void add(const DmaRequest& request, const Remapped& remapped, const LatencyStats::Stamps& stamps, base::Time done) {
    if (heap_.size() == kept && done - stamps[tlm::DmaFields::intended] <= heap_.front().latency()) return;
    insert({request.iova, request.bytes, request.write, remapped, stamps, done});
  }
  /// The measurement window begins.
  void reset() { heap_.clear(); }
  /// Slowest first; of equally slow ones the one that ended first.
  std::vector<SlowDma> sorted() const;

  /// The order of sorted().
  static bool slower(const SlowDma& a, const SlowDma& b) {
    return a.latency() != b.latency() ? a.latency() > b.latency() : a.done < b.done;
  }

 private:
  void insert(const SlowDma& dma);
  std::vector<SlowDma> heap_;  // the least slow in front
};

}  // namespace iommusim::ep
