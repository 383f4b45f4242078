// Between payloads on the unit's sockets and what the architecture speaks of: requests, page requests, answers to
// translation requests, messages to devices. The bytes are those of models/pcie/messages.h.
#pragma once

#include <cstdint>

#include "models/iommu/api/messages.h"
#include "models/iommu/api/request.h"
#include "models/pcie/messages.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::iommu {

/// What a memory request, an interrupt or a translation request asks; its data (Request::data) are left out.
Request request_of(const tlm::Payload& payload);
/// A page request message.
PageRequest page_request_of(const tlm::Payload& payload);
/// The first four bytes of a write that carries its contents, else 0.
std::uint32_t first_word(const tlm::Payload& payload);

/// Makes the payload of a translation request its answer: status, and one translation. Where several were asked for,
/// the first is given, as a translation agent may (PCIe 6.0 section 10.2.3).
void answer(tlm::Payload& payload, const AtsCompletion& completion);
/// A message to a device; `tag` is that of an invalidation request.
pcie::MessageTlp tlp_of(const DeviceMessage& message, std::uint8_t tag);

}  // namespace iommusim::iommu
