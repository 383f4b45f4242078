// A PCIe device: its end of the link, and the functions behind it, each a requester with registers of its own.
//
// DMA requests of the functions share the link, round robin (or by weight); requests from the link go to the function
// whose base address register holds the address, and are refused as unsupported if none does. No latency of its own:
// engines and registers have theirs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/types.h"
#include "models/pcie/link_port.h"
#include "models/tlm/module.h"

namespace iommusim::pcie {

class Device : public tlm::Module,
               private LinkPort::Owner,
               private tlm::TargetPort::Owner,
               private tlm::InitiatorPort::Owner {
 public:
  /// `functions` functions, at least 1. `buffer`: what the device advertises; its completion credits are infinite, as
  /// it asks for nothing it has no room for (PCIe 5.0 section 2.6.1).
  Device(::sc_core::sc_module_name name, tlm::Context& context, const ReceiveBuffer& buffer, unsigned functions = 1);
  ~Device() override;

  LinkPort link_port;
  tlm::TargetPort& from_function(unsigned i = 0);   ///< DMA requests
  tlm::InitiatorPort& to_function(unsigned i = 0);  ///< accesses to its registers
  unsigned functions() const { return static_cast<unsigned>(functions_.size()); }

  /// Host addresses [base, base + bytes) are registers of function `i`.
  void add_window(base::Hpa base, std::uint64_t bytes, unsigned function = 0);

 private:
  struct Function;
  struct Window {
    base::Hpa base;
    std::uint64_t bytes;
    unsigned function;
  };

  // from the functions
  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  // from the link
  void receive(LinkPort& port, tlm::Payload& payload, base::Time tail) override;
  void receive_completion(LinkPort& port, tlm::Payload& payload, CompletionPart part, base::Time tail) override;
  void posted_done(LinkPort& port, tlm::Payload& payload) override;
  unsigned debug(LinkPort& port, tlm::Payload& payload) override;

  const Window* window_of(std::uint64_t address) const;
  void refuse(tlm::Payload& payload);
  void answer(tlm::Payload& payload);

  std::vector<std::unique_ptr<Function>> functions_;
  std::vector<Window> windows_;
  base::Counter unclaimed_;
};

}  // namespace iommusim::pcie
