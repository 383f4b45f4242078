// One PCIe link: two directions, each a serialiser and a propagation delay. Requests and completions of opposite origin
// share the serialiser of their direction (DESIGN section 3 rule 3): an endpoint's reads compete with completions of
// MMIO reads going up, their completions with MMIO requests going down. One timed event per TLP and direction.
//
// Modelled: PCIe 5.0 sections 2.2 (packet sizes), 2.3.1.1 (completions by RCB), 4.2 (encoding and framing), see tlp.h.
// A read's completions are sent back to back and the last byte of the last is its response. Left out: NAK and replay,
// credits (senders are limited by tags, posted windows and the root port's buffer), completions of different reads
// interleaving, Gen6 FLITs, power states.
#pragma once

#include <cstdint>

#include "models/base/stats/group.h"
#include "models/pcie/link_config.h"
#include "models/pcie/serialiser.h"
#include "models/tlm/context.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/module.h"
#include "models/tlm/target_port.h"

namespace iommusim::pcie {

/// Counters of one direction.
struct LinkDirectionStats {
  base::Counter requests;       ///< request TLPs
  base::Counter completions;    ///< completion TLPs
  base::Counter payload_bytes;  ///< data moved, without headers and padding
  base::Counter wire_bytes;     ///< TLPs with framing; data-link packets are a share of time, not counted here
};

class Link : public tlm::Module, private tlm::TargetPort::Owner, private tlm::InitiatorPort::Owner {
 public:
  Link(::sc_core::sc_module_name name, tlm::Context& context, const LinkConfig& config);

  tlm::TargetPort from_endpoint;  ///< DMA requests enter here
  tlm::InitiatorPort to_root;     ///< and leave here, toward the root port
  tlm::TargetPort from_root;      ///< CPU requests to the endpoint's registers enter here
  tlm::InitiatorPort to_endpoint;

  const LinkConfig& config() const { return config_; }
  const LinkDirectionStats& up_stats() const { return up_.stats; }
  const LinkDirectionStats& down_stats() const { return down_.stats; }
  /// When the direction has sent everything handed to it so far.
  base::Time up_free_at() const { return up_.serialiser.free_at(); }
  base::Time down_free_at() const { return down_.serialiser.free_at(); }

 private:
  struct Item {
    tlm::Payload* payload = nullptr;
    bool response = false;
  };
  struct Direction {
    Direction(Link& link, const char* name, tlm::Delegate<void(Item)> arrive, base::PsRatio per_byte);
    Serialiser serialiser;
    base::PsRatio byte_time;
    tlm::DelayLine<Item> wire;
    LinkDirectionStats stats;
  };

  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void arrive_up(Item item);
  void arrive_down(Item item);
  static void add_metrics(base::Group& group, Direction& direction);
  base::Time send(Direction& direction, Item item, std::uint64_t wire_bytes);

  const LinkConfig config_;
  const TlpFormat format_;
  Direction up_;
  Direction down_;
};

}  // namespace iommusim::pcie
