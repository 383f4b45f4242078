// Walkers as tracks of a trace (models/tlm/tracer.h): a slice per walk, in it one per memory access, and a mark where a
// request joins.
#pragma once

#include <string>
#include <vector>

#include "models/tlm/tracer.h"

namespace iommusim::iommu {

struct WalkSlot;
struct Transaction;

class WalkerTracks {
 public:
  WalkerTracks(tlm::Context& context, const std::string& unit, unsigned walkers);

  /// A walker is taken for `t`: from here until it is freed the slot is drawn, if the trace has `t`.
  void take(WalkSlot& slot, const Transaction& t) const;
  void begin(const WalkSlot& slot);
  /// The access of the walk's present step goes out with this payload.
  void access(const WalkSlot& slot, tlm::Payload& payload);
  void access_done(const WalkSlot& slot);
  void join(const WalkSlot& slot, const Transaction& t);
  /// The walk has ended as its present step says.
  void end(const WalkSlot& slot);

 private:
  tlm::Context& context_;
  std::vector<tlm::Track> tracks_;  // by walker
};

}  // namespace iommusim::iommu
