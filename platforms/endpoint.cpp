#include "platforms/endpoint.h"

#include "models/base/bdf.h"

namespace iommusim::platforms {

Endpoint::Endpoint(::sc_core::sc_module_name name, tlm::Context& context, const EndpointConfig& config,
                   pcie::LinkPort& upper)
    : tlm::Module(name, context),
      device("device", context, config.buffer),
      link("link", context, config.link, upper, device.link_port),
      dma("dma", context, config.dma,
          ep::BusIdentity{base::make_source_id(0, config.bdf), config.link.mps, config.link.mrrs}),
      registers("registers", context, *this, base::Time()),
      config_(config) {
  dma.port.bind(device.from_function());
  device.to_function().bind(registers.port);
  stats().add("doorbells", doorbell_writes_, "1", "CPU writes to the endpoint's registers");
}

void Endpoint::write_register(std::uint64_t, std::uint64_t value, unsigned) {
  doorbell_ = value;
  ++doorbell_writes_;
}

std::uint64_t Endpoint::read_register(std::uint64_t, unsigned) { return doorbell_; }

}  // namespace iommusim::platforms
