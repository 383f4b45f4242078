// Address decode between root complex, cores, memory, registers, the interrupt region and PCIe windows.
//
// Models: a request goes out by the port its address range names and its response comes back by the port it came in by;
// an address nothing answers to is refused (TLM_ADDRESS_ERROR_RESPONSE). No latency, no bandwidth: neighbours have
// those. A request that an output cannot take at once is held at its input (END_REQ later), behind others for the same
// output in order of arrival.
#pragma once

#include <memory>
#include <vector>

#include "models/interconnect/address_map.h"
#include "models/tlm/module.h"
#include "models/tlm/ports.h"

namespace iommusim::interconnect {

class Router : public tlm::Module, private tlm::TargetPort::Owner, private tlm::InitiatorPort::Owner {
 public:
  /// `map` names an output below `outputs` in each range's `target` (internal error otherwise). At least one of each
  /// port.
  Router(::sc_core::sc_module_name name, tlm::Context& context, AddressMap map, unsigned inputs, unsigned outputs);

  tlm::TargetPort& input(unsigned i = 0) { return *inputs_[i]; }
  tlm::InitiatorPort& output(unsigned i = 0) { return *outputs_[i]; }
  const AddressMap& map() const { return map_; }
  /// Requests of `input` that the map sends to output `from` leave by `to`: a core's way to memory from its own node.
  void divert(unsigned input, unsigned from, unsigned to) { diversions_.push_back({input, from, to}); }
  /// Requests that no range answers to.
  std::uint64_t unmapped() const { return unmapped_.value(); }

 private:
  struct Held {
    tlm::Payload* payload;
    tlm::TargetPort* input;
  };

  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void extended_phase(tlm::InitiatorPort& port, tlm::Payload& payload, const ::tlm::tlm_phase& phase) override;
  void request_accepted(tlm::InitiatorPort& port) override;

  struct Diversion {
    unsigned input, from, to;
  };
  unsigned output_of(const tlm::TargetPort& port, const AddressRange& range) const;

  AddressMap map_;
  std::vector<Diversion> diversions_;
  base::Counter forwarded_, unmapped_;
  std::vector<std::unique_ptr<tlm::TargetPort>> inputs_;
  std::vector<std::unique_ptr<tlm::InitiatorPort>> outputs_;
  std::vector<tlm::Ring<Held>> held_;  // by output
};

}  // namespace iommusim::interconnect
