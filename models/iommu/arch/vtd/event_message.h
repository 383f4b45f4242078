// The message a VT-d unit sends for events of its own, with its mask and pending bits (Intel VT-d specification
// rev. 4.0, section 11.4.10 to 11.4.13 for faults, 11.4.22 to 11.4.25 for completions): four 32-bit registers control,
// data, address, upper address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "models/iommu/api/walk.h"
#include "models/iommu/arch/vtd/registers.h"

namespace iommusim::iommu::vtd {

class EventMessage {
 public:
  /// Register `n` of the four; control reads with its pending bit.
  std::uint32_t read(unsigned n) const { return words_[n]; }
  /// Unmasking with an event pending sends it.
  std::optional<InterruptMessage> write(unsigned n, std::uint32_t value) {
    if (n != 0) {
      words_[n] = n == 2 ? value & ~3u : value;
      return std::nullopt;
    }
    const bool send = (words_[0] & event::kPending) != 0 && (value & event::kMasked) == 0;
    words_[0] = (value & event::kMasked) | (send ? 0 : words_[0] & event::kPending);
    return send ? std::optional(message()) : std::nullopt;
  }
  /// An event: the message now, or pending while masked.
  std::optional<InterruptMessage> raise() {
    if ((words_[0] & event::kMasked) == 0) return message();
    words_[0] |= event::kPending;
    return std::nullopt;
  }
  /// Software has serviced what the pending message was about.
  void serviced() { words_[0] &= ~event::kPending; }

 private:
  InterruptMessage message() const { return {static_cast<std::uint64_t>(words_[3]) << 32 | words_[2], words_[1]}; }
  std::array<std::uint32_t, 4> words_{event::kMasked, 0, 0, 0};  // masked after reset
};

}  // namespace iommusim::iommu::vtd
