// b_transport served by a non-blocking owner: the calling thread sleeps until the response. The only such adapter.
#pragma once

#include <deque>
#include <systemc>

#include "models/tlm/dma_extension.h"

namespace iommusim::tlm {

class TargetPort;
struct Context;

/// Part of a TargetPort. The request travels on a pooled payload of its own (a caller's payload may have no memory
/// manager), with the caller's data pointer; its extension is copied if the caller has one.
class BlockingAdapter {
 public:
  BlockingAdapter(Context& context, TargetPort& port) : context_(context), port_(port) {}

  /// Blocks the calling SC_THREAD from now + delay to the response; returns with delay zero.
  void transport(Payload& payload, ::sc_core::sc_time& delay);
  /// True if the payload travels for this adapter, not for a non-blocking initiator.
  bool owns(const DmaExtension& extension) const { return extension.attached_by == this; }
  /// The response is there: wakes the caller.
  void complete(Payload& proxy);
  /// The port can take another request.
  void port_free();

 private:
  struct Call {
    Payload* proxy = nullptr;
    bool done = false;
    ::sc_core::sc_event changed;
  };
  Call& take_call(Payload& proxy);
  void wait_for_port();

  Context& context_;
  TargetPort& port_;
  std::deque<Call> calls_;  // kept for reuse: an sc_event on the stack of a blocked thread would leak at the end
  ::sc_core::sc_event port_free_;
  unsigned waiting_ = 0;
};

}  // namespace iommusim::tlm
