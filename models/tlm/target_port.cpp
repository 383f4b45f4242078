#include "models/tlm/target_port.h"

#include <algorithm>

#include "models/tlm/error.h"

namespace iommusim::tlm {

using ::sc_core::sc_time;
using ::tlm::tlm_phase;
using ::tlm::tlm_sync_enum;

TargetPort::TargetPort(const char* name, Context& context, Owner& owner, unsigned index)
    : tlm_target_socket(name),
      context_(context),
      owner_(owner),
      index_(index),
      late_requests_(context.scheduler, std::string(this->name()) + ".late_requests",
                     delegate<&TargetPort::offer_late>(this)),
      pump_(context.scheduler, std::string(this->name()) + ".pump", delegate<&TargetPort::pump>(this)),
      blocking_(context, *this) {
  bind(static_cast<::tlm::tlm_fw_transport_if<>&>(*this));
}

tlm_sync_enum TargetPort::nb_transport_fw(Payload& payload, tlm_phase& phase, sc_time& delay) {
  if (phase == ::tlm::BEGIN_REQ) {
    if (held_ != nullptr) internal_error(name(), "the initiator begins a request before the last one has ended");
    adopt(payload);
    if (delay != ::sc_core::SC_ZERO_TIME) {
      held_ = &payload;
      late_requests_.push(&payload, now() + from_sc_time(delay));
      return ::tlm::TLM_ACCEPTED;
    }
    if (offer(payload)) {
      phase = ::tlm::END_REQ;
      return ::tlm::TLM_UPDATED;
    }
    held_ = &payload;
    return ::tlm::TLM_ACCEPTED;
  }
  if (phase == ::tlm::END_RESP) {
    end_response(payload, from_sc_time(delay));
    return ::tlm::TLM_COMPLETED;
  }
  return ::tlm::TLM_ACCEPTED;  // extended phases are ignorable
}

void TargetPort::adopt(Payload& payload) {
  auto* extension = payload.get_extension<DmaExtension>();
  if (extension == nullptr) {
    extension = &context_.pool.lend_extension();
    extension->requester = default_requester_;
    extension->space = default_space_;
    extension->attached_by = this;
    payload.set_extension(extension);
  }
  extension->holder = name();
}

void TargetPort::return_extension(Payload& payload) {
  DmaExtension& extension = dma(payload);
  payload.clear_extension(&extension);
  context_.pool.take_back(extension);
}

bool TargetPort::offer(Payload& payload) {
  ++context_.transport.forward;
  const bool accepted = owner_.request(*this, payload);
  --context_.transport.forward;
  return accepted;
}

void TargetPort::offer_late(Payload* payload) {
  if (offer(*payload)) end_request(*payload);
}

void TargetPort::end_request(Payload& payload) {
  if (held_ != &payload) internal_error(name(), "end_request() for a request that is not held");
  if (may_call_backward()) {
    send_end_request();
  } else {
    end_request_due_ = true;
    pump_.arm(now());
  }
}

void TargetPort::send_end_request() {
  Payload& payload = *held_;
  held_ = nullptr;
  end_request_due_ = false;
  if (blocking_.owns(dma(payload))) {
    blocking_.port_free();
    return;
  }
  tlm_phase phase = ::tlm::END_REQ;
  sc_time delay = ::sc_core::SC_ZERO_TIME;
  (*this)->nb_transport_bw(payload, phase, delay);
  blocking_.port_free();
}

void TargetPort::respond(Payload& payload) {
  if (responding_ == nullptr && responses_.empty() && may_call_backward() && now() >= response_free_) {
    deliver(payload);
    return;
  }
  responses_.push(&payload);
  if (responding_ == nullptr) pump_.arm(std::max(now(), response_free_));
}

void TargetPort::deliver(Payload& payload) {
  DmaExtension& extension = dma(payload);
  if (held_ == &payload) {  // BEGIN_RESP stands for END_REQ too
    held_ = nullptr;
    end_request_due_ = false;
    blocking_.port_free();
  }
  if (extension.attached_by != nullptr) {
    if (blocking_.owns(extension)) {
      blocking_.complete(payload);
      if (!responses_.empty()) pump_.arm(now());
      return;
    }
    if (extension.attached_by == this) return_extension(payload);
  }
  responding_ = &payload;
  tlm_phase phase = ::tlm::BEGIN_RESP;
  sc_time delay = ::sc_core::SC_ZERO_TIME;
  const tlm_sync_enum sync = (*this)->nb_transport_bw(payload, phase, delay);
  if (sync == ::tlm::TLM_COMPLETED || (sync == ::tlm::TLM_UPDATED && phase == ::tlm::END_RESP)) {
    responding_ = nullptr;
    if (delay != ::sc_core::SC_ZERO_TIME) response_free_ = now() + from_sc_time(delay);
  }
  if (responding_ == nullptr && !responses_.empty()) pump_.arm(std::max(now(), response_free_));
}

void TargetPort::end_response(Payload& payload, Time delay) {
  if (responding_ != &payload) internal_error(name(), "END_RESP for a response that is not in progress");
  responding_ = nullptr;
  response_free_ = now() + delay;
  if (!responses_.empty()) pump_.arm(response_free_);
}

void TargetPort::pump() {
  if (end_request_due_) send_end_request();
  if (!responses_.empty() && responding_ == nullptr) {
    if (now() >= response_free_) {
      deliver(*responses_.pop());  // arms the pump again for the next
    } else {
      pump_.arm(response_free_);
    }
  }
}

void TargetPort::signal(Payload& payload, tlm_phase phase) {
  if (!may_call_backward()) internal_error(name(), "signal() inside a forward call");
  if (blocking_.owns(dma(payload))) return;
  sc_time delay = ::sc_core::SC_ZERO_TIME;
  (*this)->nb_transport_bw(payload, phase, delay);
}

void TargetPort::b_transport(Payload& payload, sc_time& delay) { blocking_.transport(payload, delay); }

bool TargetPort::get_direct_mem_ptr(Payload& payload, ::tlm::tlm_dmi& dmi) {
  dmi.init();
  dmi.set_end_address(~::sc_dt::uint64{0});
  payload.set_dmi_allowed(false);
  return false;
}

unsigned TargetPort::transport_dbg(Payload& payload) {
  if (payload.get_extension<DmaExtension>() != nullptr) return owner_.debug(*this, payload);
  adopt(payload);
  const unsigned bytes = owner_.debug(*this, payload);
  return_extension(payload);
  return bytes;
}

}  // namespace iommusim::tlm
