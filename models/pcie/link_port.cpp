#include "models/pcie/link_port.h"

#include <string>

#include "models/pcie/completion_phase.h"

namespace iommusim::pcie {

using base::Time;
using tlm::Payload;

bool completes_with_data(const Payload& payload) {
  return payload.is_read() && payload.is_response_ok() && tlm::dma(payload).status == tlm::CompletionStatus::ok;
}

LinkPort::LinkPort(const std::string& name, tlm::Context& context, Owner& owner, const LinkPortConfig& config,
                   unsigned index)
    : tx((name + "_tx").c_str(), context, *this, index),
      rx((name + "_rx").c_str(), context, *this, index),
      owner_(owner),
      config_(config),
      index_(index) {}

void LinkPort::complete(Payload& payload, unsigned input) {
  const std::uint32_t bytes = completes_with_data(payload) ? payload.get_data_length() : 0;
  push(input, {&payload, true, 0, bytes, {}, nullptr, tlm::dma(payload).hops(), 0, false, 0});
}

void LinkPort::push(unsigned input, const Transmitter::Item& item) {
  if (out_ != nullptr) {
    out_->push(input, item);
    return;
  }
  if (item.held_in != nullptr && item.completion)
    item.held_in->release_completion(*item.payload, item.begin, item.end, item.tail);
  else if (item.held_in != nullptr)
    item.held_in->release(*item.payload, item.tail);
  deliver(item);
}

void LinkPort::release(const Payload& payload, Time at) {
  if (in_ == nullptr) return;
  in_->give_back(request_class(payload), in_->channel_of(tlm::dma(payload).traffic_class),
                 in_->credits_of(payload, false, 0, payload.get_data_length()), at);
}

void LinkPort::release_completion(const Payload& payload, std::uint32_t begin, std::uint32_t end, Time at) {
  if (in_ == nullptr) return;
  in_->give_back(FlowClass::completion, in_->channel_of(tlm::dma(payload).traffic_class),
                 in_->credits_of(payload, true, begin, end), at);
}

void LinkPort::deliver(const Transmitter::Item& item) {
  tlm::DmaExtension& x = tlm::dma(*item.payload);
  x.tail = item.tail;
  if (!item.completion) {
    tx.send(*item.payload);
    return;
  }
  x.part_begin = item.begin;
  x.part_end = item.end;
  // The last completion of a read ends where its data does; one without data is always the last.
  const unsigned hops = x.hops();
  x.set_hops(item.hops);
  if (item.end == item.begin || item.end == item.payload->get_data_length()) {
    rx.respond(*item.payload);
  } else {
    rx.signal(*item.payload, COMPLETION_TLP);
    x.set_hops(hops);
  }
}

bool LinkPort::request(tlm::TargetPort&, Payload& payload) {
  ++received_requests_;
  owner_.receive(*this, payload, tlm::dma(payload).tail);
  return true;
}

unsigned LinkPort::debug(tlm::TargetPort&, Payload& payload) { return owner_.debug(*this, payload); }

void LinkPort::response(tlm::InitiatorPort&, Payload& payload) {
  if (is_posted(payload)) {
    owner_.posted_done(*this, payload);
    return;
  }
  ++received_completions_;
  const tlm::DmaExtension& x = tlm::dma(payload);
  owner_.receive_completion(*this, payload, {x.part_begin, x.part_end, true, x.hops(), detour_}, x.tail);
}

void LinkPort::extended_phase(tlm::InitiatorPort&, Payload& payload, const ::tlm::tlm_phase&) {
  ++received_completions_;
  const tlm::DmaExtension& x = tlm::dma(payload);
  owner_.receive_completion(*this, payload, {x.part_begin, x.part_end, false, x.hops(), detour_}, x.tail);
}

}  // namespace iommusim::pcie
