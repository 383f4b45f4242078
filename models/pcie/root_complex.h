// Root complex: the host's end of the links. Each root port takes the requests of one link, passes them after a fixed
// latency to the host side (a remapping unit's upstream socket, or the router where the platform has no unit), and
// returns the completions; CPU requests go the other way, to the port whose window holds the address or whose buses
// hold the function. A request to a device behind another root port, or behind a switch that redirects it, takes the
// host path like any other: the remapping unit decides, and what it lets pass comes back as a CPU request does.
//
// A root port's receive buffer holds posted writes until they are visible and non-posted requests until they leave for
// the host side. Its size is what the link's sender knows as credits: when it is full the next posted request waits at
// the sender, and with it what must not pass it (PCIe 5.0 section 2.4.1). Modelled after Fast & Safe (Rubin et al.,
// SOSP 2024): about 100 posted cache lines are what a host can hold. Left out: ordering between ports; peer-to-peer
// data are gathered here before they go on, and no peer is reached but by the host path.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/stats/group.h"
#include "models/base/types.h"
#include "models/base/units.h"
#include "models/pcie/acs.h"
#include "models/pcie/link_port.h"
#include "models/tlm/context.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/module.h"
#include "models/tlm/target_port.h"

namespace iommusim::base {
template <class T>
class Fields;
}

namespace iommusim::pcie {

/// The same for every root port. Meaning, unit, range and source of each member: fields().
struct RootComplexConfig {
  base::Time request_latency;
  base::Time completion_latency;
  base::Time mmio_request_latency;
  base::Time mmio_completion_latency;
  /// Completions are not limited: a root complex asks for nothing it has no room for (PCIe 5.0 section 2.6.1).
  ReceiveBuffer buffer{{128, base::Bytes(8192)}, {128, base::Bytes(2048)}, {}};
  AcsChecks acs;

  static const base::Fields<RootComplexConfig>& fields();
};

struct RootPortStats {
  base::Counter reads, writes, messages;  ///< requests from the link
  base::Counter reflected;                ///< redirected completions sent down again
  base::Counter errors;                   ///< completions that are not ok
  base::Occupancy posted;                 ///< posted requests held
  base::Occupancy non_posted;             ///< others, until their completion is handed to the link
};

class RootComplex : public tlm::Module,
                    private LinkPort::Owner,
                    private tlm::TargetPort::Owner,
                    private tlm::InitiatorPort::Owner {
 public:
  /// `ports` root ports, at least 1.
  RootComplex(::sc_core::sc_module_name name, tlm::Context& context, const RootComplexConfig& config, unsigned ports);
  ~RootComplex() override;

  unsigned ports() const { return static_cast<unsigned>(ports_.size()); }
  LinkPort& root_port(unsigned port);
  tlm::InitiatorPort& to_host(unsigned port);  ///< DMA requests of that port's link
  tlm::TargetPort from_cpu;  ///< requests to endpoint registers, by host address; peer-to-peer requests, translated;
                             ///< configuration requests by ext.target
  /// Messages to endpoints by ext.target, which a remapping unit sends (invalidate requests, page group responses);
  /// need not be bound.
  tlm::TargetPort from_unit;

  /// CPU requests in [base, base + bytes) go down `port`. An internal error if the window overlaps another (platforms/
  /// checks the map).
  void add_window(base::Hpa base, std::uint64_t bytes, unsigned port);
  /// Buses `first` to `last` are below `port`: secondary and subordinate bus number of the root port, once per port.
  void set_buses(unsigned first, unsigned last, unsigned port);
  /// CPU requests in [base, base + bytes) are configuration requests (ecam.h): of 1, 2 or 4 bytes, aligned, to the
  /// function whose registers lie there; others are unsupported. `bytes` is a multiple of 1 MiB, one for each bus from
  /// 0.
  void set_ecam(base::Hpa base, std::uint64_t bytes);
  Acs& acs(unsigned port);
  void observe_acs(AcsObserver* observer);

  /// No remapping unit follows: the addresses of requests are host physical ones. Default: they are for a unit to
  /// translate.
  void set_physical() { physical_ = true; }

  const RootPortStats& port_stats(unsigned port) const;

 private:
  struct Port;
  struct Window {
    base::Hpa base;
    std::uint64_t bytes;
    unsigned port;
  };
  struct Item {
    tlm::Payload* payload = nullptr;
    Port* port = nullptr;
    bool reflected = false;  ///< a completion between two devices behind one port, redirected by a switch
    CompletionPart part;
  };

  void before_end_of_elaboration() override;
  // from the host side
  bool request(tlm::TargetPort& target, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& target, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& initiator, tlm::Payload& payload) override;
  // from the links
  void receive(LinkPort& port, tlm::Payload& payload, base::Time tail) override;
  void receive_completion(LinkPort& port, tlm::Payload& payload, CompletionPart part, base::Time tail) override;
  void posted_done(LinkPort& port, tlm::Payload& payload) override;
  unsigned debug(LinkPort& port, tlm::Payload& payload) override;

  static void add_metrics(base::Group& group, RootPortStats& port);
  Port* claimant(const tlm::Payload& payload) const;
  bool decode_ecam(tlm::Payload& payload) const;
  void reject(Port& port, tlm::Payload& payload, tlm::CompletionStatus status);
  void refuse_down(tlm::Payload& payload);
  void respond_down(tlm::Payload& payload);
  void reflect(Port& port);
  void deliver_up(Item item);
  void deliver_completion(Item item);
  void complete(Port& port, tlm::Payload& payload);
  void deliver_down(Item item);
  void deliver_mmio_completion(tlm::Payload* payload);

  const RootComplexConfig config_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<Window> windows_;  // ascending base
  Window ecam_{};
  bool physical_ = false;
  base::Counter unclaimed_;
  std::unique_ptr<tlm::InitiatorPort> no_unit_;  // bound where nobody else is
  tlm::DelayLine<Item> up_, completions_, down_;
  tlm::DelayLine<tlm::Payload*> mmio_completions_;
};

}  // namespace iommusim::pcie
