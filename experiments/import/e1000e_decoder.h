// What an e1000e's accesses are for, from the recorder's e1000e_* lines.
#pragma once

#include <deque>

#include "experiments/import/unit_log.h"

namespace iommusim::importer {

/// Descriptors are 16 bytes; a receive write-back is 16 bytes, then 4 at +8; a transmit write-back 4 at +12; data
/// lengths come from the descriptors (Intel 82574 datasheet sections 7.1.4 and 7.2). One device per capture has such
/// lines.
class E1000eDecoder {
 public:
  /// Completes a translated access; `next` is the following event of the log, which names a descriptor just read.
  /// False: not recognised.
  bool classify(ep::TraceRecord& r, const UnitEvent* next);
  void take(const UnitEvent& event);

 private:
  struct Segment {
    std::uint64_t begin, end;
    bool write;
  };
  std::deque<Segment> segments_;
  std::uint64_t tx_descriptor_ = 0, rx_descriptor_ = 0;
};

}  // namespace iommusim::importer
