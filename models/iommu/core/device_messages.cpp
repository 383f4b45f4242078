#include "models/iommu/core/device_messages.h"

#include <algorithm>
#include <cstring>

namespace iommusim::iommu {

Request request_of(const tlm::Payload& payload) {
  const tlm::DmaExtension& x = tlm::dma(payload);
  Request r;
  r.source = x.requester;
  r.pasid = x.pasid;
  r.has_pasid = x.has_pasid;
  r.privileged = x.privileged;
  r.at = x.at;
  r.bytes = payload.get_data_length();
  if (x.at == AddressType::translation_request) {
    r.needed = Rights{true, !pcie::translation_no_write(payload), x.execute};
    r.address = pcie::translation_address(payload);
    r.cxl = x.cxl;
  } else {
    const bool write = payload.is_write();
    r.needed = Rights{!write && !x.execute, write, x.execute};
    r.address = payload.get_address();
  }
  return r;
}

PageRequest page_request_of(const tlm::Payload& payload) {
  const tlm::DmaExtension& x = tlm::dma(payload);
  const pcie::PageRequestMessage m = pcie::decode_page_request(payload.get_address());
  PageRequest p;
  p.source = x.requester;
  p.has_segment = x.has_segment;
  p.has_pasid = x.has_pasid;
  p.pasid = x.pasid;
  p.privileged = x.privileged;
  p.execute = x.execute;
  p.read = m.read;
  p.write = m.write;
  p.last = m.last;
  p.group = m.group;
  p.address = m.page;
  return p;
}

std::uint32_t first_word(const tlm::Payload& payload) {
  std::uint32_t word = 0;
  if (payload.is_write() && tlm::dma(payload).store_data)
    std::memcpy(&word, payload.get_data_ptr(), std::min<std::size_t>(sizeof word, payload.get_data_length()));
  return word;
}

void answer(tlm::Payload& payload, const AtsCompletion& c) {
  tlm::DmaExtension& x = tlm::dma(payload);
  using Status = AtsCompletion::Status;
  if (c.status != Status::success) {
    x.status = c.status == Status::completer_abort ? tlm::CompletionStatus::completer_abort
                                                   : tlm::CompletionStatus::unsupported_request;
    payload.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  pcie::Translation t;
  t.address = c.address;
  t.size_log2 = c.size_log2;
  t.global = c.global;
  t.privileged = c.privileged;
  t.execute = c.rights.execute;
  t.untranslated_only = c.untranslated_only;
  t.write = c.rights.write;
  t.read = c.rights.read;
  pcie::write_entry(payload, 0, pcie::encode(t));
  payload.set_data_length(8);
  payload.set_response_status(::tlm::TLM_OK_RESPONSE);
}

pcie::MessageTlp tlp_of(const DeviceMessage& m, std::uint8_t tag) {
  pcie::MessageTlp tlp;
  tlp.target = base::Bdf(static_cast<std::uint16_t>(m.device.value()));
  if (m.kind == DeviceMessage::Kind::invalidation_request) {
    tlp.kind = tlm::Message::invalidate_request;
    tlp.body = std::uint64_t{tlp.target.value()} << 48;
    tlp.data_bytes = 8;
    tlp.data = m.body;
    tlp.tag = tag;
  } else {
    tlp.kind = tlm::Message::page_group_response;
    tlp.body = m.body;
  }
  tlp.has_pasid = m.has_pasid;
  tlp.prefix.pasid = m.pasid;
  return tlp;
}

}  // namespace iommusim::iommu
