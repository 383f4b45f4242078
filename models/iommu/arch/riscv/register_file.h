// The registers of a RISC-V IOMMU with their side effects (specification 1.0, chapter 6). Accesses are of 4 or 8 bytes,
// naturally aligned; an 8-byte access to two 4-byte registers is two accesses, high half first. Everything a write asks
// for is done within it: no busy bit is ever seen set, except tr_req_ctl's until the unit has answered.
#pragma once

#include <cstdint>
#include <optional>

#include "models/iommu/api/architecture.h"
#include "models/iommu/arch/riscv/causes.h"
#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/riscv/interrupts.h"
#include "models/iommu/arch/riscv/performance.h"
#include "models/iommu/arch/riscv/queue_registers.h"
#include "models/iommu/arch/riscv/registers.h"

namespace iommusim::iommu::riscv {

class RegisterFile {
 public:
  explicit RegisterFile(const RiscvConfig& config);

  std::uint64_t read(std::uint64_t offset, unsigned size) const;
  Effects write(std::uint64_t offset, unsigned size, std::uint64_t value);

  // --- what walks ask
  std::uint32_t fctl() const { return fctl_; }
  bool big_endian() const { return (fctl_ & feature::kBigEndian) != 0; }
  bool guest_32() const { return (fctl_ & feature::kGuest32) != 0; }
  bool wired() const { return (fctl_ & feature::kWired) != 0; }
  DirectoryMode directory_mode() const { return static_cast<DirectoryMode>(get(ddtp_, 3, 0)); }
  std::uint64_t directory_root() const { return get(ddtp_, 53, 10) << 12; }

  // --- command queue
  std::optional<CommandFetch> next_command() const;
  bool command_queue_on() const { return commands_.on(); }
  /// How often software has turned the command queue on.
  std::uint32_t command_runs() const { return command_runs_; }
  void advance_command();
  /// Sets status bits of cqcsr: the queue stops, or a fence asks for attention.
  Effects command_status(std::uint32_t bits);

  // --- queues the unit writes
  /// Room for a record, or the overflow noted; nothing while the queue is off or in error.
  std::optional<QueueRecord> reserve(RecordQueue queue);
  Effects record_written(RecordQueue queue, bool ok);
  const QueueRegisters& page_queue() const { return pages_; }

  // --- debug translation
  Request debug_request() const;
  Effects debug_response(const Translation* translation);

  bool counting() const { return performance_.counting(); }
  Effects count(PerformanceEvent event, const Request& request, const Context* context);

  /// What remains to be told: interrupts whose conditions hold.
  Effects collect(Effects effects = {});

 private:
  std::uint64_t read64(std::uint64_t offset) const;
  std::uint32_t read32(std::uint64_t offset) const;
  void write64(std::uint64_t offset, std::uint64_t value, Effects& effects);
  void write32(std::uint64_t offset, std::uint32_t value, Effects& effects);
  void write_fctl(std::uint32_t value);
  void write_ddtp(std::uint64_t value);
  bool wide(std::uint64_t offset) const;
  bool exists(std::uint64_t offset) const;
  void raise_conditions();

  const RiscvConfig& config_;
  std::uint32_t fctl_;
  std::uint64_t ddtp_ = 0;
  QueueRegisters commands_, faults_, pages_;
  std::uint32_t command_runs_ = 0;
  Interrupts interrupts_;
  Performance performance_;
  std::uint64_t debug_iova_ = 0, debug_control_ = 0, debug_response_ = 0;
};

}  // namespace iommusim::iommu::riscv
