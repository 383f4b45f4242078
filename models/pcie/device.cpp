#include "models/pcie/device.h"

#include <string>

#include "models/pcie/completion_phase.h"

namespace iommusim::pcie {

using tlm::Payload;

struct Device::Function {
  Function(Device& device, unsigned index)
      : from(("from_function_" + std::to_string(index)).c_str(), device.context(), device, index),
        to(("to_function_" + std::to_string(index)).c_str(), device.context(), device, index) {}
  tlm::TargetPort from;
  tlm::InitiatorPort to;
};

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
Device::Device(::sc_core::sc_module_name name, tlm::Context& context, const ReceiveBuffer& buffer, unsigned functions)
    : Module(name, context),
      link_port("link", context, *this,
                {PortRole::endpoint, {buffer.posted, buffer.non_posted, {}}, functions, false}) {
  for (unsigned i = 0; i < functions; ++i) functions_.push_back(std::make_unique<Function>(*this, i));
  stats().add("unclaimed", unclaimed_, "1", "requests from the link to addresses of no function");
}

Device::~Device() = default;

tlm::TargetPort& Device::from_function(unsigned i) { return functions_.at(i)->from; }
tlm::InitiatorPort& Device::to_function(unsigned i) { return functions_.at(i)->to; }

void Device::add_window(base::Hpa base, std::uint64_t bytes, unsigned function) {
  windows_.push_back({base, bytes, function});
}

const Device::Window* Device::window_of(std::uint64_t address) const {
  for (const Window& w : windows_) {
    if (address - w.base.value() < w.bytes) return &w;
  }
  return nullptr;
}

bool Device::request(tlm::TargetPort& port, Payload& payload) {
  tlm::dma(payload).push_hop(static_cast<std::uint16_t>(port.index()));
  link_port.send(payload, port.index());
  return true;
}

void Device::receive_completion(LinkPort&, Payload& payload, CompletionPart part, base::Time) {
  tlm::DmaExtension& x = tlm::dma(payload);
  const std::uint16_t function = x.pop_hop();
  if (x.first_completion == base::Time()) x.first_completion = now();
  if (part.last) {
    functions_[function]->from.respond(payload);
    return;
  }
  x.push_hop(function);
  functions_[function]->from.signal(payload, COMPLETION_TLP);
}

void Device::posted_done(LinkPort&, Payload& payload) {
  functions_[tlm::dma(payload).pop_hop()]->from.respond(payload);
}

// Registers and whatever else answers behind the link take a request as it comes: its buffer is free at once.
void Device::receive(LinkPort&, Payload& payload, base::Time) {
  link_port.release(payload, now());
  const Window* window = window_of(payload.get_address());
  if (window == nullptr) {
    refuse(payload);
  } else {
    functions_[window->function]->to.send(payload);
  }
}

// Unsupported request: a completion says so, a posted request vanishes (PCIe 5.0 section 2.3.1).
void Device::refuse(Payload& payload) {
  ++unclaimed_;
  tlm::dma(payload).status = tlm::CompletionStatus::unsupported_request;
  payload.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  answer(payload);
}

void Device::answer(Payload& payload) {
  if (is_posted(payload)) {
    link_port.finish_posted(payload);
  } else {
    link_port.complete(payload);
  }
}

void Device::response(tlm::InitiatorPort&, Payload& payload) { answer(payload); }

unsigned Device::debug(tlm::TargetPort&, Payload& payload) { return link_port.tx.debug(payload); }

unsigned Device::debug(LinkPort&, Payload& payload) {
  const Window* window = window_of(payload.get_address());
  return window == nullptr ? 0 : functions_[window->function]->to.debug(payload);
}

}  // namespace iommusim::pcie
