// One resumption of a walk: the procedures of the specification (RISC-V IOMMU 1.0, section 3.3), each in a file of its
// own, that the walker strings together.
//
//   walk_devices.cpp    device directory, device context (section 3.3.1)
//   walk_processes.cpp  process directory, process context (section 3.3.2)
//   walk_first.cpp      first stage; accesses of its own go through the second stage where that is on
//   walk_second.cpp     second stage, for the request and for the accesses of others
//   walk_end.cpp        MSI tables (section 3.3.3), and the end of a page walk
//
// A walk waits for one step at a time (`Phase`); the second stage remembers for whom it works (`After`).
#pragma once

#include <cstdint>

#include "models/iommu/api/walk.h"
#include "models/iommu/arch/riscv/causes.h"
#include "models/iommu/arch/riscv/contexts.h"
#include "models/iommu/arch/riscv/msi_numbers.h"
#include "models/iommu/arch/riscv/page_entries.h"
#include "models/iommu/arch/riscv/register_file.h"

namespace iommusim::iommu::riscv {

/// What a walk remembers between steps.
struct WalkState {
  std::uint64_t table = 0;  ///< directories and first stage: table in use (guest-physical where the second stage is on)
  std::uint64_t entry = 0;  ///< first stage: address of the entry in use, before the second stage
  std::uint64_t entry_host = 0;  ///< the same after the second stage
  std::uint64_t word = 0;        ///< that entry as memory holds it
  std::uint64_t guest = 0;       ///< result of the first stage
  std::uint64_t input2 = 0;      ///< second stage: address to translate
  std::uint64_t table2 = 0;
  std::uint64_t word2 = 0;
  std::uint64_t host = 0;  ///< result of the second stage
  std::uint8_t level = 0, level2 = 0;
  std::uint8_t after = 0;            ///< second stage: whom the result is for
  std::uint8_t use = 0;              ///< second stage: the access it is made for
  std::uint8_t size = 0;             ///< log2, of the first stage's result
  std::uint8_t size2 = 0;            ///< log2, of the second stage's result for the request
  std::uint8_t rights = 0;           ///< of the first stage: bits 0 read, 1 write, 2 execute
  std::uint8_t rights2 = 0;          ///< of the second stage
  std::uint8_t type = 0, type2 = 0;  ///< memory types
  std::uint8_t global = 0;
};
static_assert(sizeof(WalkState) <= sizeof(Walk::state));

class WalkRun {
 public:
  WalkRun(Walk& walk, const RiscvConfig& config, const RegisterFile& registers, MsiNumbers& msi_numbers);
  ~WalkRun();
  WalkRun(const WalkRun&) = delete;
  WalkRun& operator=(const WalkRun&) = delete;

  const Step& begin();
  const Step& resume(const StepResult& result);

 private:
  enum Phase : std::uint8_t {
    kDeviceDirectory,
    kDeviceContext,
    kProcessDirectory,
    kProcessContext,
    kFirstLookup,
    kFirstFill,
    kFirstRead,
    kFirstSwap,
    kNestedLookup,
    kNestedFill,
    kSecondLookup,
    kSecondFill,
    kSecondRead,
    kSecondSwap,
    kMsiRead
  };
  enum After : std::uint8_t { kProcessEntry, kFirstEntry, kFirstUpdate, kRequest };
  /// The access a second-stage translation is made for: one of the unit's own to a table, or the request's.
  enum Use : std::uint8_t { kImplicitRead, kImplicitWrite, kExplicit };

  // devices
  const Step& begin_device();
  const Step& device_level();
  const Step& device_directory(const StepResult& r);
  const Step& device_context(const StepResult& r);
  // processes
  const Step& begin_process();
  const Step& process_level();
  const Step& process_read();
  const Step& process_directory(const StepResult& r);
  const Step& process_context(const StepResult& r);
  // first stage
  const Step& begin_page();
  const Step& first_look_up();
  const Step& first_level();
  const Step& first_read();
  const Step& first_entry(std::uint64_t raw);
  const Step& first_leaf(const PageEntry& e, std::uint64_t value);
  const Step& first_swap();
  const Step& first_done();
  // second stage
  const Step& second_stage(std::uint64_t address, Use use, After after);
  const Step& second_look_up();
  const Step& second_read();
  const Step& second_entry(std::uint64_t raw);
  const Step& second_leaf(const PageEntry& e, std::uint64_t value);
  const Step& second_done();
  // MSI and end
  const Step& msi_read();
  const Step& msi_entry(const StepResult& r);
  const Step& translated(std::uint64_t output, unsigned size_log2, bool interrupt);

  const Step& fault(FaultCause cause, std::uint64_t detail = 0);
  const Step& table_fault(const StepResult& r);
  const Step& guest_fault();
  const Step& read(Phase phase, std::uint64_t address, unsigned bytes, Structure structure, unsigned stage,
                   unsigned level);
  const Step& lookup(Phase phase, const RangeTag& tag);
  const Step& fill(Phase phase, const RangeTag& tag, std::uint64_t word0, std::uint64_t word1);
  const Step& swap(Phase phase, std::uint64_t address, const PagingMode& mode, std::uint64_t from, std::uint64_t to);
  RangeTag first_tag(unsigned level) const;
  RangeTag second_tag(unsigned level) const;
  /// Range a leaf's translation is kept for. Each page of a contiguous range has accessed and dirty bits of its own:
  /// where the unit keeps them, it keeps such pages one by one.
  static std::uint8_t reach_of(const PageEntry& e, bool keeps_bits) {
    return e.napot && keeps_bits ? std::uint8_t{12} : e.size_log2;
  }
  bool is_ats() const { return walk_.request.at == AddressType::translation_request; }
  bool nested() const { return !second_.bare(); }
  bool directory_big_endian() const { return registers_.big_endian(); }
  bool first_big_endian() const { return context_.control(tc::kBigEndian); }

  Walk& walk_;
  const RiscvConfig& config_;
  const RegisterFile& registers_;
  MsiNumbers& msi_numbers_;
  ContextView context_;
  PagingMode first_, second_;
  Access access_;
  WalkState s_;
};

}  // namespace iommusim::iommu::riscv
