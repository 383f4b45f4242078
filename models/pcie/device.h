// A PCIe device: its end of the link, and the functions behind it, each a requester with an ID, a configuration space
// and registers of its own.
//
// Functions are numbered physical ones first, then the virtual ones of each. Their requests share the link, round robin
// or by weight; memory requests wait while Bus Master Enable is off (PCIe 5.0 section 7.5.1.1.3). From the link, memory
// requests go to the function whose base address register holds the address, if its memory space is enabled;
// configuration requests to the function of that ID; messages to its sink. What nobody takes is unsupported (section
// 2.3.1). Function-level reset (section 6.6.2): the function's registers are as after power-on at once, and it is
// absent for `reset_time`.
//
// Simplified: configuration requests during a reset are unsupported, so that software polls all ones, instead of being
// retried by the root complex; virtual functions have memory windows instead of shares of their physical function's VF
// BARs; capturing of bus numbers. Left out: power states, error messages, INTx.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/types.h"
#include "models/pcie/config_space.h"
#include "models/pcie/function.h"
#include "models/pcie/function_config.h"
#include "models/pcie/link_port.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/module.h"

namespace iommusim::pcie {

/// Counters of one function.
struct FunctionStats {
  base::Counter held;     ///< requests that waited for Bus Master Enable
  base::Counter dropped;  ///< requests not yet sent that a reset discarded
  base::Counter config_reads, config_writes;
  base::Counter messages;  ///< received
  base::Counter resets;
};

class Device : public tlm::Module,
               private LinkPort::Owner,
               private tlm::TargetPort::Owner,
               private tlm::InitiatorPort::Owner {
 public:
  /// `buffer`: what the device advertises; its completion credits are infinite, as it asks for nothing it has no room
  /// for (PCIe 5.0 section 2.6.1). `bdf`: of function 0. Everything is enabled as by firmware and drivers, with sizes
  /// `mps` and `mrrs`.
  Device(::sc_core::sc_module_name name, tlm::Context& context, const ReceiveBuffer& buffer, const DeviceConfig& config,
         base::Bdf bdf, base::Bytes mps = base::Bytes(256), base::Bytes mrrs = base::Bytes(512));
  /// `functions` physical functions, at least 1, of default properties, from 00:00.0 on.
  Device(::sc_core::sc_module_name name, tlm::Context& context, const ReceiveBuffer& buffer, unsigned functions = 1);
  ~Device() override;

  LinkPort link_port;
  /// DMA requests and messages, and accesses to its registers: either need not be bound. Without registers the windows
  /// of a function are unsupported.
  tlm::TargetPort& from_function(unsigned i = 0);
  tlm::InitiatorPort& to_function(unsigned i = 0);
  unsigned functions() const { return static_cast<unsigned>(functions_.size()); }
  const FunctionPlace& place(unsigned i) const;
  base::Bdf routing_id(unsigned i) const { return place(i).bdf; }

  /// Host addresses [base, base + bytes) are registers of function `i`: its next base address register, as firmware
  /// programs it (at most three of a physical function; size and place as ConfigSpace::set_bar demands, internal error
  /// otherwise). The window answers while the register holds that address.
  void add_window(base::Hpa base, std::uint64_t bytes, unsigned function = 0);
  /// Told of changes from now on, and of the present controls at once. Several may be.
  void attach(unsigned function, FunctionListener& listener);
  /// At most one per function; without one, messages for it are dropped and counted.
  void set_message_sink(unsigned function, MessageSink& sink);

  const ConfigSpace& config_space(unsigned function) const;
  RequesterControls controls(unsigned function) const;
  /// What a configuration write of the driver does, without the traffic: for set-up and tests. Same rules as
  /// ConfigSpace::write; lost if the function is not present.
  void write_config(unsigned function, std::uint16_t offset, unsigned bytes, std::uint32_t value);
  /// Function-level reset now.
  void reset_function(unsigned function);
  /// Enabled virtual or physical function, not in reset.
  bool present(unsigned function) const;

  const FunctionStats& function_stats(unsigned function) const;

 private:
  struct Function;
  struct Window {
    base::Hpa base;
    std::uint64_t bytes;
    unsigned function;
    unsigned bar;  ///< register pair that must hold the base; kNoBar: none
  };
  static constexpr unsigned kNoBar = ~0u;

  // from the functions
  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  // from the link
  void receive(LinkPort& port, tlm::Payload& payload, base::Time tail) override;
  void receive_completion(LinkPort& port, tlm::Payload& payload, CompletionPart part, base::Time tail) override;
  void posted_done(LinkPort& port, tlm::Payload& payload) override;
  unsigned debug(LinkPort& port, tlm::Payload& payload) override;

  void before_end_of_elaboration() override;
  void start_of_simulation() override;  // weights, once the link exists
  void add_functions(base::Bdf bdf, base::Bytes mps, base::Bytes mrrs);
  const Window* window_of(std::uint64_t address) const;
  bool memory_enabled(unsigned function) const;
  const Function* function_of(base::Bdf bdf) const;
  void serve_config(tlm::Payload* payload);
  void deliver_message(tlm::Payload& payload);
  void refuse(tlm::Payload& payload);
  void answer(tlm::Payload& payload, unsigned function);
  void reset_one(unsigned function);
  void reset_over(std::uint32_t function);
  void refresh(unsigned function);
  void refresh_group(unsigned physical);

  const DeviceConfig config_;
  std::vector<std::unique_ptr<Function>> functions_;
  std::vector<Window> windows_;
  std::vector<std::unique_ptr<tlm::InitiatorPort>> no_engines_;  // bound where nobody else is
  std::vector<std::unique_ptr<tlm::TargetPort>> no_registers_;
  tlm::DelayLine<tlm::Payload*> config_requests_;
  tlm::DelayLine<std::uint32_t> resets_;
  base::Counter unclaimed_;
};

}  // namespace iommusim::pcie
