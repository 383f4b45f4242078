// The VT-d queue descriptors both logs print as raw words (VT-d specification 4.1 section 6.5.2).
#pragma once

#include "models/endpoints/trace/record.h"

namespace iommusim::importer {

/// A descriptor's two low quadwords as logged.
struct Descriptor {
  std::uint64_t low = 0, high = 0;
  friend bool operator==(const Descriptor& a, const Descriptor& b) { return a.low == b.low && a.high == b.high; }
};

/// Whether kernel and unit both log it: all but wait (unit only) and interrupt-entry (unrelated to DMA, may be cut at
/// the marks).
bool is_anchor(const Descriptor& descriptor);

/// Fills the invalidate fields of `record`. Unknown types become InvalidateKind::other.
void decode_descriptor(const Descriptor& descriptor, ep::TraceRecord& record);

}  // namespace iommusim::importer
