// What a device asks its DMA engine to move, and what it hears back.
#pragma once

#include <cstdint>

#include "models/base/types.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::ep {

/// When the requester is told that its posted write is finished. Statistics count both kinds to visibility.
enum class WriteDone : std::uint8_t {
  sent,    ///< its last TLP has left the engine: what a device can know (PCIe posted semantics)
  visible  ///< memory has it: for replay and tests, which must know when the next step may begin
};

/// One DMA: any byte address and length; the engine cuts it into TLPs.
struct DmaRequest {
  base::Iova iova;
  std::uint32_t bytes = 0;  ///< at least 1
  bool write = false;
  WriteDone write_done = WriteDone::sent;
  bool relaxed_ordering = false;                         ///< wanted; used if the function's control registers allow it
  bool id_ordering = false;                              ///< the same
  tlm::AddressType at = tlm::AddressType::untranslated;  ///< a translation request: read of 8 bytes per translation
  bool has_pasid = false;
  base::Pasid pasid;
  base::Time intended;     ///< when it should have been issued: latency counts from here; not later than now
  std::uint64_t user = 0;  ///< given back untouched
  /// Real bytes of a descriptor, queue entry or (with stored data) bulk; nullptr: bulk DMA without contents. The memory
  /// stays valid until the DMA is visible, which for a write may be after `done`, and after a read that was given up
  /// (time-out, reset) until the engine is quiescent.
  unsigned char* data = nullptr;
};

/// What a remapping unit on the path did with a request. Statistics and replay checks: no device can see it.
struct Remapped {
  bool translated = false;
  bool iotlb_hit = false;
  std::uint16_t fault_reason = 0;  ///< the architecture's number; 0: not refused
};

/// How a DMA ended.
struct DmaResult {
  DmaRequest request;
  tlm::CompletionStatus status =
      tlm::CompletionStatus::ok;  ///< the first TLP's that was not ok; posted writes are always ok
  base::Time issued{};            ///< its first TLP left the engine
  base::Time done{};
  Remapped remapped{};  ///< of its first TLP; known when all of it is visible, not for writes told at `sent`
};

}  // namespace iommusim::ep
