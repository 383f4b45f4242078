// Invalidation requests sent to devices and not yet answered (PCIe 6.0 section 10.3): one tag (ITag) each, of 32.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "models/iommu/api/request.h"

namespace iommusim::iommu {

class AtsInvalidations {
 public:
  static constexpr unsigned kTags = 32;

  /// Takes a tag for a request to `device`; nothing if all are in use.
  std::optional<std::uint8_t> issue(SourceId device, bool has_segment) {
    for (unsigned i = 0; i < kTags; ++i) {
      Tag& t = tags_[i];
      if (t.busy) continue;
      t = Tag{true, device, has_segment, 0};
      ++outstanding_;
      return static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
  }

  /// A completion for the tags of a bit mask, one of `count` (1 to 8) the device sends for each. False if it is
  /// unexpected: a tag is not in use or belongs to another device; nothing changes then.
  bool complete(SourceId device, bool has_segment, std::uint32_t tags, unsigned count) {
    for (unsigned i = 0; i < kTags; ++i) {
      const Tag& t = tags_[i];
      if ((tags >> i & 1) != 0 && !(t.busy && t.device == device && t.has_segment == has_segment)) return false;
    }
    for (unsigned i = 0; i < kTags; ++i) {
      if ((tags >> i & 1) != 0 && ++tags_[i].received >= count) free(tags_[i]);
    }
    return tags != 0;
  }

  /// The request of a tag in use was not sent after all.
  void release(std::uint8_t tag) { free(tags_[tag]); }
  /// The time for an answer is over: the tags are free again, and the next wait command learns of it.
  void time_out(std::uint32_t tags) {
    for (unsigned i = 0; i < kTags; ++i) {
      if ((tags >> i & 1) == 0 || !tags_[i].busy) continue;
      free(tags_[i]);
      timed_out_ = true;
    }
  }
  /// Whether one timed out since this was last asked.
  bool take_timed_out() {
    const bool was = timed_out_;
    timed_out_ = false;
    return was;
  }
  unsigned outstanding() const { return outstanding_; }
  /// Tags in use, as a bit mask.
  std::uint32_t in_use() const {
    std::uint32_t mask = 0;
    for (unsigned i = 0; i < kTags; ++i) mask |= std::uint32_t{tags_[i].busy} << i;
    return mask;
  }

 private:
  struct Tag {
    bool busy = false;
    SourceId device;
    bool has_segment = false;
    unsigned received = 0;
  };
  void free(Tag& t) {
    t.busy = false;
    --outstanding_;
  }
  std::array<Tag, kTags> tags_{};
  unsigned outstanding_ = 0;
  bool timed_out_ = false;
};

}  // namespace iommusim::iommu
