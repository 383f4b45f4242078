// The smallest modules of ours: an initiator that notes when responses come, and a target with a fixed latency.
#pragma once

#include <cstring>
#include <vector>

#include "models/tlm/module.h"
#include "models/tlm/ports.h"

namespace iommusim::test {

using base::Time;

/// Sends at stated times; notes address, time and status of each response, then releases the payload.
class OwnInitiator : public tlm::Module, private tlm::InitiatorPort::Owner {
 public:
  OwnInitiator(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context),
        port("port", context, static_cast<tlm::InitiatorPort::Owner&>(*this)),
        issue_(context.scheduler, "issue", tlm::delegate<&OwnInitiator::issue>(this)) {}
  tlm::InitiatorPort port;

  struct Done {
    std::uint64_t address;
    Time at;
    ::tlm::tlm_response_status status;
    std::uint64_t word;  ///< first eight bytes of the data, little-endian host
  };
  std::vector<Done> done;
  tlm::Traffic traffic = tlm::Traffic::dma;
  tlm::AddressSpace space = tlm::AddressSpace::hpa;
  unsigned again = 0;  ///< this many more requests are sent from inside response calls

  tlm::Payload& make(::tlm::tlm_command command, std::uint64_t address, unsigned bytes, std::uint64_t word = 0) {
    tlm::Payload& p = pool().acquire();
    unsigned char* data = pool().use_buffer(p, bytes < 16 ? 16 : bytes);
    std::memcpy(data, &word, 8);
    p.set_data_length(bytes);
    p.set_streaming_width(bytes);
    p.set_command(command);
    p.set_address(address);
    tlm::dma(p).traffic = traffic;
    tlm::dma(p).space = space;
    return p;
  }
  void read(std::uint64_t address, unsigned bytes, Time at) {
    issue_.push(&make(::tlm::TLM_READ_COMMAND, address, bytes), at);
  }
  void write(std::uint64_t address, unsigned bytes, Time at, std::uint64_t word = 0) {
    issue_.push(&make(::tlm::TLM_WRITE_COMMAND, address, bytes, word), at);
  }
  void push(tlm::Payload& payload, Time at) { issue_.push(&payload, at); }

 private:
  void issue(tlm::Payload* payload) { port.send(*payload); }
  void response(tlm::InitiatorPort&, tlm::Payload& payload) override {
    std::uint64_t word;
    std::memcpy(&word, payload.get_data_ptr(), 8);
    done.push_back({payload.get_address(), now(), payload.get_response_status(), word});
    payload.release();
    if (again > 0) {
      --again;
      port.send(make(::tlm::TLM_READ_COMMAND, 0x40, 8));
    }
  }
  tlm::TimedQueue<tlm::Payload*> issue_;
};

/// Answers `latency` after it accepted a request; accepts at once, or `accept` later. Answers nothing while `deaf`.
class OwnTarget : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  OwnTarget(::sc_core::sc_module_name name, tlm::Context& context, Time latency, Time accept = Time())
      : Module(name, context),
        port("port", context, static_cast<tlm::TargetPort::Owner&>(*this)),
        latency_(latency),
        accept_(accept),
        accepting_(context.scheduler, "accepting", tlm::delegate<&OwnTarget::accept>(this)),
        serving_(context.scheduler, "serving", tlm::delegate<&OwnTarget::serve>(this)) {}
  tlm::TargetPort port;
  bool deaf = false;
  bool answer_in_request = false;  ///< respond() from inside request(), which the port must defer
  std::vector<Time> requests;
  std::vector<base::SourceId> requesters;

 private:
  bool request(tlm::TargetPort&, tlm::Payload& payload) override {
    requests.push_back(now());
    requesters.push_back(tlm::dma(payload).requester);
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    if (deaf) return true;
    if (answer_in_request) {
      port.respond(payload);
      return true;
    }
    if (accept_ == Time()) {
      serving_.push(&payload, now() + latency_);
      return true;
    }
    accepting_.push(&payload, now() + accept_);
    return false;
  }
  void accept(tlm::Payload* payload) {
    port.end_request(*payload);
    serving_.push(payload, now() + latency_);
  }
  void serve(tlm::Payload* payload) { port.respond(*payload); }
  unsigned debug(tlm::TargetPort&, tlm::Payload& payload) override {
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    return payload.get_data_length();
  }
  Time latency_, accept_;
  tlm::TimedQueue<tlm::Payload*> accepting_, serving_;
};

}  // namespace iommusim::test
