#include "models/pcie/link.h"

namespace iommusim::pcie {

Link::Link(::sc_core::sc_module_name name, tlm::Context& context, const LinkConfig& config, LinkPort& upper,
           LinkPort& lower)
    : Module(name, context),
      config_(config),
      up_(*this, "up", true, lower, upper, config, stats()),
      down_(*this, "down", false, upper, lower, config, stats()) {
  if (upper.linked() || lower.linked()) fatal("one of the ports is on another link already");
  for (const LinkPort* port : {&upper, &lower}) {
    for (const FlowClass c : {FlowClass::posted, FlowClass::completion}) {
      const std::uint64_t data = port->config().buffer.of(c).data.value();
      if (data != 0 && data < config.mps.value()) fatal("a receive buffer holds less than one TLP of mps bytes");
    }
  }
  upper.out_ = &down_;
  upper.in_ = &up_;
  lower.out_ = &up_;
  lower.in_ = &down_;
  upper.tx.bind(lower.rx);
  lower.tx.bind(upper.rx);
}

void Link::observe(TlpObserver* observer) {
  up_.observe(observer);
  down_.observe(observer);
}

}  // namespace iommusim::pcie
