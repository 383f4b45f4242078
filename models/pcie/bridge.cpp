#include "models/pcie/bridge.h"

#include <algorithm>
#include <string>

#include "models/base/bdf.h"
#include "models/pcie/acs.h"

namespace iommusim::pcie {

using base::Time;
using tlm::AddressSpace;
using tlm::CompletionStatus;
using tlm::Payload;

namespace {
// Dual address cycle: the upper half of the address takes a clock of its own (PCI 3.0 section 3.9).
constexpr unsigned address_clocks(std::uint64_t address) { return address >> 32 != 0 ? 1 : 0; }
}  // namespace

struct Bridge::Slot {
  Slot(Bridge& bridge, unsigned index)
      : from(("from_device_" + std::to_string(index)).c_str(), bridge.context(), bridge, index),
        to(("to_device_" + std::to_string(index)).c_str(), bridge.context(), bridge, index) {}
  tlm::TargetPort from;
  tlm::InitiatorPort to;
};

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
Bridge::Bridge(::sc_core::sc_module_name name, tlm::Context& context, const BridgeConfig& config,
               unsigned secondary_bus, unsigned devices)
    : Module(name, context),
      link_port("link", context, *this,
                {PortRole::endpoint, {config.buffer.posted, config.buffer.non_posted, {}}, 1, false}),
      config_(config),
      alias_(base::make_bdf(secondary_bus, 0, 0)),
      to_link_(context.scheduler, std::string(this->name()) + ".to_link", tlm::delegate<&Bridge::leave>(this)),
      from_link_(context.scheduler, std::string(this->name()) + ".from_link", tlm::delegate<&Bridge::enter>(this)),
      bus_(context.scheduler, std::string(this->name()) + ".bus", tlm::delegate<&Bridge::hand_over>(this)) {
  for (unsigned i = 0; i < devices; ++i) devices_.push_back(std::make_unique<Slot>(*this, i));
  stats().add("transactions", stats_.transactions, "1", "transactions on the bus; a read takes two");
  stats().add("bus_bytes", stats_.bus_bytes, "B", "data moved on the bus");
  stats().add("bus_time", stats_.bus_ps, "ps", "time the bus was taken");
  stats().add("unclaimed", stats_.unclaimed, "1", "requests from the link to no device, and messages");
}

Bridge::~Bridge() = default;

tlm::TargetPort& Bridge::from_device(unsigned i) { return devices_.at(i)->from; }
tlm::InitiatorPort& Bridge::to_device(unsigned i) { return devices_.at(i)->to; }

void Bridge::add_window(base::Hpa base, std::uint64_t bytes, unsigned i) { windows_.push_back({base, bytes, i}); }
void Bridge::add_function(base::Bdf function, unsigned i) { functions_.push_back({function, i}); }

/// The device a request from the link is for; -1: nobody's.
int Bridge::device_of(const Payload& payload) const {
  const tlm::DmaExtension& x = tlm::dma(payload);
  if (x.message != tlm::Message::none) return -1;
  if (x.space == AddressSpace::configuration) {
    for (const Function& f : functions_) {
      if (f.bdf == x.target) return static_cast<int>(f.device);
    }
    return -1;
  }
  for (const Window& w : windows_) {
    if (payload.get_address() - w.base.value() < w.bytes) return static_cast<int>(w.device);
  }
  return -1;
}

/// The bus is taken as soon as it is free; returns when the transaction ends.
Time Bridge::transact(const Payload& payload, bool data) {
  const std::uint64_t width = config_.width_bits / 8, offset = payload.get_address() % width;
  const std::uint64_t bytes = data ? payload.get_data_length() : 0;
  const std::uint64_t clocks = config_.setup_clocks + address_clocks(payload.get_address()) +
                               (bytes == 0 ? 0 : (offset + bytes + width - 1) / width);
  const Time takes = Time::ps(clocks * (config_.clock_mhz == 66 ? 15000 : 30000));
  bus_free_ = std::max(now(), bus_free_) + takes;
  ++stats_.transactions;
  stats_.bus_bytes += bytes;
  stats_.bus_ps += takes.ps();
  return bus_free_;
}

// --- upward: the first transaction of a request on the bus, the link, and for a read the second

bool Bridge::request(tlm::TargetPort& port, Payload& payload) {
  tlm::DmaExtension& x = tlm::dma(payload);
  if (x.message != tlm::Message::none || x.space == AddressSpace::configuration) {
    ++stats_.unclaimed;
    refuse(payload, CompletionStatus::unsupported_request);
    port.respond(payload);
    return true;
  }
  x.push_hop(base::bdf_of(x.requester).value());
  x.push_hop(static_cast<std::uint16_t>(port.index()));
  x.requester = base::make_source_id(base::segment_of(x.requester), alias_);
  x.has_pasid = false;
  x.at = base::AddressType::untranslated;
  to_link_.push({&payload, false}, transact(payload, payload.is_write()) + config_.latency);
  return true;
}

void Bridge::leave(Item item) {
  if (item.completion) {
    link_port.complete(*item.payload);
  } else {
    link_port.send(*item.payload);
  }
}

/// Gives a request its own requester back and returns its device.
unsigned Bridge::unalias(Payload& payload) {
  tlm::DmaExtension& x = tlm::dma(payload);
  const unsigned device = x.pop_hop();
  x.requester = base::make_source_id(base::segment_of(x.requester), base::Bdf(x.pop_hop()));
  return device;
}

// The bridge has asked for all of the data and passes it on in one transaction.
void Bridge::receive_completion(LinkPort&, Payload& payload, CompletionPart part, Time) {
  tlm::DmaExtension& x = tlm::dma(payload);
  if (x.first_completion == Time()) x.first_completion = now();
  if (part.last) from_link_.push({&payload, true}, now() + config_.latency);
}

void Bridge::posted_done(LinkPort&, Payload& payload) { devices_[unalias(payload)]->from.respond(payload); }

// --- downward: requests, and completions of requests from behind

void Bridge::receive(LinkPort&, Payload& payload, Time) {
  const int device = device_of(payload);
  if (device >= 0) {
    tlm::dma(payload).push_hop(static_cast<std::uint16_t>(device));
    from_link_.push({&payload, false}, now() + config_.latency);
    return;
  }
  ++stats_.unclaimed;
  refuse(payload, CompletionStatus::unsupported_request);
  link_port.release(payload, now());
  if (is_posted(payload)) {
    link_port.finish_posted(payload);
  } else {
    link_port.complete(payload);
  }
}

void Bridge::enter(Item item) {
  const bool data = item.completion ? completes_with_data(*item.payload) : item.payload->is_write();
  bus_.push(item, transact(*item.payload, data));
}

void Bridge::hand_over(Item item) {
  Payload& payload = *item.payload;
  if (item.completion) {
    devices_[unalias(payload)]->from.respond(payload);
    return;
  }
  link_port.release(payload, now());
  devices_[tlm::dma(payload).pop_hop()]->to.send(payload);
}

// A register has answered: a read fetches its data in a second transaction.
void Bridge::response(tlm::InitiatorPort&, Payload& payload) {
  if (is_posted(payload)) {
    link_port.finish_posted(payload);
  } else {
    to_link_.push({&payload, true}, transact(payload, completes_with_data(payload)) + config_.latency);
  }
}

// --- debug access

unsigned Bridge::debug(tlm::TargetPort&, Payload& payload) { return link_port.tx.debug(payload); }

unsigned Bridge::debug(LinkPort&, Payload& payload) {
  const int device = device_of(payload);
  return device < 0 ? 0 : devices_[static_cast<unsigned>(device)]->to.debug(payload);
}

}  // namespace iommusim::pcie
