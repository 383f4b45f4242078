#include "models/pcie/root_complex.h"

#include <algorithm>
#include <string>

#include "models/base/bdf.h"
#include "models/pcie/ecam.h"
#include "models/tlm/ring.h"

namespace iommusim::pcie {

using tlm::CompletionStatus;
using tlm::Payload;

namespace {

// Hops of requests going down: by which socket they came.
constexpr std::uint16_t kFromCpu = 0;
constexpr std::uint16_t kFromUnit = 1;

AcsConfig only(const AcsChecks& checks) {
  AcsConfig c;
  static_cast<AcsChecks&>(c) = checks;
  return c;
}

}  // namespace

struct RootComplex::Port {
  Port(RootComplex& rc, unsigned index)
      : link("port_" + std::to_string(index), rc.context(), rc,
             {PortRole::root_port, {rc.config_.buffer.posted, rc.config_.buffer.non_posted, {}}, 1, false}, index),
        to_host(("to_host_" + std::to_string(index)).c_str(), rc.context(), rc, index),
        acs(only(rc.config_.acs), index) {}

  LinkPort link;
  tlm::InitiatorPort to_host;
  Acs acs;
  BusRange buses;
  RootPortStats stats;

  // A redirected completion does not pass the posted requests that came before it (section 6.12.1.1, P2P completion
  // redirect). Each one that arrives begins an epoch; it leaves when the epochs before are over.
  std::uint16_t epoch = 0;            // of the posted requests that arrive now
  tlm::Ring<unsigned> posted_before;  // not yet visible, by epoch, of the epochs before the last
  unsigned posted_now = 0;            // the same of the present one
  tlm::Ring<Item> held;               // a redirected completion for each of posted_before
};

RootComplex::RootComplex(::sc_core::sc_module_name name, tlm::Context& context, const RootComplexConfig& config,
                         unsigned ports)
    : Module(name, context),
      from_cpu("from_cpu", context, *this),
      from_unit("from_unit", context, *this),
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
    base::Group& group = stats().group("port" + std::to_string(i));
    add_metrics(group, ports_.back()->stats);
    ports_.back()->acs.add_metrics(group.group("acs"));
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

void RootComplex::set_buses(unsigned first, unsigned last, unsigned port) {
  for (unsigned other = 0; other < ports(); ++other) {
    const BusRange& buses = ports_[other]->buses;
    if (other != port && first <= buses.last && buses.first <= last) fatal("two ports have a bus in common");
  }
  if (port >= ports() || first == 0 || first > last || last > 255)
    fatal("a port's buses are empty or outside 1 to 255, or the port does not exist");
  ports_[port]->buses = {first, last};
}

Acs& RootComplex::acs(unsigned port) { return ports_.at(port)->acs; }

void RootComplex::observe_acs(AcsObserver* observer) {
  for (auto& port : ports_) port->acs.observe(observer);
}

void RootComplex::before_end_of_elaboration() {
  if (from_unit.get_base_port().bind_count() != 0) return;
  tlm::InitiatorPort::Owner& owner = *this;
  no_unit_ = std::make_unique<tlm::InitiatorPort>("no_unit", context(), owner);
  no_unit_->bind(from_unit);
}

void RootComplex::set_ecam(base::Hpa base, std::uint64_t bytes) {
  if (bytes == 0 || bytes % kEcamBusBytes != 0 || base.value() % kEcamBusBytes != 0)
    fatal("the configuration window is no multiple of 1 MiB, or not aligned to it");
  ecam_ = {base, bytes, 0};
}

/// The port below which a request from the host side is going; null: nobody's.
RootComplex::Port* RootComplex::claimant(const Payload& payload) const {
  const tlm::DmaExtension& x = tlm::dma(payload);
  if (x.space == tlm::AddressSpace::configuration || x.message != tlm::Message::none) {
    for (const auto& port : ports_) {
      if (port->buses.holds(base::bus_of(x.target))) return port.get();
    }
    return nullptr;
  }
  const base::Hpa address(payload.get_address());
  const auto after = std::upper_bound(windows_.begin(), windows_.end(), address,
                                      [](base::Hpa a, const Window& w) { return a < w.base; });
  if (after == windows_.begin()) return nullptr;
  const Window& window = *std::prev(after);
  return address - window.base < window.bytes ? ports_[window.port].get() : nullptr;
}

// --- from the host side, down

bool RootComplex::request(tlm::TargetPort& target, Payload& payload) {
  tlm::dma(payload).push_hop(&target == &from_unit ? kFromUnit : kFromCpu);
  const bool whole = decode_ecam(payload);
  down_.push({&payload, whole ? claimant(payload) : nullptr, false, {}}, now() + config_.mmio_request_latency);
  return true;
}

/// A CPU's access to the configuration window becomes a configuration request. False if it is none that can be made one
/// (PCIe 5.0 section 7.2.2: within one doubleword).
bool RootComplex::decode_ecam(Payload& payload) const {
  tlm::DmaExtension& x = tlm::dma(payload);
  const base::Hpa address(payload.get_address());
  // A device reaches no configuration space: its request, which has passed its device, the router and this port, is
  // unclaimed.
  if (x.traffic != tlm::Traffic::cpu && x.hops() > 2) return true;
  if (ecam_.bytes == 0 || x.space == tlm::AddressSpace::configuration || x.message != tlm::Message::none ||
      address - ecam_.base >= ecam_.bytes)
    return true;
  x.space = tlm::AddressSpace::configuration;
  x.target = ecam_function(ecam_.base, address);
  payload.set_address(ecam_register(address));
  const unsigned n = payload.get_data_length();
  return (n == 1 || n == 2 || n == 4) && address.value() % n == 0;
}

void RootComplex::deliver_down(Item item) {
  if (item.port == nullptr) {
    refuse_down(*item.payload);
  } else {
    item.port->link.send(*item.payload);
  }
}

// Nobody claims the request: reads return all ones and writes and messages vanish (PCIe 5.0 section 2.3.1, unsupported
// request).
void RootComplex::refuse_down(Payload& payload) {
  ++unclaimed_;
  refuse(payload, CompletionStatus::unsupported_request);
  mmio_completions_.push(&payload, now() + config_.mmio_completion_latency);
}

void RootComplex::respond_down(Payload& payload) {
  (tlm::dma(payload).pop_hop() == kFromUnit ? from_unit : from_cpu).respond(payload);
}

void RootComplex::posted_done(LinkPort&, Payload& payload) { respond_down(payload); }
void RootComplex::deliver_mmio_completion(Payload* payload) { respond_down(*payload); }

// Parts are gathered: the host side gets the whole. A completion that a switch has redirected goes down again.
void RootComplex::receive_completion(LinkPort& link, Payload& payload, CompletionPart part, base::Time) {
  if (part.detour == 0) {
    if (part.last) mmio_completions_.push(&payload, now() + config_.mmio_completion_latency);
    return;
  }
  Port& port = *ports_[link.index()];
  port.held.push({&payload, &port, true, part});
  port.posted_before.push(port.posted_now);
  port.posted_now = 0;
  ++port.epoch;
  reflect(port);
}

void RootComplex::reflect(Port& port) {
  while (!port.held.empty() && port.posted_before.front() == 0) {
    port.posted_before.pop();
    ++port.stats.reflected;
    completions_.push(port.held.pop(), now() + config_.completion_latency);
  }
}

// --- from the links, up

// A latency of zero costs no event.
void RootComplex::receive(LinkPort& link, Payload& payload, base::Time) {
  Port& port = *ports_[link.index()];
  tlm::DmaExtension& x = tlm::dma(payload);
  ++(payload.is_read() ? port.stats.reads : payload.is_write() ? port.stats.writes : port.stats.messages);
  if (!port.acs.admits(payload, port.buses)) {
    reject(port, payload, CompletionStatus::completer_abort);
    return;
  }
  // Configuration requests go down only (section 7.3.3); messages want a unit to take them.
  if (x.space == tlm::AddressSpace::configuration || (physical_ && x.message != tlm::Message::none)) {
    reject(port, payload, CompletionStatus::unsupported_request);
    return;
  }
  if (is_posted(payload)) {
    port.stats.posted.add(now());
    ++port.posted_now;
    x.push_hop(port.epoch);
  } else {
    port.stats.non_posted.add(now());
  }
  if (physical_) x.space = tlm::AddressSpace::hpa;
  if (config_.request_latency == base::Time()) {
    deliver_up({&payload, &port, false, {}});
  } else {
    up_.push({&payload, &port, false, {}}, now() + config_.request_latency);
  }
}

// A posted request vanishes, any other is answered.
void RootComplex::reject(Port& port, Payload& payload, CompletionStatus status) {
  refuse(payload, status);
  ++port.stats.errors;
  port.link.release(payload, now());
  if (is_posted(payload)) {
    port.link.finish_posted(payload);
  } else {
    port.stats.non_posted.add(now());
    completions_.push({&payload, &port, false, {}}, now() + config_.completion_latency);
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
    // Epochs before the present one have as many entries as there are completions held.
    const auto age = static_cast<std::uint16_t>(port.epoch - ext.pop_hop());
    --(age == 0 ? port.posted_now : port.posted_before[port.posted_before.size() - age]);
    port.stats.posted.sub(now());
    port.link.release(payload, now());
    port.link.finish_posted(payload);
    reflect(port);
  } else if (config_.completion_latency == base::Time()) {
    complete(port, payload);
  } else {
    completions_.push({&payload, &port, false, {}}, now() + config_.completion_latency);
  }
}

void RootComplex::deliver_completion(Item item) {
  if (item.reflected) {
    item.port->link.forward_completion(*item.payload, item.part, 0, nullptr, {});
  } else {
    complete(*item.port, *item.payload);
  }
}

void RootComplex::complete(Port& port, Payload& payload) {
  port.stats.non_posted.sub(now());
  port.link.complete(payload);
}

// --- debug access

unsigned RootComplex::debug(tlm::TargetPort&, Payload& payload) {
  Port* port = claimant(payload);
  return port == nullptr ? 0 : port->link.tx.debug(payload);
}

unsigned RootComplex::debug(LinkPort& link, Payload& payload) { return ports_[link.index()]->to_host.debug(payload); }

void RootComplex::add_metrics(base::Group& group, RootPortStats& port) {
  group.add("reads", port.reads, "1", "read requests from the link");
  group.add("writes", port.writes, "1", "write requests from the link");
  group.add("messages", port.messages, "1", "message requests from the link");
  group.add("reflected", port.reflected, "1", "completions between two devices below, redirected here by a switch");
  group.add("errors", port.errors, "1", "requests that ended with a status other than ok");
  group.add("posted", port.posted, "1", "posted requests accepted and not yet visible");
  group.add("non_posted", port.non_posted, "1",
            "other requests, from their last byte until their completion queues at the link");
}

}  // namespace iommusim::pcie
