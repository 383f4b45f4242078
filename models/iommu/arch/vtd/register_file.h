// The registers of a VT-d unit with their side effects (Intel VT-d specification rev. 4.0, section 11.4). Accesses are
// of 4 or 8 bytes, naturally aligned. Commands by register (set root table, enable, CCMD, IOTLB_REG) finish within the
// write that gives them: their status bits already read as done. What software sees is the order Linux relies on; the
// time they take is left out.
#pragma once

#include <cstdint>
#include <optional>

#include "models/iommu/api/architecture.h"
#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/fault_log.h"
#include "models/iommu/arch/vtd/page_requests.h"
#include "models/iommu/arch/vtd/registers.h"

namespace iommusim::iommu::vtd {

class RegisterFile {
 public:
  explicit RegisterFile(const VtdConfig& config);

  std::uint64_t bytes() const;
  std::uint64_t read(std::uint64_t offset, unsigned size) const;
  Effects write(std::uint64_t offset, unsigned size, std::uint64_t value);

  /// The mode that came with the root table in use.
  TableMode table_mode() const { return static_cast<TableMode>(get(root_in_use_, 11, 10)); }
  bool scalable() const { return table_mode() == TableMode::scalable; }
  bool known_mode() const { return scalable() || table_mode() == TableMode::legacy; }
  bool translation_enabled() const { return (status_ & global::kTranslation) != 0; }
  bool interrupt_remapping_enabled() const { return (status_ & global::kInterruptRemapping) != 0; }
  bool compatibility_interrupts() const { return (status_ & global::kCompatibilityInterrupts) != 0; }
  /// The pointers in use: those of the last set operation, not what the address registers hold since.
  Hpa root_table() const { return Hpa(root_in_use_ & ones(63, 12)); }
  Hpa interrupt_table() const { return Hpa(interrupt_table_in_use_ & ones(63, 12)); }
  std::uint32_t interrupt_entries() const { return interrupt_entries_of(interrupt_table_in_use_); }
  bool extended_interrupts() const { return get(interrupt_table_in_use_, 11); }

  /// The descriptor at the head; nothing when the queue is off, stopped or empty.
  std::optional<CommandFetch> queue_head() const;
  std::uint8_t descriptor_bytes() const { return static_cast<std::uint8_t>(1u << descriptor_shift(queue_address_)); }
  void advance_queue();
  /// Stops the queue. The event goes out through take_queue_event(), when the unit gets to it.
  void stop_queue(QueueError why);
  Effects take_queue_event();
  /// A wait descriptor with its interrupt flag set has completed.
  Effects completion_event();

  FaultLog faults;
  PageRequestQueue pages;

 private:
  std::uint32_t read32(std::uint64_t offset) const;
  Effects write32(std::uint64_t offset, std::uint32_t value);
  Effects global_command(std::uint32_t value);
  Effects set_tail(std::uint32_t value);
  InvalidationScope context_command() const;
  InvalidationScope iotlb_command() const;

  const VtdConfig& config_;
  std::uint32_t status_ = 0;  ///< GSTS
  std::uint64_t root_ = 0, interrupt_table_ = 0;
  std::uint64_t root_in_use_ = 0, interrupt_table_in_use_ = 0;
  std::uint64_t context_command_ = 0, invalidate_address_ = 0, iotlb_command_ = 0;
  std::uint64_t queue_address_ = 0;
  std::uint32_t head_ = 0, tail_ = 0;  ///< entry indices
  std::uint32_t completion_status_ = 0;
  EventMessage completion_event_;
  Effects queue_event_;
};

}  // namespace iommusim::iommu::vtd
