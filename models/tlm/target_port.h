// Where a module receives requests: the target half of the base protocol, done once for all modules.
//
// What the owner sees is one call per request and one call per response. What the port takes care of: END_REQ now or
// later, response exclusion, delay annotations of foreign initiators, payloads without our extension, b_transport,
// debug transport, and that no backward call ever happens inside a forward one. TLM-2.0 (IEEE 1666-2011) section 15.2,
// base protocol rules.
//
// Left out: direct memory pointers (always refused); byte enables and streaming are the owner's to honour or refuse.
#pragma once

#include <memory>
#include <tlm>

#include "models/tlm/blocking_adapter.h"
#include "models/tlm/context.h"
#include "models/tlm/ring.h"
#include "models/tlm/timed_queue.h"
#include "models/tlm/timer.h"

namespace iommusim::tlm {

class TargetPort : public ::tlm::tlm_target_socket<64>, private ::tlm::tlm_fw_transport_if<> {
 public:
  class Owner {
   public:
    /// A request begins (BEGIN_REQ). True: it is accepted and END_REQ returned at once. False: it is held, and the
    /// owner calls end_request() later; until then no other request comes by this port. Either way the owner calls
    /// respond() in the end.
    virtual bool request(TargetPort& port, Payload& payload) = 0;
    /// Debug access: functional, timeless, without side effects. Returns the bytes read or written.
    virtual unsigned debug(TargetPort& port, Payload& payload) = 0;

   protected:
    ~Owner() = default;
  };

  /// A child of the module under construction. `index` is the owner's, to tell its ports apart.
  TargetPort(const char* name, Context& context, Owner& owner, unsigned index = 0);

  /// Accepts a request that request() held. From any context; leaves at the present time.
  void end_request(Payload& payload);
  /// Sends the response (BEGIN_RESP), with the payload's response status set by the owner. From any context; the
  /// response leaves at once, or in order when an earlier one is still on its way or a forward call is being served.
  /// The payload is not the owner's any more.
  void respond(Payload& payload);
  /// Sends an ignorable extended phase backward, for a request not yet responded to. Not from inside a forward call.
  void signal(Payload& payload, ::tlm::tlm_phase phase);

  unsigned index() const { return index_; }
  /// Requester of payloads that come without our extension. Default 0.
  void set_default_requester(base::SourceId id) { default_requester_ = id; }
  /// Address space of payloads that come without our extension. Default iova: what a device sends.
  void set_default_space(AddressSpace space) { default_space_ = space; }

 private:
  friend class BlockingAdapter;

  ::tlm::tlm_sync_enum nb_transport_fw(Payload& payload, ::tlm::tlm_phase& phase, ::sc_core::sc_time& delay) override;
  void b_transport(Payload& payload, ::sc_core::sc_time& delay) override;
  bool get_direct_mem_ptr(Payload& payload, ::tlm::tlm_dmi& dmi) override;
  unsigned transport_dbg(Payload& payload) override;

  void adopt(Payload& payload);
  void return_extension(Payload& payload);
  bool offer(Payload& payload);
  void offer_late(Payload* payload);
  void end_response(Payload& payload, Time delay);
  void deliver(Payload& payload);
  void send_end_request();
  void pump();
  bool may_call_backward() const { return context_.transport.forward == 0; }
  Time now() const { return context_.scheduler.now(); }

  Context& context_;
  Owner& owner_;
  unsigned index_;
  base::SourceId default_requester_;
  AddressSpace default_space_ = AddressSpace::iova;
  Payload* held_ = nullptr;        // request without END_REQ so far
  bool end_request_due_ = false;   // its END_REQ waits for a forward call to be over
  Payload* responding_ = nullptr;  // response without END_RESP so far
  Time response_free_;             // the next response not before
  Ring<Payload*> responses_;
  TimedQueue<Payload*> late_requests_;  // annotated with a delay
  Timer pump_;
  BlockingAdapter blocking_;
};

}  // namespace iommusim::tlm
