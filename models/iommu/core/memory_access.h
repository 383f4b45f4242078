// Payloads of the unit's own memory traffic: table reads, queue fetches, status writes, its own interrupts.
#pragma once

#include <cstdint>

#include "models/base/types.h"
#include "models/iommu/api/architecture.h"
#include "models/tlm/context.h"
#include "models/tlm/dma_extension.h"
#include "models/tlm/payload_pool.h"

namespace iommusim::iommu {

/// False: the unit's accesses to that address are refused, as by memory.
inline bool within_reach(const Architecture& architecture, base::Hpa address) {
  const unsigned bits = architecture.physical_address_bits();
  return bits >= 64 || address.value() >> bits == 0;
}

/// `slot` comes back in the response's extension (remapping_slot). `data` must stay valid until then.
inline tlm::Payload& memory_access(tlm::Context& context, ::tlm::tlm_command command, base::Hpa address,
                                   unsigned char* data, unsigned bytes, tlm::Traffic traffic, std::uint32_t slot) {
  tlm::Payload& p = context.pool.acquire();
  p.set_command(command);
  p.set_address(address.value());
  p.set_data_ptr(data);
  p.set_data_length(bytes);
  p.set_streaming_width(bytes);
  tlm::DmaExtension& x = tlm::dma(p);
  x.space = tlm::AddressSpace::hpa;
  x.traffic = traffic;
  x.store_data = true;
  x.remapping_slot = slot;
  return p;
}
inline tlm::Payload& memory_read(tlm::Context& context, base::Hpa address, unsigned char* data, unsigned bytes,
                                 tlm::Traffic traffic, std::uint32_t slot) {
  return memory_access(context, ::tlm::TLM_READ_COMMAND, address, data, bytes, traffic, slot);
}
inline tlm::Payload& memory_write(tlm::Context& context, base::Hpa address, unsigned char* data, unsigned bytes,
                                  tlm::Traffic traffic, std::uint32_t slot) {
  return memory_access(context, ::tlm::TLM_WRITE_COMMAND, address, data, bytes, traffic, slot);
}

}  // namespace iommusim::iommu
