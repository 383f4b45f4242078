// One resumption of a walk: the procedures of the specification (Intel VT-d rev. 4.0), each in a file of its own.
//
//   walk_devices.cpp    root and context entries of both modes (section 3.4)
//   walk_processes.cpp  PASID directory and table (section 3.4.3)
//   walk_first.cpp      first stage (section 3.6); accesses of its own go through the second stage where nested
//   walk_second.cpp     second stage (section 3.7), for the request and for the accesses of the first
//   walk_end.cpp        the end of a page walk
//   walk_interrupt.cpp  interrupt requests (section 5.1.3)
//
// A walk waits for one step at a time (`Phase`); the second stage remembers for whom it works (`After`).
#pragma once

#include <cstdint>

#include "models/iommu/api/walk.h"
#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/contexts.h"
#include "models/iommu/arch/vtd/faults.h"
#include "models/iommu/arch/vtd/register_file.h"

namespace iommusim::iommu::vtd {

/// What a walk remembers between steps.
struct WalkState {
  std::uint64_t table = 0;       ///< first stage: table in use (guest-physical where nested); PASID directory's result
  std::uint64_t entry = 0;       ///< first stage: address of the entry in use, before the second stage
  std::uint64_t entry_host = 0;  ///< the same after it
  std::uint64_t word = 0;        ///< that entry as memory holds it; interrupt walk: the index
  std::uint64_t desired = 0;     ///< what it is to become
  std::uint64_t guest = 0;       ///< result of the first stage
  std::uint64_t input2 = 0;      ///< second stage: address to translate
  std::uint64_t table2 = 0;
  std::uint64_t host = 0;  ///< result of the second stage
  std::uint8_t level = 0, level2 = 0;
  std::uint8_t after = 0;            ///< second stage: whom the result is for
  std::uint8_t use = 0;              ///< second stage: the access it is made for
  std::uint8_t size = 0, size2 = 0;  ///< log2, of each stage's result
  std::uint8_t rights = 0;           ///< FirstRight, granted by the first stage so far
  std::uint8_t rights2 = 0;          ///< bit 0 read, bit 1 write, granted by the second so far
  std::uint8_t entry_writable = 0;   ///< the second stage lets the first-stage entry be written as it is
  std::uint8_t global = 0;
  std::uint8_t fault_disable = 0;  ///< process walks: FPD of the directory entry
};
static_assert(sizeof(WalkState) <= sizeof(Walk::state), "a walk's state must fit");

class WalkRun {
 public:
  WalkRun(Walk& walk, const VtdConfig& config, const RegisterFile& registers);
  ~WalkRun();
  WalkRun(const WalkRun&) = delete;
  WalkRun& operator=(const WalkRun&) = delete;

  const Step& begin();
  const Step& resume(const StepResult& r);

 private:
  enum Phase : std::uint8_t {
    kRootRead,
    kContextRead,
    kDirectoryRead,
    kPasidRead,
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
    kEntryLookup,
    kEntryRead,
    kEntryFill
  };
  enum After : std::uint8_t { kRequest, kFirstEntry, kFirstUpdate };
  enum Use : std::uint8_t { kExplicit, kImplicitRead, kImplicitWrite };
  enum FirstRight : std::uint8_t { kWritable = 1, kUser = 2, kExecutable = 4 };

  const Step& begin_device();
  const Step& root_entry(const StepResult& r);
  const Step& legacy_context(const StepResult& r);
  const Step& scalable_context(const StepResult& r);

  const Step& begin_process();
  const Step& directory_entry(const StepResult& r);
  const Step& pasid_entry(const StepResult& r);

  const Step& begin_page();
  const Step& begin_first();
  const Step& first_look_up();
  const Step& first_level();
  const Step& first_read();
  const Step& first_entry(std::uint64_t word);
  const Step& first_leaf(const FirstEntry& e, std::uint64_t word);
  const Step& first_update(std::uint64_t word, std::uint64_t desired);
  const Step& first_swap();
  const Step& first_done();

  const Step& second_stage(std::uint64_t address, Use use, After after);
  const Step& second_look_up();
  const Step& second_read();
  const Step& second_entry(std::uint64_t word);
  const Step& second_leaf(const PageEntry& e, std::uint64_t word);
  const Step& second_done();
  const Step& second_denied(bool write, bool present);
  bool reserved_set_second(std::uint64_t word) const;
  Rights needed_of_second() const;

  const Step& translated(std::uint64_t output, unsigned size_log2, Rights rights);
  const Step& pass_through();

  const Step& begin_interrupt();
  const Step& interrupt_entry(const StepResult& r);
  const Step& deliver(const Pair& words);

  const Step& fault(Reason legacy, Reason scalable) { return fault(context_.scalable() ? scalable : legacy); }
  const Step& fault(Reason reason) { return fault(reason, context_.fault_disabled()); }
  const Step& fault(Reason reason, bool disabled);
  const Step& read(Phase phase, std::uint64_t address, unsigned bytes, Structure structure, unsigned stage,
                   unsigned level);
  const Step& lookup(Phase phase, const RangeTag& tag);
  const Step& fill(Phase phase, const RangeTag& tag, std::uint64_t word0, std::uint64_t word1);
  const Step& swap(Phase phase, std::uint64_t address, unsigned stage, unsigned level, std::uint64_t from,
                   std::uint64_t to);
  RangeTag first_tag(unsigned level) const;
  RangeTag second_tag(unsigned level) const;
  bool is_ats() const { return walk_.request.at == AddressType::translation_request; }
  bool nested() const { return entry_.type == Granular::nested; }

  Walk& walk_;
  const VtdConfig& config_;
  const RegisterFile& registers_;
  ContextView context_;
  PasidEntry entry_;  ///< page walks in scalable mode
  unsigned first_levels_ = 0, second_levels_ = 0;
  WalkState s_;
};

}  // namespace iommusim::iommu::vtd
