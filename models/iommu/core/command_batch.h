// Queue entries fetched together by one memory read and not yet carried out.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/iommu/api/architecture.h"

namespace iommusim::iommu {

class CommandBatch {
 public:
  static constexpr unsigned kLine = 64;  ///< bytes: a fetch stays within one line

  /// Begins a fetch of up to `most` entries: those that lie behind the head, before the tail and in its line. Returns
  /// the bytes to read into data().
  unsigned begin(const CommandFetch& head, unsigned most) {
    address_ = head.address;
    entry_bytes_ = head.bytes;
    const unsigned in_line = static_cast<unsigned>(kLine - head.address.offset_in(kLine)) / head.bytes;
    left_ = std::min({std::max(in_line, 1u), most, std::max<unsigned>(head.contiguous, 1u)});
    next_ = 0;
    words_ = Words{};
    return left_ * head.bytes;
  }
  unsigned char* data() { return reinterpret_cast<unsigned char*>(words_.data()); }

  /// Whether the next entry is the one the queue's head is at.
  bool holds(const CommandFetch& head) const {
    return left_ != 0 && head.address == address_ && head.bytes == entry_bytes_;
  }
  unsigned left() const { return left_; }
  /// The next entry's bytes. Requires left() != 0.
  Words take() {
    Words entry{};
    std::copy_n(words_.begin() + next_, entry_bytes_ / 8u, entry.begin());
    next_ += entry_bytes_ / 8u;
    address_ = address_ + entry_bytes_;
    --left_;
    return entry;
  }
  void drop() { left_ = 0; }

 private:
  Hpa address_;
  unsigned entry_bytes_ = 16;
  unsigned left_ = 0;
  unsigned next_ = 0;  // word
  Words words_{};
};

}  // namespace iommusim::iommu
