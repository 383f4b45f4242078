// PCIe switch: one upstream and several downstream ports, each an end of a link with a receive buffer of its own.
//
// A TLP occupies the buffer of its ingress port until its last byte has left the egress, whose transmitter arbitrates
// between the ingress ports, each with queues of its own per virtual channel and class: no head-of-line blocking. In
// between lies the forwarding latency. Store and forward counts it from a TLP's last byte; cut-through from its header,
// and a TLP that comes slower than it goes starts late enough not to run dry.
//
// Routing (PCIe 6.0 section 2.2.4): memory requests by address, messages and configuration requests by ID, to the
// downstream port that claims them, peers included; what nobody claims goes upstream if it came from below. From above
// it is an unsupported request, as is a configuration request from below (sections 2.3.1, 7.3.3). Completions go back
// the way their request came. Access control: acs.h.
// Left out: the configuration space of its own ports, multicast, broadcast messages, dynamic buffer sharing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/pcie/acs.h"
#include "models/pcie/link_port.h"
#include "models/tlm/module.h"
#include "models/tlm/timed_queue.h"

namespace iommusim::pcie {

enum class ForwardMode : std::uint8_t { cut_through, store_and_forward };

/// Meaning, unit, range and source of each member: fields().
struct SwitchPortConfig {
  unsigned weight = 1;
  AcsConfig acs;
  static const base::Fields<SwitchPortConfig>& fields();
};

struct SwitchConfig {
  ForwardMode mode = ForwardMode::cut_through;
  base::Time latency = base::Time::ns(100);
  ReceiveBuffer buffer{{64, base::Bytes(8192)}, {64, base::Bytes(1024)}, {64, base::Bytes(8192)}};
  unsigned upstream_weight = 1;
  static const base::Fields<SwitchConfig>& fields();
};

class Switch : public tlm::Module, private LinkPort::Owner {
 public:
  /// One downstream port for each item of `downstream`, 1 to 255.
  Switch(::sc_core::sc_module_name name, tlm::Context& context, const SwitchConfig& config,
         const std::vector<SwitchPortConfig>& downstream);
  ~Switch() override;

  unsigned downstream_ports() const { return static_cast<unsigned>(ports_.size()) - 1; }
  LinkPort& upstream_port();
  LinkPort& downstream_port(unsigned i);

  /// Host addresses [base, base + bytes) are below downstream port `i`; several windows per port. An internal error if
  /// it is empty or overlaps another.
  void add_window(base::Hpa base, std::uint64_t bytes, unsigned i);
  /// Buses `first` to `last` are below downstream port `i`: secondary and subordinate bus number, once per port.
  void set_buses(unsigned first, unsigned last, unsigned i);

  Acs& acs(unsigned i);  ///< of downstream port `i`
  void observe_acs(AcsObserver* observer);

 private:
  struct Port;
  struct Window {
    base::Hpa base;
    std::uint64_t bytes;
    unsigned port;
  };
  /// A TLP inside. Ports are counted from 0, the upstream one.
  struct Item {
    tlm::Payload* payload = nullptr;
    unsigned in = 0, out = 0;
    bool completion = false;
    CompletionPart part;
    base::Time tail;
  };

  void end_of_elaboration() override;
  void receive(LinkPort& port, tlm::Payload& payload, base::Time tail) override;
  void receive_completion(LinkPort& port, tlm::Payload& payload, CompletionPart part, base::Time tail) override;
  void posted_done(LinkPort& port, tlm::Payload& payload) override;
  unsigned debug(LinkPort& port, tlm::Payload& payload) override;

  unsigned port_of_bus(unsigned bus) const;
  unsigned claimant(const tlm::Payload& payload) const;
  unsigned route_up(unsigned in, tlm::Payload& payload);
  unsigned route_completion(unsigned in, tlm::Payload& payload, CompletionPart& part);
  void drop(unsigned in, tlm::Payload& payload, base::Time tail);
  void forward(Item item);
  void deliver(Item item);
  void add_metrics(base::Group& group, unsigned port);

  const SwitchConfig config_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<unsigned> weights_;
  std::vector<Window> windows_;  // ascending base
  tlm::TimedQueue<Item> inside_;
};

}  // namespace iommusim::pcie
