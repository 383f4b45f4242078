// Invalidation commands: as hardware understands them (Command) and as driver software asks for them (Invalidation).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "models/iommu/api/caches.h"
#include "models/iommu/api/messages.h"
#include "models/iommu/api/request.h"

namespace iommusim::iommu {

/// The bytes of one queue entry; architectures use the first 16 or 32.
struct CommandBytes {
  std::array<std::uint64_t, 4> words{};
  std::uint8_t bytes = 16;
};

/// One entry of the command (invalidation) queue, decoded by the architecture for the unit to carry out.
struct Command {
  enum class Kind : std::uint8_t {
    invalidate,     ///< scope
    device_tlb,     ///< source, address, bytes, message: an ATS invalidation to an endpoint
    page_response,  ///< message: the answer of software to page requests
    wait,           ///< completes when every command before it has; status write and/or interrupt
    nothing,        ///< valid, no effect on this model
    illegal         ///< error: the queue stops, the architecture has set its error state
  };
  /// For counting: the forms the field distinguishes.
  enum class Form : std::uint8_t {
    context_cache,
    iotlb_global,
    iotlb_domain,
    iotlb_page,
    device_tlb,
    interrupt_entry,
    wait,
    pasid_cache,
    page_response,
    other
  };
  Kind kind = Kind::illegal;
  Form form = Form::other;
  InvalidationScope scope;
  std::optional<InvalidationScope> also;  ///< invalidate: a second set, for caches that match by other terms
  SourceId source;
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  bool write_status = false;  ///< wait: write `status` (4 bytes) to `status_address`
  Hpa status_address;
  std::uint32_t status = 0;
  bool interrupt = false;     ///< wait: raise the queue's completion interrupt
  bool fence = false;         ///< wait: no later command starts before this one completes
  bool order_reads = false;   ///< wait: device reads already translated are done before it completes
  bool order_writes = false;  ///< wait: the same for device writes
  DeviceMessage message;
};

constexpr unsigned kCommandForms = static_cast<unsigned>(Command::Form::other) + 1;

/// How a wait command ended.
enum class WaitEnd : std::uint8_t {
  done,
  device_timeout,  ///< a device did not answer an invalidation request before it in time
  write_fault      ///< memory refused the status write
};

/// The stage of translation that tables are for. The first maps addresses of a process or guest, to guest-physical
/// addresses where a second stage follows it, else to physical ones.
enum class TableStage : std::uint8_t {
  domain,  ///< whichever the unit's configuration gives DMA domains
  first,
  second
};

/// What driver software asks to be invalidated, in neutral terms; an architecture's driver encodes it into queue
/// entries.
struct Invalidation {
  enum class Kind : std::uint8_t {
    context_global,
    context_domain,
    context_source,
    iotlb_global,
    iotlb_domain,
    iotlb_pages,
    device_tlb,
    interrupt_entries,
    wait,
    process,        ///< the process context of `source` and `pasid`
    page_response,  ///< the answer `code` to the page requests of `group`
  };
  Kind kind = Kind::iotlb_global;
  DomainId domain;                        ///< all but *_global, wait, interrupt_entries, page_response
  SourceId source;                        ///< context_source, device_tlb, process, page_response
  bool has_pasid = false;                 ///< iotlb_domain, iotlb_pages, device_tlb, page_response: of one process
  Pasid pasid;                            ///< those, and process
  TableStage stage = TableStage::domain;  ///< iotlb_domain, iotlb_pages: of the tables that changed
  bool nested = false;                    ///< iotlb_domain, iotlb_pages: these are one of two stages
  Iova address;                           ///< iotlb_pages, device_tlb: first byte, aligned to the size
  std::uint8_t size_log2 = 12;            ///< iotlb_pages, device_tlb: bytes, a power of two of at least 4 KiB
  bool leaf_only = false;                 ///< iotlb_pages: only leaf entries changed
  std::uint32_t index = 0;                ///< interrupt_entries: the first one
  std::uint8_t count_log2 = 0;            ///< interrupt_entries
  bool all_interrupts = false;            ///< interrupt_entries: global
  Hpa status_address;                     ///< wait: where `status` is written
  std::uint32_t status = 0;
  std::uint16_t group = 0;  ///< page_response
  PageResponseCode code = PageResponseCode::success;
};

}  // namespace iommusim::iommu
