#include "models/pcie/link.h"

#include <string>

namespace iommusim::pcie {

using tlm::Payload;

Link::Direction::Direction(Link& link, const char* name, tlm::Delegate<void(Item)> arrive, base::PsRatio per_byte)
    : serialiser(per_byte),
      byte_time(per_byte),
      wire(link.scheduler(), std::string(link.name()) + "." + name, arrive) {}

Link::Link(::sc_core::sc_module_name name, tlm::Context& context, const LinkConfig& config)
    : Module(name, context),
      from_endpoint("from_endpoint", context, *this),
      to_root("to_root", context, *this),
      from_root("from_root", context, *this),
      to_endpoint("to_endpoint", context, *this),
      config_(config),
      format_(config.format()),
      up_(*this, "up", tlm::delegate<&Link::arrive_up>(this), config.byte_time()),
      down_(*this, "down", tlm::delegate<&Link::arrive_down>(this), config.byte_time()) {
  add_metrics(stats().group("up"), up_);
  add_metrics(stats().group("down"), down_);
}

base::Time Link::send(Direction& direction, Item item, std::uint64_t wire_bytes) {
  const auto slot = direction.serialiser.take(now(), wire_bytes);
  direction.stats.wire_bytes += wire_bytes;
  direction.wire.push(item, slot.end + config_.propagation);
  return slot.start;
}

// The request's link takes as long as its direction is busy; the port is answered at once, so a request never blocks
// another kind of traffic behind it (DESIGN section 3 rule 2).
bool Link::request(tlm::TargetPort& port, Payload& payload) {
  const bool upward = &port == &from_endpoint;
  Direction& direction = upward ? up_ : down_;
  auto& ext = tlm::dma(payload);
  const std::uint64_t bytes = payload.get_data_length();
  const TlpKind kind = payload.is_write()  ? TlpKind::memory_write
                       : payload.is_read() ? TlpKind::memory_read
                                           : TlpKind::message;
  ++direction.stats.requests;
  if (payload.is_write()) direction.stats.payload_bytes += bytes;
  const base::Time start =
      send(direction, {&payload, false},
           request_wire_bytes(config_.generation, kind, payload.get_address(), bytes, ext.has_pasid, format_));
  if (upward) ext.stamp[ext.link_up_start] = start;
  return true;
}

// A write's response is bookkeeping: it costs nothing and passes at once. A read's is its completions.
void Link::response(tlm::InitiatorPort& port, Payload& payload) {
  const bool downward = &port == &to_root;
  if (!payload.is_read()) {
    (downward ? from_endpoint : from_root).respond(payload);
    return;
  }
  Direction& direction = downward ? down_ : up_;
  auto& ext = tlm::dma(payload);
  std::uint64_t wire_bytes;
  if (ext.status == tlm::CompletionStatus::ok && payload.is_response_ok()) {
    const std::uint64_t bytes = payload.get_data_length();
    const std::uint64_t address = payload.get_address();
    direction.stats.completions += completion_count(address, bytes, config_.rcb.value(), config_.chunk());
    direction.stats.payload_bytes += bytes;
    wire_bytes =
        completion_wire_bytes(config_.generation, address, bytes, config_.rcb.value(), config_.chunk(), format_);
  } else {
    ++direction.stats.completions;
    wire_bytes = overhead_bytes(config_.generation, TlpKind::completion, 0, false, format_);
  }
  const base::Time start = send(direction, {&payload, true}, wire_bytes);
  if (downward) ext.stamp[ext.link_down_start] = start;
}

void Link::arrive_up(Item item) {
  if (item.response) {
    from_root.respond(*item.payload);
  } else {
    to_root.send(*item.payload);
  }
}

void Link::arrive_down(Item item) {
  if (item.response) {
    from_endpoint.respond(*item.payload);
  } else {
    to_endpoint.send(*item.payload);
  }
}

unsigned Link::debug(tlm::TargetPort& port, Payload& payload) {
  return &port == &from_endpoint ? to_root.debug(payload) : to_endpoint.debug(payload);
}

void Link::add_metrics(base::Group& group, Direction& direction) {
  LinkDirectionStats& stats = direction.stats;
  group.add("requests", stats.requests, "1", "request TLPs sent");
  group.add("completions", stats.completions, "1", "completion TLPs sent");
  group.add("payload_bytes", stats.payload_bytes, "B", "data sent, without headers and padding");
  group.add("wire_bytes", stats.wire_bytes, "B", "TLPs sent with headers, framing and padding");
  const double ps_per_byte =
      static_cast<double>(direction.byte_time.num) / static_cast<double>(direction.byte_time.den);
  group.add(
      "utilisation",
      [&stats, ps_per_byte](base::Time window) {
        return window == base::Time()
                   ? 0.0
                   : static_cast<double>(stats.wire_bytes.value()) * ps_per_byte / static_cast<double>(window.ps());
      },
      "1", "share of the window in which TLPs, with the data-link share of each byte, occupied the direction");
}

}  // namespace iommusim::pcie
