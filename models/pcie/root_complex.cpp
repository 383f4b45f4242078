#include "models/pcie/root_complex.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace iommusim::pcie {

using tlm::CompletionStatus;
using tlm::Payload;

struct RootComplex::Port {
  Port(RootComplex& rc, unsigned index)
      : link("port_" + std::to_string(index), rc.context(), rc,
             {PortRole::root_port, {rc.config_.buffer.posted, rc.config_.buffer.non_posted, {}}, 1, false}, index),
        to_host(("to_host_" + std::to_string(index)).c_str(), rc.context(), rc, index) {}

  LinkPort link;
  tlm::InitiatorPort to_host;
  RootPortStats stats;
};

RootComplex::RootComplex(::sc_core::sc_module_name name, tlm::Context& context, const RootComplexConfig& config,
                         unsigned ports)
    : Module(name, context),
      from_cpu("from_cpu", context, *this),
      config_(config),
      up_(context.scheduler, std::string(this->name()) + ".up", tlm::delegate<&RootComplex::deliver_up>(this)),
      completions_(context.scheduler, std::string(this->name()) + ".completions",
                   tlm::delegate<&RootComplex::deliver_completion>(this)),
      down_(context.scheduler, std::string(this->name()) + ".down", tlm::delegate<&RootComplex::deliver_down>(this)),
      mmio_completions_(context.scheduler, std::string(this->name()) + ".mmio_completions",
                        tlm::delegate<&RootComplex::deliver_mmio_completion>(this)) {
  from_cpu.set_default_space(tlm::AddressSpace::mmio);
  stats().add("unclaimed", unclaimed_, "1", "CPU requests to addresses of no endpoint");
  for (unsigned i = 0; i < ports; ++i) {
    ports_.push_back(std::make_unique<Port>(*this, i));
    add_metrics(stats().group("port" + std::to_string(i)), ports_.back()->stats);
  }
}

RootComplex::~RootComplex() = default;

LinkPort& RootComplex::root_port(unsigned port) { return ports_.at(port)->link; }
tlm::InitiatorPort& RootComplex::to_host(unsigned port) { return ports_.at(port)->to_host; }
const RootPortStats& RootComplex::port_stats(unsigned port) const { return ports_.at(port)->stats; }

void RootComplex::add_window(base::Hpa base, std::uint64_t bytes, unsigned port) {
  const auto at = std::find_if(windows_.begin(), windows_.end(), [&](const Window& w) { return base < w.base; });
  const bool before = at != windows_.begin() && base - std::prev(at)->base < std::prev(at)->bytes;
  const bool after = at != windows_.end() && at->base - base < bytes;
  if (port >= ports() || bytes == 0 || before || after)
    fatal("a register window is empty, overlaps another or names no port");
  windows_.insert(at, {base, bytes, port});
}

const RootComplex::Window* RootComplex::window_of(std::uint64_t address) const {
  const auto after = std::upper_bound(windows_.begin(), windows_.end(), base::Hpa(address),
                                      [](base::Hpa a, const Window& w) { return a < w.base; });
  if (after == windows_.begin()) return nullptr;
  const Window& window = *std::prev(after);
  return address - window.base.value() < window.bytes ? &window : nullptr;
}

bool RootComplex::request(tlm::TargetPort&, Payload& payload) {
  const Window* window = window_of(payload.get_address());
  down_.push({&payload, window == nullptr ? nullptr : ports_[window->port].get()},
             now() + config_.mmio_request_latency);
  return true;
}

// Nobody claims the address: the CPU reads all ones and its writes vanish (PCIe 5.0 section 2.3.1, unsupported
// request).
void RootComplex::refuse(Payload& payload) {
  ++unclaimed_;
  tlm::dma(payload).status = CompletionStatus::unsupported_request;
  payload.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  if (payload.is_read()) std::memset(payload.get_data_ptr(), 0xff, payload.get_data_length());
  mmio_completions_.push(&payload, now() + config_.mmio_completion_latency);
}

// A latency of zero costs no event.
void RootComplex::receive(LinkPort& link, Payload& payload, base::Time) {
  Port& port = *ports_[link.index()];
  ++(payload.is_read() ? port.stats.reads : payload.is_write() ? port.stats.writes : port.stats.messages);
  if (is_posted(payload)) port.stats.posted.add(now());
  if (physical_) tlm::dma(payload).space = tlm::AddressSpace::hpa;
  if (config_.request_latency == base::Time()) {
    deliver_up({&payload, &port});
  } else {
    up_.push({&payload, &port}, now() + config_.request_latency);
  }
}

void RootComplex::deliver_up(Item item) {
  if (!is_posted(*item.payload)) item.port->link.release(*item.payload, now());
  item.port->to_host.send(*item.payload);
}

void RootComplex::response(tlm::InitiatorPort& initiator, Payload& payload) {
  Port& port = *ports_[initiator.index()];
  auto& ext = tlm::dma(payload);
  if (payload.is_response_error() && ext.status == CompletionStatus::ok) {
    // A component that knows nothing of PCIe refused it: nobody there is UR, anything else is CA (PCIe 5.0
    // section 2.3.1).
    ext.status = payload.get_response_status() == ::tlm::TLM_ADDRESS_ERROR_RESPONSE
                     ? CompletionStatus::unsupported_request
                     : CompletionStatus::completer_abort;
  }
  if (ext.status != CompletionStatus::ok) ++port.stats.errors;
  if (is_posted(payload)) {
    port.stats.posted.sub(now());
    port.link.release(payload, now());
    port.link.finish_posted(payload);
  } else if (config_.completion_latency == base::Time()) {
    port.link.complete(payload);
  } else {
    completions_.push({&payload, &port}, now() + config_.completion_latency);
  }
}

void RootComplex::deliver_completion(Item item) { item.port->link.complete(*item.payload); }

void RootComplex::receive_completion(LinkPort&, Payload& payload, CompletionPart part, base::Time) {
  if (part.last) mmio_completions_.push(&payload, now() + config_.mmio_completion_latency);
}

void RootComplex::posted_done(LinkPort&, Payload& payload) { from_cpu.respond(payload); }

void RootComplex::deliver_down(Item item) {
  if (item.port == nullptr) {
    refuse(*item.payload);
  } else {
    item.port->link.send(*item.payload);
  }
}
void RootComplex::deliver_mmio_completion(Payload* payload) { from_cpu.respond(*payload); }

unsigned RootComplex::debug(tlm::TargetPort&, Payload& payload) {
  const Window* window = window_of(payload.get_address());
  return window == nullptr ? 0 : ports_[window->port]->link.tx.debug(payload);
}

unsigned RootComplex::debug(LinkPort& link, Payload& payload) { return ports_[link.index()]->to_host.debug(payload); }

void RootComplex::add_metrics(base::Group& group, RootPortStats& port) {
  group.add("reads", port.reads, "1", "read requests from the link");
  group.add("writes", port.writes, "1", "write requests from the link");
  group.add("messages", port.messages, "1", "message requests from the link");
  group.add("errors", port.errors, "1", "requests that ended with a status other than ok");
  group.add("posted", port.posted, "1", "posted requests accepted and not yet visible");
}

}  // namespace iommusim::pcie
