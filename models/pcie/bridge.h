// PCIe-to-PCI bridge: devices on a conventional PCI bus behind one PCIe link. They share the bus, one transaction at a
// time, and the requester ID: a conventional PCI transaction says nothing of who began it, so that the bridge sends
// all of them as function 0 of device 0 of its secondary bus (PCI Express to PCI/PCI-X Bridge Specification 1.0,
// section 2.3), and an IOMMU cannot tell the devices apart.
//
// The bus is a resource of first come, first served: a write takes arbitration, address, data and turnaround clocks; a
// read the same twice, as it is retried at once (delayed transaction) and fetched when its completion is there. CPU
// accesses to the devices take it too. Left out: PCI-X, peers on the bus (a device's request always goes to the link),
// retries that come too early, prefetching beyond the bytes asked for, burst length limits, messages (unsupported).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/stats/group.h"
#include "models/base/types.h"
#include "models/base/units.h"
#include "models/pcie/link_port.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/module.h"
#include "models/tlm/target_port.h"

namespace iommusim::pcie {

/// Meaning, unit, range and source of each member: fields().
struct BridgeConfig {
  unsigned clock_mhz = 33;   ///< 33 or 66, that is 100/3 and 200/3 MHz
  unsigned width_bits = 32;  ///< 32 or 64
  unsigned setup_clocks = 6;
  base::Time latency = base::Time::ns(300);
  ReceiveBuffer buffer{{8, base::Bytes(1024)}, {4, base::Bytes(64)}, {}};
  static const base::Fields<BridgeConfig>& fields();
};

struct BridgeStats {
  base::Counter transactions;  ///< on the bus; a read counts twice
  base::Counter bus_bytes;     ///< data on the bus
  base::Counter bus_ps;        ///< time the bus was taken
  base::Counter unclaimed;     ///< requests from the link to no device
};

class Bridge : public tlm::Module,
               private LinkPort::Owner,
               private tlm::TargetPort::Owner,
               private tlm::InitiatorPort::Owner {
 public:
  /// `devices` places on the bus with number `secondary_bus`, at least 1.
  Bridge(::sc_core::sc_module_name name, tlm::Context& context, const BridgeConfig& config, unsigned secondary_bus,
         unsigned devices);
  ~Bridge() override;

  LinkPort link_port;                             ///< its PCIe side, the lower end of a link
  tlm::TargetPort& from_device(unsigned i = 0);   ///< DMA requests, in place of pcie::Device::from_function
  tlm::InitiatorPort& to_device(unsigned i = 0);  ///< accesses to its registers
  unsigned devices() const { return static_cast<unsigned>(devices_.size()); }

  /// Host addresses [base, base + bytes) are registers of device `i`.
  void add_window(base::Hpa base, std::uint64_t bytes, unsigned i = 0);
  /// Configuration requests to `function` go to device `i`.
  void add_function(base::Bdf function, unsigned i = 0);

  /// The requester ID of all requests from behind, in the requester's segment.
  base::Bdf alias() const { return alias_; }
  const BridgeStats& bridge_stats() const { return stats_; }

 private:
  struct Slot;
  struct Window {
    base::Hpa base;
    std::uint64_t bytes;
    unsigned device;
  };
  struct Function {
    base::Bdf bdf;
    unsigned device;
  };

  // from the devices
  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  // from the link
  void receive(LinkPort& port, tlm::Payload& payload, base::Time tail) override;
  void receive_completion(LinkPort& port, tlm::Payload& payload, CompletionPart part, base::Time tail) override;
  void posted_done(LinkPort& port, tlm::Payload& payload) override;
  unsigned debug(LinkPort& port, tlm::Payload& payload) override;

  struct Item {
    tlm::Payload* payload = nullptr;
    bool completion = false;
  };

  int device_of(const tlm::Payload& payload) const;
  base::Time transact(const tlm::Payload& payload, bool data);
  unsigned unalias(tlm::Payload& payload);
  void leave(Item item);
  void enter(Item item);
  void hand_over(Item item);

  const BridgeConfig config_;
  const base::Bdf alias_;
  std::vector<std::unique_ptr<Slot>> devices_;
  std::vector<Window> windows_;
  std::vector<Function> functions_;
  base::Time bus_free_;
  tlm::DelayLine<Item> to_link_, from_link_, bus_;
  BridgeStats stats_;
};

}  // namespace iommusim::pcie
