#include "models/tlm/blocking_adapter.h"

#include "models/tlm/context.h"
#include "models/tlm/target_port.h"

namespace iommusim::tlm {

void BlockingAdapter::transport(Payload& payload, ::sc_core::sc_time& delay) {
  if (delay != ::sc_core::SC_ZERO_TIME) ::sc_core::wait(delay);
  delay = ::sc_core::SC_ZERO_TIME;

  Payload& proxy = context_.pool.acquire();
  if (const auto* extension = payload.get_extension<DmaExtension>()) {
    dma(proxy).copy_from(*extension);
  } else {
    dma(proxy).requester = port_.default_requester_;
    dma(proxy).space = port_.default_space_;
  }
  dma(proxy).attached_by = this;
  dma(proxy).holder = port_.name();
  proxy.set_command(payload.get_command());
  proxy.set_address(payload.get_address());
  proxy.set_data_ptr(payload.get_data_ptr());
  proxy.set_data_length(payload.get_data_length());
  proxy.set_streaming_width(payload.get_streaming_width());
  proxy.set_byte_enable_ptr(payload.get_byte_enable_ptr());
  proxy.set_byte_enable_length(payload.get_byte_enable_length());

  wait_for_port();
  Call& call = take_call(proxy);
  if (!port_.offer(proxy)) port_.held_ = &proxy;
  while (!call.done) ::sc_core::wait(call.changed);
  call.proxy = nullptr;

  payload.set_response_status(proxy.get_response_status());
  payload.set_dmi_allowed(false);
  if (auto* extension = payload.get_extension<DmaExtension>()) extension->status = dma(proxy).status;
  proxy.release();
}

BlockingAdapter::Call& BlockingAdapter::take_call(Payload& proxy) {
  for (Call& call : calls_) {
    if (call.proxy == nullptr) {
      call.proxy = &proxy;
      call.done = false;
      return call;
    }
  }
  calls_.emplace_back();
  calls_.back().proxy = &proxy;
  return calls_.back();
}

void BlockingAdapter::wait_for_port() {
  while (port_.held_ != nullptr) {
    ++waiting_;
    ::sc_core::wait(port_free_);
    --waiting_;
  }
}

void BlockingAdapter::complete(Payload& proxy) {
  for (Call& call : calls_) {
    if (call.proxy != &proxy) continue;
    call.done = true;
    call.changed.notify();
    context_.scheduler.yield();
    return;
  }
}

void BlockingAdapter::port_free() {
  if (waiting_ == 0) return;
  port_free_.notify();
  context_.scheduler.yield();
}

}  // namespace iommusim::tlm
