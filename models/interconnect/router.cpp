#include "models/interconnect/router.h"

#include <fmt/format.h>

namespace iommusim::interconnect {

using tlm::InitiatorPort;
using tlm::Payload;
using tlm::TargetPort;

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
Router::Router(::sc_core::sc_module_name name, tlm::Context& context, AddressMap map, unsigned inputs, unsigned outputs)
    : Module(name, context), map_(std::move(map)), held_(outputs) {
  for (const AddressRange& range : map_.ranges()) {
    if (range.target >= outputs)
      fatal(fmt::format("range '{}' leads to output {} of {}", range.name, range.target, outputs));
  }
  for (unsigned i = 0; i < inputs; ++i) {
    inputs_.push_back(std::make_unique<TargetPort>(fmt::format("input{}", i).c_str(), context,
                                                   static_cast<TargetPort::Owner&>(*this), i));
    inputs_.back()->set_default_space(tlm::AddressSpace::hpa);
  }
  for (unsigned i = 0; i < outputs; ++i) {
    outputs_.push_back(std::make_unique<InitiatorPort>(fmt::format("output{}", i).c_str(), context,
                                                       static_cast<InitiatorPort::Owner&>(*this), i));
  }
  stats().add("forwarded", forwarded_, "1", "Requests passed on");
  stats().add("unmapped", unmapped_, "1", "Requests to addresses that nothing answers to");
}

unsigned Router::output_of(const TargetPort& port, const AddressRange& range) const {
  for (const Diversion& d : diversions_) {
    if (d.input == port.index() && d.from == range.target) return d.to;
  }
  return range.target;
}

bool Router::request(TargetPort& port, Payload& payload) {
  const AddressRange* range = map_.find(Hpa(payload.get_address()), payload.get_data_length());
  if (range == nullptr) {
    ++unmapped_;
    payload.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    port.respond(payload);  // leaves later in this instant: the port is being called forward now
    return true;
  }
  ++forwarded_;
  tlm::dma(payload).push_hop(static_cast<std::uint16_t>(port.index()));
  const unsigned number = output_of(port, *range);
  InitiatorPort& out = *outputs_[number];
  if (!out.idle()) {
    held_[number].push({&payload, &port});
    return false;
  }
  out.send(payload);
  return true;
}

void Router::request_accepted(InitiatorPort& port) {
  tlm::Ring<Held>& waiting = held_[port.index()];
  while (!waiting.empty() && port.idle()) {
    const Held held = waiting.pop();
    held.input->end_request(*held.payload);
    port.send(*held.payload);
  }
}

void Router::response(InitiatorPort&, Payload& payload) { inputs_[tlm::dma(payload).pop_hop()]->respond(payload); }

void Router::extended_phase(InitiatorPort&, Payload& payload, const ::tlm::tlm_phase& phase) {
  tlm::DmaExtension& extension = tlm::dma(payload);
  const std::uint16_t input = extension.pop_hop();
  inputs_[input]->signal(payload, phase);
  extension.push_hop(input);
}

unsigned Router::debug(TargetPort&, Payload& payload) {
  const AddressRange* range = map_.find(Hpa(payload.get_address()), payload.get_data_length());
  if (range != nullptr) return outputs_[range->target]->debug(payload);
  payload.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  return 0;
}

}  // namespace iommusim::interconnect
