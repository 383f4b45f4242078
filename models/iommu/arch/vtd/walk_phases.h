// What the two halves of the walker agree on: where a walk stands, and how steps are written down.
#pragma once

#include <cstdint>

#include "models/iommu/api/walk.h"
#include "models/iommu/arch/vtd/faults.h"

namespace iommusim::iommu::vtd::detail {

enum Phase : std::uint8_t {
  kRootRead,
  kContextRead,
  kPageLookup,
  kPageRead,
  kPageFill,
  kEntryLookup,
  kEntryRead,
  kEntryFill
};
/// Indices of Walk::state in a page walk: address of the table to read, rights granted above it.
enum PageState : std::uint8_t { kTable, kRights };
/// The stage that tags reads and cached pointers of second-stage tables, in legacy mode too.
constexpr std::uint8_t kSecondStage = 2;
/// Indices of Walk::state in an interrupt walk: the index, and the entry read.
enum EntryState : std::uint8_t { kIndex, kEntryLow, kEntryHigh };

inline Step& fault(Step& s, Reason reason, bool disabled = false) {
  s.kind = Step::Kind::fault;
  s.fault = fault_of(reason, disabled);
  return s;
}
/// `stage`: kSecondStage for its tables, else 0.
inline Step& read(Step& s, std::uint64_t address, std::uint8_t bytes, Structure structure, std::uint8_t stage,
                  std::uint8_t level) {
  s.kind = Step::Kind::read;
  s.address = Hpa(address);
  s.bytes = bytes;
  s.structure = structure;
  s.stage = stage;
  s.level = level;
  return s;
}

}  // namespace iommusim::iommu::vtd::detail
