#include "models/pcie/switch.h"

#include <algorithm>
#include <string>

#include "models/base/bdf.h"

namespace iommusim::pcie {

using base::Time;
using tlm::AddressSpace;
using tlm::CompletionStatus;
using tlm::Payload;

namespace {

constexpr unsigned kUpstream = 0;
constexpr unsigned kNobody = ~0u;

}  // namespace

struct Switch::Port {
  Port(Switch& s, unsigned index, unsigned ports, const AcsConfig& acs_config)
      : link(index == kUpstream ? "upstream" : "port_" + std::to_string(index - 1), s.context(), s,
             {index == kUpstream ? PortRole::switch_upstream : PortRole::switch_downstream, s.config_.buffer, ports,
              s.config_.mode == ForwardMode::cut_through},
             index),
        acs(acs_config, index == kUpstream ? 0 : index - 1) {}

  LinkPort link;
  Acs acs;
  BusRange buses;
  base::Counter forwarded, peer, redirects, unsupported;
};

Switch::Switch(::sc_core::sc_module_name name, tlm::Context& context, const SwitchConfig& config,
               const std::vector<SwitchPortConfig>& downstream)
    : Module(name, context),
      config_(config),
      inside_(context.scheduler, std::string(this->name()) + ".inside", tlm::delegate<&Switch::deliver>(this)) {
  const auto ports = static_cast<unsigned>(downstream.size()) + 1;
  if (downstream.empty() || ports > 256) fatal("a switch has 1 to 255 downstream ports");
  for (unsigned i = 0; i < ports; ++i) {
    ports_.push_back(std::make_unique<Port>(*this, i, ports, i == kUpstream ? AcsConfig() : downstream[i - 1].acs));
    weights_.push_back(i == kUpstream ? config.upstream_weight : downstream[i - 1].weight);
    add_metrics(stats().group(i == kUpstream ? "upstream" : "port" + std::to_string(i - 1)), i);
  }
}

Switch::~Switch() = default;

LinkPort& Switch::upstream_port() { return ports_[kUpstream]->link; }
LinkPort& Switch::downstream_port(unsigned i) { return ports_.at(i + 1)->link; }
Acs& Switch::acs(unsigned i) { return ports_.at(i + 1)->acs; }

void Switch::observe_acs(AcsObserver* observer) {
  for (auto& port : ports_) port->acs.observe(observer);
}

// Links are made after the switch: the weights are handed to their transmitters before the first TLP moves.
void Switch::end_of_elaboration() {
  for (auto& port : ports_) {
    if (!port->link.linked()) continue;
    for (unsigned in = 0; in < weights_.size(); ++in) port->link.out().set_weight(in, weights_[in]);
  }
}

void Switch::add_window(base::Hpa base, std::uint64_t bytes, unsigned i) {
  const auto at = std::find_if(windows_.begin(), windows_.end(), [&](const Window& w) { return base < w.base; });
  const bool before = at != windows_.begin() && base - std::prev(at)->base < std::prev(at)->bytes;
  const bool after = at != windows_.end() && at->base - base < bytes;
  if (i >= downstream_ports() || bytes == 0 || before || after)
    fatal("a memory window is empty, overlaps another or names no port");
  windows_.insert(at, {base, bytes, i + 1});
}

void Switch::set_buses(unsigned first, unsigned last, unsigned i) {
  for (unsigned other = 1; other < ports_.size(); ++other) {
    const BusRange& buses = ports_[other]->buses;
    if (other != i + 1 && first <= buses.last && buses.first <= last) fatal("two ports have a bus in common");
  }
  if (i >= downstream_ports() || first == 0 || first > last || last > 255)
    fatal("a port's buses are empty or outside 1 to 255, or the port does not exist");
  ports_[i + 1]->buses = {first, last};
}

unsigned Switch::port_of_bus(unsigned bus) const {
  for (unsigned i = 1; i < ports_.size(); ++i) {
    if (ports_[i]->buses.holds(bus)) return i;
  }
  return kNobody;
}

/// The downstream port that a request is for.
unsigned Switch::claimant(const Payload& payload) const {
  const tlm::DmaExtension& x = tlm::dma(payload);
  if (x.space == AddressSpace::configuration || x.message != tlm::Message::none)
    return port_of_bus(base::bus_of(x.target));
  const base::Hpa address(payload.get_address());
  const auto after = std::upper_bound(windows_.begin(), windows_.end(), address,
                                      [](base::Hpa a, const Window& w) { return a < w.base; });
  if (after == windows_.begin()) return kNobody;
  const Window& window = *std::prev(after);
  return address - window.base < window.bytes ? window.port : kNobody;
}

/// Where a request from below goes; kNobody: nowhere, its status says why.
unsigned Switch::route_up(unsigned in, Payload& payload) {
  Port& port = *ports_[in];
  if (!port.acs.admits(payload, port.buses)) {
    refuse(payload, CompletionStatus::completer_abort);
    return kNobody;
  }
  tlm::DmaExtension& x = tlm::dma(payload);
  if (x.space == AddressSpace::configuration) {
    refuse(payload, CompletionStatus::unsupported_request);
    return kNobody;
  }
  const unsigned out = claimant(payload);
  if (out == kNobody) return kUpstream;
  if (out == in) {
    if (port.acs.config().upstream_forwarding) return kUpstream;
    refuse(payload, CompletionStatus::unsupported_request);
    return kNobody;
  }
  switch (port.acs.to_peer(payload, out - 1)) {
    case Acs::Verdict::redirect: ++port.redirects; return kUpstream;
    case Acs::Verdict::violation: refuse(payload, CompletionStatus::completer_abort); return kNobody;
    case Acs::Verdict::direct: break;
  }
  // The address is a host address now, as the peer has claimed it: no remapping unit sees the request.
  ++port.peer;
  if (x.message == tlm::Message::none) x.space = AddressSpace::hpa;
  return out;
}

void Switch::receive(LinkPort& link, Payload& payload, Time tail) {
  const unsigned in = link.index();
  unsigned out;
  if (in == kUpstream) {
    out = claimant(payload);
    if (out == kNobody) refuse(payload, CompletionStatus::unsupported_request);
  } else {
    out = route_up(in, payload);
  }
  if (out == kNobody) {
    drop(in, payload, tail);
    return;
  }
  tlm::dma(payload).push_hop(static_cast<std::uint16_t>(in));
  forward({&payload, in, out, false, {}, tail});
}

// A posted request vanishes; any other gets a completion without data from here, behind the usual latency.
void Switch::drop(unsigned in, Payload& payload, Time tail) {
  LinkPort& link = ports_[in]->link;
  if (tlm::dma(payload).status == CompletionStatus::unsupported_request) ++ports_[in]->unsupported;
  link.release(payload, tail);
  if (is_posted(payload)) {
    link.finish_posted(payload);
  } else {
    forward({&payload, in, in, true, {0, 0, true, tlm::dma(payload).hops(), 0}, tail});
  }
}

// A redirected completion goes up to the root complex and comes down again. It counts the switches on its way up, from
// the one that has redirected it; on the way down all but that one, which has a hop of the request, route it by its
// requester's ID.
/// Where a completion that came in by `in` leaves by; what is ahead of it then is in the extension's hops.
unsigned Switch::route_completion(unsigned in, Payload& payload, CompletionPart& part) {
  tlm::DmaExtension& x = tlm::dma(payload);
  Port& port = *ports_[in];
  if (part.detour == 0 || (in == kUpstream && part.detour == 1)) {
    const std::uint16_t hop = x.pop_hop();
    const bool to_peer = in != kUpstream && hop != kUpstream;
    part.detour = 0;
    if (!to_peer || !port.acs.redirects_completion(payload)) return hop;
    ++port.redirects;
    x.push_hop(hop);
    part.detour = 1;
    return kUpstream;
  }
  if (in == kUpstream) {
    const unsigned out = port_of_bus(base::bus_of(base::bdf_of(x.requester)));
    if (out == kNobody) fatal("a redirected completion is for a requester on no bus below");
    --part.detour;
    return out;
  }
  // Its requester is below the port that it comes by.
  if (!port.acs.config().upstream_forwarding)
    fatal("a redirected completion meets a port without upstream forwarding: nobody expects it there");
  ++part.detour;
  return kUpstream;
}

void Switch::receive_completion(LinkPort& link, Payload& payload, CompletionPart part, Time tail) {
  const unsigned out = route_completion(link.index(), payload, part);
  part.hops = tlm::dma(payload).hops();
  forward({&payload, link.index(), out, true, part, tail});
}

// A TLP that comes slower than it goes waits here until the rest will be there in time. One that came by the same link
// later cannot overtake it: its header comes after this one's last byte.
void Switch::forward(Item item) {
  const LinkPort& egress = ports_[item.out]->link;
  Time ready = now();
  if (item.tail > ready && egress.linked()) {
    const std::uint32_t end = item.completion ? item.part.end : item.payload->get_data_length();
    const Time takes = egress.out().duration(*item.payload, item.completion, item.part.begin, end);
    if (item.tail > ready + takes) ready = item.tail - takes;
  }
  ready = ready + config_.latency;
  item.tail = item.tail + config_.latency;
  ++ports_[item.in]->forwarded;
  if (ready == now()) {
    deliver(item);
  } else {
    inside_.push(item, ready);
  }
}

void Switch::deliver(Item item) {
  LinkPort& egress = ports_[item.out]->link;
  // A completion made here occupies no buffer.
  LinkPort* const held_in = item.in == item.out ? nullptr : &ports_[item.in]->link;
  if (item.completion) {
    egress.forward_completion(*item.payload, item.part, item.in, held_in, item.tail);
  } else {
    egress.send(*item.payload, item.in, held_in, item.tail);
  }
}

void Switch::posted_done(LinkPort&, Payload& payload) {
  ports_[tlm::dma(payload).pop_hop()]->link.finish_posted(payload);
}

unsigned Switch::debug(LinkPort& link, Payload& payload) {
  const unsigned out = claimant(payload);
  if (out == link.index() || (out == kNobody && link.index() == kUpstream)) return 0;
  return ports_[out == kNobody ? kUpstream : out]->link.tx.debug(payload);
}

void Switch::add_metrics(base::Group& group, unsigned i) {
  Port& port = *ports_[i];
  group.add("forwarded", port.forwarded, "1", "TLPs that came by this port and went on, answered ones included");
  group.add("unsupported", port.unsupported, "1", "requests by this port that nobody claimed");
  if (i == kUpstream) return;
  group.add("peer", port.peer, "1", "requests sent to a peer directly");
  group.add("redirected", port.redirects, "1", "requests and completions for a peer that were sent upstream instead");
  port.acs.add_metrics(group.group("acs"));
}

}  // namespace iommusim::pcie
