// An endpoint of a platform: PCIe device, its link, and for each function a DMA engine and registers. Function 0's are
// the endpoint's own; the others are modules of their own within it (nic.f1, nic.vf0).
//
// The registers of a function are plain storage of one doorbell word: what a generic DMA engine needs for drivers to
// have something to write to.
#pragma once

#include <memory>
#include <vector>

#include "models/endpoints/dma_engine.h"
#include "models/endpoints/register_port.h"
#include "models/pcie/bridge.h"
#include "models/pcie/device.h"
#include "models/pcie/link.h"
#include "models/tlm/module.h"
#include "platforms/config/endpoint_config.h"
#include "platforms/topology.h"

namespace iommusim::platforms {

/// The doorbell word.
class Doorbell : public ep::RegisterPort::Device {
 public:
  void write_register(std::uint64_t, std::uint64_t value, unsigned) override {
    value_ = value;
    ++writes_;
  }
  std::uint64_t read_register(std::uint64_t, unsigned) override { return value_; }
  void add_metrics(base::Group& group) {
    group.add("doorbells", writes_, "1", "CPU writes to the function's registers");
  }

 private:
  std::uint64_t value_ = 0;
  base::Counter writes_;
};

class Endpoint : public tlm::Module {
 public:
  /// What an endpoint hangs from: a root port or switch port, or a place on the bus of a bridge.
  struct Attachment {
    pcie::LinkPort* port = nullptr;
    pcie::Bridge* bridge = nullptr;
    unsigned place = 0;
  };
  /// `functions`: those of this endpoint, in order; one behind a bridge.
  Endpoint(::sc_core::sc_module_name name, tlm::Context& context, const EndpointConfig& config,
           const std::vector<TopologyFunction>& functions, const Attachment& attachment);
  ~Endpoint() override;

 private:
  Doorbell doorbell_;  // before what uses it

 public:
  std::unique_ptr<pcie::Device> device;  ///< null behind a bridge, as is the link
  std::unique_ptr<pcie::Link> link;
  ep::DmaEngine dma;           ///< of function 0
  ep::RegisterPort registers;  ///< of function 0

  /// A function: its name and numbers, its parts, where its metrics are.
  struct Function {
    TopologyFunction topology;
    ep::DmaEngine* dma;
    ep::RegisterPort* registers;
    base::Group* stats;
  };
  const std::vector<Function>& functions() const { return functions_; }
  const EndpointConfig& config() const { return config_; }

  /// Where the CPU sees the registers of all functions: bar_size bytes each, from `base`.
  void place_registers(base::Hpa base);
  /// Where peers and the CPU see the memory of function 0: `bytes` bytes, a power of two.
  void place_memory(base::Hpa base, std::uint64_t bytes);
  /// Nothing is issued any more by any function; nothing is in flight.
  void stop_issuing();
  bool quiescent() const;
  std::string holding() const;

 private:
  class OtherFunction;

  const EndpointConfig config_;
  const Attachment attachment_;
  std::vector<std::unique_ptr<OtherFunction>> others_;
  std::vector<Function> functions_;
};

}  // namespace iommusim::platforms
