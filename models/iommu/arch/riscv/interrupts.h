// Interrupts of the unit's own: ipsr, icvec and the MSI table (RISC-V IOMMU specification 1.0, sections 6.18, 6.28,
// 6.29). With wires, a pending bit is the wire; with messages, a bit that becomes pending sends one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "models/iommu/api/walk.h"
#include "models/iommu/arch/riscv/registers.h"

namespace iommusim::iommu::riscv {

class Interrupts {
 public:
  explicit Interrupts(unsigned vector_bits) : vector_mask_((1u << vector_bits) - 1) {}

  std::uint32_t pending() const { return pending_; }
  void clear(std::uint32_t ones_written) { pending_ &= ~ones_written; }
  /// Sets a cause's pending bit; unless `wired`, a bit that was clear leaves a message to send.
  void raise(Cause cause, bool wired);
  /// The next message that no mask holds back.
  std::optional<InterruptMessage> take_message();
  bool message_waits() const { return sendable() != 0; }

  std::uint64_t vectors() const { return vectors_; }
  void write_vectors(std::uint64_t value) { vectors_ = value & (vector_mask_ * 0x1111u); }

  /// The MSI table by byte offset: addresses are accessed by 8 bytes, data and vector control by 4.
  std::uint64_t read_table64(std::uint64_t offset) const { return table_[offset / 16].address; }
  void write_table64(std::uint64_t offset, std::uint64_t value);
  std::uint32_t read_table32(std::uint64_t offset) const;
  void write_table32(std::uint64_t offset, std::uint32_t value);

 private:
  struct Entry {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    std::uint32_t control = 0;  ///< bit 0: masked
  };
  std::uint32_t sendable() const;
  bool exists(std::uint64_t offset) const { return offset / 16 <= vector_mask_; }

  std::uint32_t vector_mask_;
  std::uint32_t pending_ = 0;
  std::uint64_t vectors_ = 0;
  std::uint32_t unsent_ = 0;  ///< by vector
  std::array<Entry, 16> table_{};
};

}  // namespace iommusim::iommu::riscv
