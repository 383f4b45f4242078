// A component's end of a link: a socket each way, the receive buffer, and the calls by which requests and completions
// come and go. Root ports, both sides of a switch and endpoints are built on it.
//
// Requests travel on the forward path of `tx` to the other port's `rx`, at the moment their last byte arrives (at a
// cut-through port: their header). Non-final completion TLPs are an ignorable extended phase on the backward path, the
// last is the response. The response of a posted request is bookkeeping (it is visible now) and takes no time.
#pragma once

#include <cstdint>
#include <string>

#include "models/pcie/flow_control.h"
#include "models/pcie/transmitter.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/target_port.h"

namespace iommusim::pcie {

enum class PortRole : std::uint8_t { root_port, switch_upstream, switch_downstream, endpoint };

/// One completion TLP of a request, as it arrives: bytes [begin, end) of the request's data; no bytes for a completion
/// without data.
struct CompletionPart {
  std::uint32_t begin = 0, end = 0;
  bool last = false;
  unsigned hops = 0;    ///< ahead of it on the way back, the receiver's own included if it has pushed one
  unsigned detour = 0;  ///< not zero: it is on its way to the root complex and down again, see Switch
};

struct LinkPortConfig {
  PortRole role = PortRole::endpoint;
  ReceiveBuffer buffer;      ///< what this port advertises to the other end
  unsigned inputs = 1;       ///< what it arbitrates between when it sends
  bool cut_through = false;  ///< TLPs are handed over when their header is there
};

class LinkPort : private tlm::TargetPort::Owner, private tlm::InitiatorPort::Owner {
 public:
  class Owner {
   public:
    /// A request TLP has arrived. It occupies the receive buffer until release() (or until what it is forwarded as has
    /// left). `tail`: when its last byte is there, now unless the port cuts through.
    virtual void receive(LinkPort& port, tlm::Payload& payload, base::Time tail) = 0;
    /// A completion TLP of a request this port has sent; with the last one the payload is the owner's again. It
    /// occupies the receive buffer until release_completion(). During the call the extension's hops are those ahead of
    /// this TLP; what the owner pops of a TLP that is not the last is there again for the next.
    virtual void receive_completion(LinkPort& port, tlm::Payload& payload, CompletionPart part, base::Time tail) = 0;
    /// A posted request this port has sent is visible: bookkeeping. The payload is the owner's again.
    virtual void posted_done(LinkPort& port, tlm::Payload& payload) = 0;
    /// Debug access coming by this port.
    virtual unsigned debug(LinkPort& port, tlm::Payload& payload) = 0;

   protected:
    ~Owner() = default;
  };

  /// A part of the module under construction; `name` begins its sockets' names. `index` is the owner's.
  LinkPort(const std::string& name, tlm::Context& context, Owner& owner, const LinkPortConfig& config,
           unsigned index = 0);

  tlm::InitiatorPort tx;
  tlm::TargetPort rx;

  // --- what the owner does. A port whose sockets are bound to something else than a Link's other port (a foreign model
  // of a device, a test) sends everything at once, uncut.
  /// Sends a request TLP. `held_in`, if any, is the port in whose receive buffer it lies until it has left.
  void send(tlm::Payload& payload, unsigned input = 0, LinkPort* held_in = nullptr, base::Time tail = {}) {
    push(input, {&payload, false, 0, payload.get_data_length(), tail, held_in, 0, 0, true, 0});
  }
  /// Answers a non-posted request received here: with all its data, or without if its status says so.
  void complete(tlm::Payload& payload, unsigned input = 0);
  /// Passes on one completion TLP of a request received here; part.hops without the caller's own hop.
  void forward_completion(tlm::Payload& payload, CompletionPart part, unsigned input, LinkPort* held_in,
                          base::Time tail) {
    push(input, {&payload, true, part.begin, part.end, tail, held_in, part.hops, part.detour, true, 0});
  }
  /// A posted request received here is visible. Its credits are release()'s business.
  void finish_posted(tlm::Payload& payload) { rx.respond(payload); }
  /// Frees the receive buffer of a request received here, from `at` on.
  void release(const tlm::Payload& payload, base::Time at);
  /// The same for a completion TLP.
  void release_completion(const tlm::Payload& payload, std::uint32_t begin, std::uint32_t end, base::Time at);

  /// TLPs that have come in, for comparison with what the other end has sent.
  std::uint64_t received_requests() const { return received_requests_; }
  std::uint64_t received_completions() const { return received_completions_; }

  unsigned index() const { return index_; }
  const LinkPortConfig& config() const { return config_; }
  bool linked() const { return out_ != nullptr; }
  /// Toward the other end, and from it.
  Transmitter& out() { return *out_; }
  const Transmitter& out() const { return *out_; }

 private:
  friend class Link;
  friend class Transmitter;

  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void extended_phase(tlm::InitiatorPort& port, tlm::Payload& payload, const ::tlm::tlm_phase& phase) override;
  void push(unsigned input, const Transmitter::Item& item);
  /// Hands over what has crossed the wire.
  void deliver(const Transmitter::Item& item);

  Owner& owner_;
  const LinkPortConfig config_;
  const unsigned index_;
  Transmitter* out_ = nullptr;
  Transmitter* in_ = nullptr;
  unsigned detour_ = 0;  // of the completion that is being handed over
  std::uint64_t received_requests_ = 0, received_completions_ = 0;
};

/// True if the completion of this request carries data: it was to, and all went well.
bool completes_with_data(const tlm::Payload& payload);

}  // namespace iommusim::pcie
