// The resumable step machine: an architecture says, one step at a time, what a remapping unit must do to resolve a
// request. The same code runs timed in the simulator (models/iommu/core) and untimed in tests (untimed.h).
#pragma once

#include <array>
#include <cstdint>

#include "models/iommu/api/caches.h"
#include "models/iommu/api/request.h"

namespace iommusim::iommu {

/// What a walk resolves.
enum class WalkKind : std::uint8_t {
  context,   ///< the source's context, from the device tables; ends in Step::context_found
  process,   ///< what the request's PASID adds to the context given, from its process tables; ends in context_found
  page,      ///< an address under a known context; ends in Step::translated
  interrupt  ///< an interrupt request; ends in Step::interrupt_remapped
};

/// Which structure a memory read belongs to: counted and traced under this name.
enum class Structure : std::uint8_t {
  root_entry,
  context_entry,
  pasid_directory,
  pasid_entry,
  page_table,
  interrupt_entry,
  msi_table,
  other
};

/// A message-signalled interrupt after remapping: the memory write that reaches the interrupt region.
struct InterruptMessage {
  std::uint64_t address = 0;
  std::uint32_t data = 0;
};

/// Up to 64 bytes as read from memory, little-endian 64-bit words.
using Words = std::array<std::uint64_t, 8>;

/// One step. Only the members named beside each kind are meaningful; the others are what an earlier step left.
struct Step {
  enum class Kind : std::uint8_t {
    read,                ///< address, bytes, structure, stage, level: one memory read; resumes with status and words
    compare_and_swap,    ///< address, bytes (4 or 8), expected, desired: resumes with status, old value in words[0]
    write,               ///< address, bytes, words: resumes with status
    lookup,              ///< cache (walk or interrupt_entry), tag: resumes with hit and words[0..1]
    fill,                ///< cache, tag, words[0..1]: resumes with nothing
    context_found,       ///< context; the walk is over
    translated,          ///< tag (the range it covers), translation; the walk is over
    interrupt_remapped,  ///< interrupt; the walk is over
    interrupt_stored,    ///< the message goes to the interrupt file in memory at address, notice: interrupt; over
    fault                ///< fault; the walk is over
  };
  Kind kind = Kind::fault;
  Structure structure = Structure::other;
  std::uint8_t stage = 0;
  std::uint8_t level = 0;  ///< of the table read: 1 is the one whose entries map 4 KiB pages
  std::uint8_t bytes = 0;
  CacheKind cache = CacheKind::walk;
  bool cacheable = true;  ///< translated: may be kept in the IOTLB
  Hpa address;
  RangeTag tag;  ///< interrupt_entry lookups: base is the interrupt index, size_log2 0
  std::uint64_t expected = 0;
  std::uint64_t desired = 0;
  Words words{};
  Context context;
  Translation translation;
  InterruptMessage interrupt;
  Fault fault;
};

/// What the unit answers to the step before.
struct StepResult {
  bool ok = true;         ///< reads, writes, compare-and-swap: memory answered without error
  bool poisoned = false;  ///< reads that are not ok: memory answered, with data known to be corrupt
  bool hit = false;       ///< lookups
  Words words{};
};

/// The state of one walk: plain data of fixed size, owned by a walker slot and reused; no allocation per walk.
struct Walk {
  WalkKind kind = WalkKind::page;
  Request request;
  Context context;  ///< process and page walks: the context the request resolved to so far
  std::uint8_t phase = 0;
  std::uint8_t level = 0;
  std::array<std::uint64_t, 16> state{};  ///< the architecture's
  Step step;  ///< where the architecture puts each step: in place, as a step is large and a walk takes a dozen
};

}  // namespace iommusim::iommu
