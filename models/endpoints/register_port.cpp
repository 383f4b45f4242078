#include "models/endpoints/register_port.h"

#include <cstring>
#include <string>

namespace iommusim::ep {

using tlm::Payload;

RegisterPort::RegisterPort(const char* name, tlm::Context& context, Device& device, base::Time read_latency)
    : port(name, context, *this),
      context_(context),
      device_(device),
      read_latency_(read_latency),
      reads_(context.scheduler, std::string(port.name()) + ".reads", tlm::delegate<&RegisterPort::answer>(this)) {
  port.set_default_space(tlm::AddressSpace::mmio);
}

void RegisterPort::place(base::Hpa base, std::uint64_t bytes) {
  base_ = base;
  bytes_ = bytes;
}

void RegisterPort::place_memory(base::Hpa base, const DeviceMemoryConfig& config) {
  memory_ = std::make_unique<DeviceMemory>(std::string(port.name()) + ".memory", context_, config, base,
                                           tlm::delegate<&RegisterPort::memory_done>(this));
}

bool RegisterPort::valid(const Payload& payload) const {
  const std::uint64_t offset = payload.get_address() - base_.value();
  const unsigned n = payload.get_data_length();
  return (n == 1 || n == 2 || n == 4 || n == 8) && offset % n == 0 && offset < bytes_ && n <= bytes_ - offset;
}

bool RegisterPort::access(Payload& payload) {
  if (!valid(payload)) return false;
  const std::uint64_t offset = payload.get_address() - base_.value();
  const unsigned n = payload.get_data_length();
  unsigned char* data = payload.get_data_ptr();
  std::uint64_t value = 0;
  if (payload.is_write()) {
    for (unsigned i = 0; i < n; ++i) value |= std::uint64_t{data[i]} << (8 * i);
    device_.write_register(offset, value, n);
  } else {
    value = device_.read_register(offset, n);
    for (unsigned i = 0; i < n; ++i) data[i] = static_cast<unsigned char>(value >> (8 * i));
  }
  return true;
}

// A write takes effect on arrival; a read returns what the register holds when it is answered.
bool RegisterPort::request(tlm::TargetPort&, Payload& payload) {
  if (memory_ != nullptr && memory_->contains(payload)) {
    memory_->request(payload);
    return true;
  }
  if (payload.is_read()) {
    reads_.push(&payload, context_.scheduler.now() + read_latency_);
  } else {
    answer(&payload);
  }
  return true;
}

void RegisterPort::answer(Payload* payload) {
  if (access(*payload)) {
    payload->set_response_status(::tlm::TLM_OK_RESPONSE);
  } else {
    tlm::dma(*payload).status = tlm::CompletionStatus::unsupported_request;
    payload->set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    if (payload->is_read()) std::memset(payload->get_data_ptr(), 0xff, payload->get_data_length());
  }
  port.respond(*payload);
}

unsigned RegisterPort::debug(tlm::TargetPort&, Payload& payload) {
  if (memory_ != nullptr && memory_->contains(payload)) return memory_->debug(payload);
  return payload.is_read() && access(payload) ? payload.get_data_length() : 0;
}

}  // namespace iommusim::ep
