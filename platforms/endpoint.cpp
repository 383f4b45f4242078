#include "platforms/endpoint.h"

#include <algorithm>

#include "models/base/bdf.h"

namespace iommusim::platforms {
namespace {

ep::BusIdentity identity_of(const EndpointConfig& config, const TopologyFunction& function) {
  return {base::make_source_id(0, function.bdf), config.link.mps, config.link.mrrs};
}

}  // namespace

class Endpoint::OtherFunction : public tlm::Module {
 public:
  // NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
  OtherFunction(::sc_core::sc_module_name name, tlm::Context& context, const EndpointConfig& config,
                const TopologyFunction& function)
      : Module(name, context),
        dma("dma", context, config.dma, identity_of(config, function)),
        registers("registers", context, doorbell_, base::Time()) {
    doorbell_.add_metrics(stats());
  }

 private:
  Doorbell doorbell_;

 public:
  ep::DmaEngine dma;
  ep::RegisterPort registers;
};

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
Endpoint::Endpoint(::sc_core::sc_module_name name, tlm::Context& context, const EndpointConfig& config,
                   const std::vector<TopologyFunction>& functions, const Attachment& attachment)
    : tlm::Module(name, context),
      device(attachment.port == nullptr
                 ? nullptr
                 : std::make_unique<pcie::Device>("device", context, config.buffer, config.device,
                                                  functions.front().bdf, config.link.mps, config.link.mrrs)),
      link(attachment.port == nullptr
               ? nullptr
               : std::make_unique<pcie::Link>("link", context, config.link, *attachment.port, device->link_port)),
      dma("dma", context, config.dma, identity_of(config, functions.front())),
      registers("registers", context, doorbell_, base::Time()),
      config_(config),
      attachment_(attachment) {
  doorbell_.add_metrics(stats());
  functions_.push_back({functions.front(), &dma, &registers, &stats()});
  for (std::size_t i = 1; i < functions.size(); ++i) {
    const std::string own = functions[i].path().substr(functions[i].path().find('.') + 1);
    others_.push_back(std::make_unique<OtherFunction>(own.c_str(), context, config, functions[i]));
    functions_.push_back({functions[i], &others_.back()->dma, &others_.back()->registers, &others_.back()->stats()});
  }
  for (unsigned i = 0; i < functions_.size(); ++i) {
    functions_[i].dma->port.bind(device ? device->from_function(i) : attachment.bridge->from_device(attachment.place));
    (device ? device->to_function(i) : attachment.bridge->to_device(attachment.place))
        .bind(functions_[i].registers->port);
    if (!device) continue;
    device->attach(i, *functions_[i].dma);
    device->set_message_sink(i, *functions_[i].dma);
  }
}

Endpoint::~Endpoint() = default;

void Endpoint::place_registers(base::Hpa base) {
  const std::uint64_t bytes = config_.bar_size.value();
  for (unsigned i = 0; i < functions_.size(); ++i) {
    if (device) {
      device->add_window(base + i * bytes, bytes, i);
    } else {
      attachment_.bridge->add_window(base, bytes, attachment_.place);
    }
    functions_[i].registers->place(base + i * bytes, bytes);
  }
}

void Endpoint::place_memory(base::Hpa base, std::uint64_t bytes) {
  if (device) {
    device->add_window(base, bytes, 0);
  } else {
    attachment_.bridge->add_window(base, bytes, attachment_.place);
  }
  registers.place_memory(base, config_.memory);
}

void Endpoint::stop_issuing() {
  for (const Function& f : functions_) f.dma->stop_issuing();
}

bool Endpoint::quiescent() const {
  return std::all_of(functions_.begin(), functions_.end(), [](const Function& f) { return f.dma->quiescent(); });
}

std::string Endpoint::holding() const {
  std::string text;
  for (const Function& f : functions_) {
    if (!f.dma->quiescent()) text += "  " + f.topology.name + ".dma: " + f.dma->holding() + "\n";
  }
  return text;
}

}  // namespace iommusim::platforms
