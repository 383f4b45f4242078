#include "platforms/endpoint.h"

#include "models/base/bdf.h"

namespace iommusim::platforms {

Endpoint::Endpoint(::sc_core::sc_module_name name, tlm::Context& context, const EndpointConfig& config)
    : tlm::Module(name, context),
      link("link", context, config.link),
      dma("dma", context, config.dma,
          ep::BusIdentity{base::make_source_id(0, config.bdf), config.link.mps, config.link.mrrs}),
      registers("registers", context, *this, base::Time()),
      config_(config) {
  dma.port.bind(link.from_endpoint);
  link.to_endpoint.bind(registers.port);
  stats().add("doorbells", doorbell_writes_, "1", "CPU writes to the endpoint's registers");
}

void Endpoint::write_register(std::uint64_t, std::uint64_t value, unsigned) {
  doorbell_ = value;
  ++doorbell_writes_;
}

std::uint64_t Endpoint::read_register(std::uint64_t, unsigned) { return doorbell_; }

}  // namespace iommusim::platforms
