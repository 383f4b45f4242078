// Where a module sends requests: the initiator half of the base protocol, done once for all modules.
//
// What the owner sees is one call per request sent and one call per response. What the port takes care of: request
// exclusion, each legal return of a foreign target (accepted, updated, completed, response before the end of the
// request), delay annotations, and that no forward call ever happens inside a backward one. TLM-2.0 (IEEE 1666-2011)
// section 15.2, base protocol rules.
#pragma once

#include <tlm>

#include "models/tlm/context.h"
#include "models/tlm/ring.h"
#include "models/tlm/timed_queue.h"
#include "models/tlm/timer.h"

namespace iommusim::tlm {

class InitiatorPort : public ::tlm::tlm_initiator_socket<64>, private ::tlm::tlm_bw_transport_if<> {
 public:
  class Owner {
   public:
    /// The response to a payload sent by this port is there (BEGIN_RESP; TLM_COMPLETED is returned). The payload is the
    /// owner's again: to release, or to hand further back with TargetPort::respond().
    virtual void response(InitiatorPort& port, Payload& payload) = 0;
    /// An ignorable extended phase of the backward path (a non-final completion TLP).
    virtual void extended_phase(InitiatorPort& port, Payload& payload, const ::tlm::tlm_phase& phase) {
      (void)port, (void)payload, (void)phase;
    }
    /// The last request has been accepted and no other waits: idle() is true again after having been false.
    virtual void request_accepted(InitiatorPort& port) { (void)port; }

   protected:
    ~Owner() = default;
  };

  /// A child of the module under construction. `index` is the owner's, to tell its ports apart.
  InitiatorPort(const char* name, Context& context, Owner& owner, unsigned index = 0);

  /// Sends the request (BEGIN_REQ). From any context; it leaves at once, or in order when an earlier one has not been
  /// accepted yet or a backward call is being served. The owner holds a reference until the response.
  void send(Payload& payload);
  /// True if a request sent now would leave at once, backward calls in progress apart.
  bool idle() const { return waiting_ == nullptr && requests_.empty(); }
  unsigned index() const { return index_; }
  /// Debug access: functional, timeless. Returns the bytes read or written.
  unsigned debug(Payload& payload) { return (*this)->transport_dbg(payload); }

 private:
  struct Response {
    Payload* payload;
    bool send_end;  // came on the return path, so END_RESP is still to be sent
  };

  ::tlm::tlm_sync_enum nb_transport_bw(Payload& payload, ::tlm::tlm_phase& phase, ::sc_core::sc_time& delay) override;
  void invalidate_direct_mem_ptr(::sc_dt::uint64 start, ::sc_dt::uint64 end) override;

  void transmit(Payload& payload);
  void request_ended(Time delay);
  void hand_over(Payload& payload);
  void respond_late(Response response);
  void pump();
  Time now() const { return context_.scheduler.now(); }

  Context& context_;
  Owner& owner_;
  unsigned index_;
  Payload* waiting_ = nullptr;  // request without END_REQ so far
  bool sending_ = false;        // inside our own forward call
  Time request_free_;           // the next request not before
  Ring<Payload*> requests_;
  TimedQueue<Response> late_responses_;  // annotated with a delay, or come on the return path
  Timer pump_;
};

}  // namespace iommusim::tlm
