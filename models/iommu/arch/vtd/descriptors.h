// Queued-invalidation descriptors of 16 bytes (Intel VT-d specification rev. 4.0, section 6.5.2): encode, decode, and
// what each invalidates. Types 6 and above belong to scalable mode and are illegal here.
#pragma once

#include <cstdint>

#include "models/iommu/api/commands.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/registers.h"

namespace iommusim::iommu::vtd {

struct VtdConfig;

/// The fields of any descriptor; those a type does not have are zero.
struct Descriptor {
  enum class Type : std::uint8_t { none = 0, context = 1, iotlb = 2, device_tlb = 3, interrupt_entry = 4, wait = 5 };
  Type type = Type::none;
  Granularity granularity = Granularity::none;     ///< context, iotlb; interrupt_entry: global or selective
  std::uint16_t domain = 0;                        ///< context, iotlb
  std::uint16_t source = 0;                        ///< context, device_tlb
  std::uint8_t function_mask = 0;                  ///< context: FM, function bits not compared
  std::uint64_t address = 0;                       ///< iotlb, device_tlb: 63:12; wait: status address 63:2
  std::uint8_t address_mask = 0;                   ///< iotlb: AM, log2 of pages
  bool leaf_only = false;                          ///< iotlb: IH
  bool drain_reads = false, drain_writes = false;  ///< iotlb
  bool size = false;               ///< device_tlb: S, the size is coded in the address (PCIe 6.0 section 10.3.1)
  std::uint8_t pending_limit = 0;  ///< device_tlb: MIP
  std::uint16_t index = 0;         ///< interrupt_entry: IIDX
  std::uint8_t index_mask = 0;     ///< interrupt_entry: IM, log2 of entries
  bool status_write = false, interrupt = false, fence = false;  ///< wait
  std::uint32_t status = 0;                                     ///< wait
};

Pair encode(const Descriptor& d);
Descriptor decode_descriptor(const Pair& w);
/// What makes a descriptor erroneous: its type, reserved bits, granularity 0, an address mask beyond `config`'s
/// maximum.
QueueError check(const Pair& w, const VtdConfig& config);

/// What the unit must do for a legal descriptor. `page_mask_bits`: see Quirks.
Command command_for(const Descriptor& d, unsigned page_mask_bits);
/// The scope of a context or IOTLB invalidation, shared with the register-based ones.
InvalidationScope scope_for(const Descriptor& d, unsigned page_mask_bits);
/// The descriptor a driver writes for a request.
Descriptor descriptor_for(const Invalidation& i);

}  // namespace iommusim::iommu::vtd
