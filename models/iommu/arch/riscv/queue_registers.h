// Base, head, tail and control of one of the unit's three queues in memory (RISC-V IOMMU specification 1.0,
// sections 6.6 to 6.17). Enabling and disabling finish within the write that asks for it.
#pragma once

#include <cstdint>

#include "models/iommu/arch/riscv/registers.h"

namespace iommusim::iommu::riscv {

struct QueueRegisters {
  std::uint64_t base = 0;
  std::uint32_t head = 0, tail = 0;
  std::uint32_t control = 0;  ///< enable and interrupt enable
  std::uint32_t status = 0;   ///< the bits that writing ones clears
  std::uint32_t status_bits = csr::kMemoryFault | csr::kOverflow;

  std::uint32_t mask() const { return static_cast<std::uint32_t>((std::uint64_t{2} << get(base, 4, 0)) - 1); }
  bool on() const { return (control & csr::kEnable) != 0; }
  bool stopped() const { return (status & (csr::kMemoryFault | csr::kTimeout | csr::kIllegal)) != 0; }
  bool empty() const { return head == tail; }
  bool full() const { return ((tail + 1) & mask()) == head; }
  Hpa slot(std::uint32_t index, unsigned bytes) const { return Hpa(page() + std::uint64_t{index} * bytes); }
  std::uint64_t page() const { return get(base, 53, 10) << 12; }

  std::uint32_t read_control() const { return control | status | (on() ? csr::kOn : 0); }
  /// True if the write turned the queue on: the side that belongs to the unit restarts at 0.
  bool write_control(std::uint32_t value) {
    const bool was_on = on();
    control = value & (csr::kEnable | csr::kInterruptEnable);
    status &= ~value;
    const bool started = on() && !was_on;
    if (started) status = 0;
    return started;
  }
  void write_base(std::uint64_t value) { base = value & (ones(53, 10) | ones(4, 0)); }
};

}  // namespace iommusim::iommu::riscv
