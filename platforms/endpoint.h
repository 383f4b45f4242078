// An endpoint of a platform: PCIe device, its link, DMA engine and registers under one name.
//
// Its registers are plain storage of one doorbell word: what a generic DMA engine needs for drivers to have something
// to write to.
#pragma once

#include "models/endpoints/dma_engine.h"
#include "models/endpoints/register_port.h"
#include "models/pcie/device.h"
#include "models/pcie/link.h"
#include "models/tlm/module.h"
#include "platforms/config/endpoint_config.h"

namespace iommusim::platforms {

class Endpoint : public tlm::Module, private ep::RegisterPort::Device {
 public:
  /// `upper`: the root port or switch port it is linked to.
  Endpoint(::sc_core::sc_module_name name, tlm::Context& context, const EndpointConfig& config, pcie::LinkPort& upper);

  pcie::Device device;
  pcie::Link link;
  ep::DmaEngine dma;
  ep::RegisterPort registers;

  const EndpointConfig& config() const { return config_; }

 private:
  void write_register(std::uint64_t offset, std::uint64_t value, unsigned bytes) override;
  std::uint64_t read_register(std::uint64_t offset, unsigned bytes) override;

  const EndpointConfig config_;
  std::uint64_t doorbell_ = 0;
  base::Counter doorbell_writes_;
};

}  // namespace iommusim::platforms
