#include "models/tlm/initiator_port.h"

#include <algorithm>

#include "models/tlm/error.h"

namespace iommusim::tlm {

using ::sc_core::sc_time;
using ::tlm::tlm_phase;
using ::tlm::tlm_sync_enum;

InitiatorPort::InitiatorPort(const char* name, Context& context, Owner& owner, unsigned index)
    : tlm_initiator_socket(name),
      context_(context),
      owner_(owner),
      index_(index),
      late_responses_(context.scheduler, std::string(this->name()) + ".late_responses",
                      delegate<&InitiatorPort::respond_late>(this)),
      pump_(context.scheduler, std::string(this->name()) + ".pump", delegate<&InitiatorPort::pump>(this)) {
  bind(static_cast<::tlm::tlm_bw_transport_if<>&>(*this));
}

void InitiatorPort::send(Payload& payload) {
  if (idle() && context_.transport.backward == 0 && now() >= request_free_) {
    transmit(payload);
    return;
  }
  requests_.push(&payload);
  if (waiting_ == nullptr) pump_.arm(std::max(now(), request_free_));
}

void InitiatorPort::transmit(Payload& payload) {
  waiting_ = &payload;
  sending_ = true;
  tlm_phase phase = ::tlm::BEGIN_REQ;
  sc_time delay = ::sc_core::SC_ZERO_TIME;
  const tlm_sync_enum sync = (*this)->nb_transport_fw(payload, phase, delay);
  sending_ = false;
  if (sync == ::tlm::TLM_ACCEPTED) return;
  const Time annotated = from_sc_time(delay);
  waiting_ = nullptr;
  if (sync == ::tlm::TLM_COMPLETED) {
    late_responses_.push({&payload, false}, now() + annotated);
  } else if (phase == ::tlm::BEGIN_RESP) {
    late_responses_.push({&payload, true}, now() + annotated);
  } else if (phase == ::tlm::END_REQ) {
    if (annotated != Time()) request_free_ = now() + annotated;
  } else {
    internal_error(name(), "the target returns TLM_UPDATED with a phase that BEGIN_REQ cannot lead to");
  }
  if (!requests_.empty()) pump_.arm(std::max(now(), request_free_));
}

void InitiatorPort::request_ended(Time delay) {
  waiting_ = nullptr;
  if (delay != Time()) request_free_ = now() + delay;
  pump_.arm(std::max(now(), request_free_));
}

void InitiatorPort::pump() {
  if (waiting_ != nullptr) return;
  if (requests_.empty()) {
    owner_.request_accepted(*this);
  } else if (now() < request_free_) {
    pump_.arm(request_free_);
  } else {
    transmit(*requests_.pop());  // arms the pump again for the next
    if (idle()) owner_.request_accepted(*this);
  }
}

tlm_sync_enum InitiatorPort::nb_transport_bw(Payload& payload, tlm_phase& phase, sc_time& delay) {
  if (phase == ::tlm::BEGIN_RESP) {
    if (waiting_ == &payload) request_ended(Time());
    if (sending_ || delay != ::sc_core::SC_ZERO_TIME) {
      late_responses_.push({&payload, false}, now() + from_sc_time(delay));
    } else {
      hand_over(payload);
    }
    return ::tlm::TLM_COMPLETED;
  }
  if (phase == ::tlm::END_REQ) {
    if (waiting_ != &payload) internal_error(name(), "END_REQ for a request that is not waiting for it");
    request_ended(from_sc_time(delay));
    return ::tlm::TLM_ACCEPTED;
  }
  ++context_.transport.backward;
  owner_.extended_phase(*this, payload, phase);
  --context_.transport.backward;
  return ::tlm::TLM_ACCEPTED;
}

void InitiatorPort::hand_over(Payload& payload) {
  dma(payload).holder = name();
  ++context_.transport.backward;
  owner_.response(*this, payload);
  --context_.transport.backward;
}

void InitiatorPort::respond_late(Response response) {
  if (response.send_end) {
    tlm_phase phase = ::tlm::END_RESP;
    sc_time delay = ::sc_core::SC_ZERO_TIME;
    (*this)->nb_transport_fw(*response.payload, phase, delay);
  }
  hand_over(*response.payload);
}

void InitiatorPort::invalidate_direct_mem_ptr(::sc_dt::uint64, ::sc_dt::uint64) {}

}  // namespace iommusim::tlm
