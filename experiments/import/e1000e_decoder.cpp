#include "experiments/import/e1000e_decoder.h"

#include <algorithm>

namespace iommusim::importer {
namespace {

constexpr std::uint64_t page = 4096, descriptor = 16;
constexpr std::size_t max_segments = 256;    // one packet has at most a few
constexpr std::uint64_t ring_reach = 65536;  // a transmit ring has at most 4096 descriptors

void set_access(ep::TraceRecord& r, ep::AccessClass access, bool write, std::uint64_t bytes) {
  r.access = access;
  r.write = write;
  r.size = std::min(bytes, page - r.iova.offset_in(page));
}

}  // namespace

bool E1000eDecoder::classify(ep::TraceRecord& r, const UnitEvent* next) {
  const auto address = r.iova.value();
  if (next && next->kind == UnitKind::e1000e_tx && address % descriptor == 0) {
    tx_descriptor_ = address;
    return set_access(r, ep::AccessClass::tx_descriptor, false, descriptor), true;
  }
  if (next && next->kind == UnitKind::e1000e_rx && next->a == address) {
    rx_descriptor_ = address;
    return set_access(r, ep::AccessClass::rx_descriptor, false, descriptor), true;
  }
  for (const auto& segment : segments_)
    if (address >= segment.begin && address < segment.end)
      return set_access(r, ep::AccessClass::data, segment.write, segment.end - address), true;
  if (rx_descriptor_ && address == rx_descriptor_)
    return set_access(r, ep::AccessClass::write_back, true, descriptor), true;
  if (rx_descriptor_ && address == rx_descriptor_ + 8) return set_access(r, ep::AccessClass::write_back, true, 4), true;
  const auto distance = address > tx_descriptor_ ? address - tx_descriptor_ : tx_descriptor_ - address;
  if (tx_descriptor_ && address % descriptor == 12 && distance < ring_reach)
    return set_access(r, ep::AccessClass::write_back, true, 4), true;
  return false;
}

void E1000eDecoder::take(const UnitEvent& event) {
  if (event.kind == UnitKind::e1000e_rx) segments_.clear();  // a received packet begins
  Segment segment{event.a, event.a, event.kind == UnitKind::e1000e_rx_data};
  if (event.kind == UnitKind::e1000e_tx) {
    // A transmit descriptor follows the last packet's data; two or three descriptors share a packet, older ones no
    // longer matter.
    while (segments_.size() > 64) segments_.pop_front();
    const bool extended = event.b >> 29 & 1;
    if (extended && (event.b >> 20 & 0xf) == 0) return;  // context descriptor: no buffer
    segment.end += extended ? event.b & 0xfffff : event.b & 0xffff;
  } else if (event.kind == UnitKind::e1000e_rx_data) {
    segment.begin += event.b;
    segment.end = segment.begin + std::min<std::uint64_t>(event.c, 1 << 20);
  } else {
    return;
  }
  if (segment.end <= segment.begin) return;
  segments_.push_front(segment);  // the newest first: buffers are reused
  if (segments_.size() > max_segments) segments_.pop_back();
}

}  // namespace iommusim::importer
