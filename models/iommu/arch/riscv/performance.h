// Hardware performance monitor (RISC-V IOMMU specification 1.0, sections 6.19 to 6.24): event counters with filters by
// device, process, GSCID or PSCID. The cycle counter counts what advance() tells it; without a clock it stands still.
#pragma once

#include <array>
#include <cstdint>

#include "models/iommu/api/messages.h"
#include "models/iommu/arch/riscv/contexts.h"

namespace iommusim::iommu::riscv {

class Performance {
 public:
  explicit Performance(unsigned counters) : counters_(counters) {}

  /// True if some counter has an event selected.
  bool counting() const { return selected_ != 0; }
  /// True if a counter overflowed whose overflow bit was clear: an interrupt.
  bool count(PerformanceEvent event, const Request& request, const Context* context);
  bool advance(std::uint64_t cycles);

  // Registers by byte offset in the unit's map; those of counters that do not exist read as zero.
  std::uint64_t read64(std::uint64_t offset) const;
  void write64(std::uint64_t offset, std::uint64_t value);
  std::uint32_t overflow_status() const;
  std::uint32_t inhibit() const { return inhibit_; }
  void write_inhibit(std::uint32_t value) { inhibit_ = value & static_cast<std::uint32_t>(ones(counters_, 0)); }

 private:
  static bool matches(std::uint64_t selector, const Request& request, const Context* context, bool by_address_space);

  unsigned counters_;
  std::uint32_t inhibit_ = 0;
  std::uint32_t selected_ = 0;  ///< bit n: counter n has an event
  std::uint64_t cycles_ = 0;    ///< with the overflow bit in 63
  std::array<std::uint64_t, 31> values_{};
  std::array<std::uint64_t, 31> selectors_{};
};

}  // namespace iommusim::iommu::riscv
