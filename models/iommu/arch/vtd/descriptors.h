// Queued-invalidation descriptors (Intel VT-d specification rev. 4.0, section 6.5.2), of 16 or 32 bytes: encode,
// decode, and what makes one erroneous. Their last 16 bytes, where there are any, are zero. What they do:
// invalidations.h.
#pragma once

#include <cstdint>

#include "models/iommu/api/commands.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/registers.h"

namespace iommusim::iommu::vtd {

struct VtdConfig;

/// The fields of any descriptor; those a type does not have are zero.
struct Descriptor {
  enum class Type : std::uint8_t {
    none = 0,
    context = 1,
    iotlb = 2,
    device_tlb = 3,
    interrupt_entry = 4,
    wait = 5,
    // 32 bytes wide only:
    process_iotlb = 6,
    process_cache = 7,
    process_device_tlb = 8,
    page_response = 9
  };
  /// G of process_iotlb: of all addresses (2) or pages (3). Of process_cache: of a domain (0), of a PASID (1), all (3).
  enum ProcessGranularity : std::uint8_t {
    kCacheDomain = 0,
    kCachePasid = 1,
    kAddresses = 2,
    kPages = 3,
    kCacheAll = 3
  };

  Type type = Type::none;
  Granularity granularity = Granularity::none;     ///< context, iotlb; interrupt_entry: global or selective
  std::uint8_t process_granularity = 0;            ///< process_iotlb, process_cache
  std::uint16_t domain = 0;                        ///< context, iotlb, process_iotlb, process_cache
  std::uint16_t source = 0;                        ///< context, device_tlb, process_device_tlb, page_response
  std::uint32_t pasid = 0;                         ///< process_*, page_response
  bool has_pasid = false;                          ///< page_response: PP
  std::uint8_t function_mask = 0;                  ///< context: FM, function bits not compared
  std::uint64_t address = 0;                       ///< *iotlb, *device_tlb: 63:12; wait: status address 63:2
  std::uint8_t address_mask = 0;                   ///< *iotlb: AM, log2 of pages
  bool leaf_only = false;                          ///< *iotlb: IH
  bool drain_reads = false, drain_writes = false;  ///< iotlb
  bool size = false;               ///< *device_tlb: S, the size is coded in the address (PCIe 6.0 section 10.3.1)
  bool global = false;             ///< process_device_tlb: G, of all processes
  std::uint8_t pending_limit = 0;  ///< *device_tlb: MIP
  std::uint16_t index = 0;         ///< interrupt_entry: IIDX
  std::uint8_t index_mask = 0;     ///< interrupt_entry: IM, log2 of entries
  bool status_write = false, interrupt = false, fence = false, drain_pages = false;  ///< wait
  std::uint32_t status = 0;                                                          ///< wait
  std::uint16_t group = 0;                                                           ///< page_response: PRGI
  std::uint8_t code = 0;                                                             ///< page_response: RC
};

Pair encode(const Descriptor& d);
Descriptor decode_descriptor(const Pair& w);
/// What makes a descriptor of `bytes` (16 or 32) erroneous: its type, reserved bits, granularity, an address mask
/// beyond `config`'s maximum, 16 bytes in `scalable` mode.
QueueError check(const Words& words, unsigned bytes, bool scalable, const VtdConfig& config);

}  // namespace iommusim::iommu::vtd
