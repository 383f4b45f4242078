// The tags of one requester: which are outstanding, and for what. A completion is known by its tag (PCIe 5.0 section
// 2.2.6.2); the payload it must come with is remembered, so that one which answers nothing outstanding is noticed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/base/stats/metrics.h"
#include "models/pcie/function_config.h"
#include "models/tlm/dma_extension.h"
#include "models/tlm/scheduler.h"

namespace iommusim::ep {

struct OutstandingRead {
  /// Of a read given up (time-out, reset) the tag stays taken until its completion has come.
  enum class State : std::uint8_t { free, outstanding, given_up };
  State state = State::free;
  bool linked = false;
  std::uint32_t dma = 0;
  const tlm::Payload* payload = nullptr;
  base::Time sent;
  std::uint32_t previous = 0, next = 0;  ///< outstanding reads, oldest first
  std::uint32_t received = 0;            ///< bytes, in completions before the last
};

/// Slots numbered from 0; the tag of a slot is the first value that its width allows plus the number. All O(1); the
/// slot freed last is taken first.
class TagTable {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  TagTable(const tlm::Scheduler& scheduler, unsigned bits, unsigned limit) : scheduler_(scheduler) {
    set_width(bits, limit);
  }

  /// Tags of `bits` bits, at most `limit` of them (0: no further limit). Only while none is in use.
  void set_width(unsigned bits, unsigned limit) {
    first_ = pcie::first_tag(bits);
    limit_ = limit == 0 ? pcie::usable_tags(bits) : std::min(limit, pcie::usable_tags(bits));
    free_.clear();
    made_ = 0;
  }

  bool exhausted() const { return in_use() >= limit_; }
  unsigned limit() const { return limit_; }
  std::uint32_t in_use() const { return static_cast<std::uint32_t>(occupancy_.level()); }
  /// Slots [0, made()) have been in use since the width was set.
  std::uint32_t made() const { return made_; }

  /// Precondition: not exhausted.
  std::uint32_t acquire() {
    std::uint32_t slot = made_;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else if (++made_ > slots_.size()) {
      slots_.emplace_back();
    }
    occupancy_.add(scheduler_.now());
    return slot;
  }
  void release(std::uint32_t slot) {
    slots_[slot].state = OutstandingRead::State::free;
    occupancy_.sub(scheduler_.now());
    free_.push_back(slot);
  }
  OutstandingRead& operator[](std::uint32_t slot) { return slots_[slot]; }

  std::uint16_t tag_of(std::uint32_t slot) const { return static_cast<std::uint16_t>(first_ + slot); }
  /// The slot whose tag a completion carries; none if that tag is not in use, or was given to another request.
  std::uint32_t match(const tlm::Payload& payload) const {
    const std::uint32_t slot = tlm::dma(payload).tag - first_;
    if (slot >= made_ || slots_[slot].state == OutstandingRead::State::free) return none;
    return slots_[slot].payload == &payload ? slot : none;
  }

  base::Occupancy& occupancy() { return occupancy_; }

 private:
  const tlm::Scheduler& scheduler_;
  std::uint32_t first_ = 0, limit_ = 0, made_ = 0;
  std::vector<OutstandingRead> slots_;
  std::vector<std::uint32_t> free_;
  base::Occupancy occupancy_;
};

}  // namespace iommusim::ep
