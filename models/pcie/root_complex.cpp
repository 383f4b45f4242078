#include "models/pcie/root_complex.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace iommusim::pcie {

using tlm::CompletionStatus;
using tlm::Payload;

struct RootComplex::Port {
  Port(RootComplex& rc, unsigned index)
      : from_link(("from_link_" + std::to_string(index)).c_str(), rc.context(), rc, index),
        to_host(("to_host_" + std::to_string(index)).c_str(), rc.context(), rc, index),
        to_link(("to_link_" + std::to_string(index)).c_str(), rc.context(), rc, index) {}

  tlm::TargetPort from_link;
  tlm::InitiatorPort to_host;
  tlm::InitiatorPort to_link;
  unsigned posted_headers = 0;
  std::uint64_t posted_bytes = 0;
  Payload* held = nullptr;  // a posted request that waits for room
  base::Time held_since;
  RootPortStats stats;
};

namespace {

bool posted(const Payload& payload) { return !payload.is_read(); }

}  // namespace

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

tlm::TargetPort& RootComplex::from_link(unsigned port) { return ports_.at(port)->from_link; }
tlm::InitiatorPort& RootComplex::to_host(unsigned port) { return ports_.at(port)->to_host; }
tlm::InitiatorPort& RootComplex::to_link(unsigned port) { return ports_.at(port)->to_link; }
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

bool RootComplex::request(tlm::TargetPort& target, Payload& payload) {
  if (&target != &from_cpu) return request_up(*ports_[target.index()], payload);
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

bool RootComplex::request_up(Port& port, Payload& payload) {
  ++(payload.is_read() ? port.stats.reads : payload.is_write() ? port.stats.writes : port.stats.messages);
  if (posted(payload) && !take_posted(port, payload)) {
    port.held = &payload;
    port.held_since = now();
    ++port.stats.posted_stalls;
    return false;
  }
  pass_up(port, payload);
  return true;
}

// A latency of zero costs no event either.
void RootComplex::pass_up(Port& port, Payload& payload) {
  if (physical_) tlm::dma(payload).space = tlm::AddressSpace::hpa;
  if (config_.request_latency == base::Time()) {
    port.to_host.send(payload);
  } else {
    up_.push({&payload, &port}, now() + config_.request_latency);
  }
}

// An empty buffer takes any request, however large, so that a small configuration slows things down but stops nothing.
bool RootComplex::take_posted(Port& port, Payload& payload) {
  const std::uint64_t bytes = payload.is_write() ? payload.get_data_length() : 0;
  if (port.posted_headers != 0 &&
      (port.posted_headers + 1 > config_.posted_headers || port.posted_bytes + bytes > config_.posted_bytes.value())) {
    return false;
  }
  ++port.posted_headers;
  port.posted_bytes += bytes;
  port.stats.posted.add(now());
  return true;
}

void RootComplex::release_posted(Port& port, Payload& payload) {
  --port.posted_headers;
  if (payload.is_write()) port.posted_bytes -= payload.get_data_length();
  port.stats.posted.sub(now());
  if (port.held == nullptr || !take_posted(port, *port.held)) return;
  Payload& next = *port.held;
  port.held = nullptr;
  port.stats.stall_time.add(now() - port.held_since);
  pass_up(port, next);
  port.from_link.end_request(next);
}

void RootComplex::response(tlm::InitiatorPort& initiator, Payload& payload) {
  Port& port = *ports_[initiator.index()];
  if (&initiator == &port.to_link) {
    if (posted(payload)) {
      from_cpu.respond(payload);
    } else {
      mmio_completions_.push(&payload, now() + config_.mmio_completion_latency);
    }
    return;
  }
  auto& ext = tlm::dma(payload);
  if (payload.is_response_error() && ext.status == CompletionStatus::ok) {
    // A component that knows nothing of PCIe refused it: nobody there is UR, anything else is CA (PCIe 5.0
    // section 2.3.1).
    ext.status = payload.get_response_status() == ::tlm::TLM_ADDRESS_ERROR_RESPONSE
                     ? CompletionStatus::unsupported_request
                     : CompletionStatus::completer_abort;
  }
  if (ext.status != CompletionStatus::ok) ++port.stats.errors;
  if (posted(payload)) {
    release_posted(port, payload);
    port.from_link.respond(payload);
  } else if (config_.completion_latency == base::Time()) {
    port.from_link.respond(payload);
  } else {
    completions_.push({&payload, &port}, now() + config_.completion_latency);
  }
}

void RootComplex::deliver_up(Item item) { item.port->to_host.send(*item.payload); }
void RootComplex::deliver_completion(Item item) { item.port->from_link.respond(*item.payload); }
void RootComplex::deliver_down(Item item) {
  if (item.port == nullptr) {
    refuse(*item.payload);
  } else {
    item.port->to_link.send(*item.payload);
  }
}
void RootComplex::deliver_mmio_completion(Payload* payload) { from_cpu.respond(*payload); }

unsigned RootComplex::debug(tlm::TargetPort& target, Payload& payload) {
  if (&target != &from_cpu) return ports_[target.index()]->to_host.debug(payload);
  const Window* window = window_of(payload.get_address());
  return window == nullptr ? 0 : ports_[window->port]->to_link.debug(payload);
}

void RootComplex::add_metrics(base::Group& group, RootPortStats& port) {
  group.add("reads", port.reads, "1", "read requests from the link");
  group.add("writes", port.writes, "1", "write requests from the link");
  group.add("messages", port.messages, "1", "message requests from the link");
  group.add("errors", port.errors, "1", "requests that ended with a status other than ok");
  group.add("posted", port.posted, "1", "posted requests accepted and not yet visible");
  group.add("posted_stalls", port.posted_stalls, "1", "posted requests that found the buffer full");
  group.add("stall_time", port.stall_time, "ps", "time such a request waited for room");
}

}  // namespace iommusim::pcie
