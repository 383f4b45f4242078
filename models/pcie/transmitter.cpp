#include "models/pcie/transmitter.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/base/bdf.h"
#include "models/pcie/link.h"
#include "models/pcie/link_port.h"
#include "models/pcie/tlp_text.h"

namespace iommusim::pcie {

using base::Time;
using tlm::Payload;

namespace {

/// Completers other than the root complex may cut at 128 bytes only (PCIe 5.0 section 2.3.1.1).
constexpr std::uint64_t kDeviceRcb = 128;

TlpKind request_kind(const Payload& payload) {
  const tlm::DmaExtension& x = tlm::dma(payload);
  if (x.at == tlm::AddressType::translation_request) return TlpKind::translation_request;
  if (x.space == tlm::AddressSpace::configuration)
    return payload.is_read() ? TlpKind::configuration_read : TlpKind::configuration_write;
  if (payload.is_read()) return TlpKind::memory_read;
  if (payload.is_write()) return TlpKind::memory_write;
  return payload.get_data_length() == 0 ? TlpKind::message : TlpKind::message_with_data;
}

/// Where a request's data begins, for the rules about boundaries: translation completions have no address.
std::uint64_t data_address(const Payload& payload) {
  return tlm::dma(payload).at == tlm::AddressType::translation_request ? 0 : payload.get_address();
}

/// A request, or the completion of bytes [begin, end) of one.
Tlp tlp_of(const Payload& payload, bool completion, std::uint32_t begin, std::uint32_t end) {
  const tlm::DmaExtension& x = tlm::dma(payload);
  if (!completion) return {request_kind(payload), payload.get_address(), payload.get_data_length(), x.has_pasid};
  return {begin == end ? TlpKind::completion : TlpKind::completion_with_data, data_address(payload) + begin,
          end - begin, false, x.status != tlm::CompletionStatus::ok};
}

}  // namespace

Transmitter::Transmitter(Link& link, const char* name, bool up, LinkPort& from, LinkPort& to, const LinkConfig& config,
                         base::Group& stats)
    : link_(link),
      context_(link.context()),
      up_(up),
      from_(from),
      to_(to),
      config_(config),
      format_(config.format()),
      byte_time_(config.byte_time(up)),
      channels_(config.virtual_channels),
      serialiser_(byte_time_),
      flits_(config.flit_time()),
      inputs_(from.config().inputs),
      queues_(std::size_t{from.config().inputs} * config.virtual_channels * kFlowClasses),
      claims_(std::size_t{config.virtual_channels} * kFlowClasses, kNobody),
      pump_(link.context().scheduler, std::string(link.name()) + "." + name + ".free",
            tlm::delegate<&Transmitter::pump>(this)),
      wire_(link.context().scheduler, std::string(link.name()) + "." + name, tlm::delegate<&Transmitter::arrive>(this)),
      track_(link.context(), "links", fmt::format("{} {}", link.name(), name)) {
  for (unsigned channel = 0; channel < channels_; ++channel) {
    for (const FlowClass c : {FlowClass::posted, FlowClass::non_posted, FlowClass::completion})
      credits_.emplace_back(to.config().buffer.of(c));
  }
  add_metrics(stats.group(name));
}

Credits Transmitter::credits_of(const Payload& payload, bool completion, std::uint32_t begin, std::uint32_t end) const {
  if (completion) return credits_for(payload_bytes(data_address(payload) + begin, end - begin));
  if (!has_payload(request_kind(payload))) return credits_for(0);
  return credits_for(payload_bytes(payload.get_address(), payload.get_data_length()));
}

Time Transmitter::duration(const Payload& payload, bool completion, std::uint32_t begin, std::uint32_t end) const {
  return serialiser_.duration(wire_bytes(tlp_of(payload, completion, begin, end), format_));
}

/// Where the next TLP of an item ends.
std::uint32_t Transmitter::next_end(const Item& item) const {
  const PortRole role = from_.config().role;
  if (item.whole || item.begin == item.end) return item.end;
  const std::uint64_t rcb = role == PortRole::root_port ? config_.rcb.value() : kDeviceRcb;
  const std::uint64_t chunk = role == PortRole::root_port ? config_.chunk() : config_.mps.value();
  return item.begin + static_cast<std::uint32_t>(next_completion(data_address(*item.payload) + item.begin,
                                                                 item.end - item.begin, rcb, std::max(rcb, chunk)));
}

bool Transmitter::covered(const Item& item, unsigned channel, FlowClass c) {
  return credits(channel, c).cover(credits_of(*item.payload, item.completion, item.begin, next_end(item)), now());
}

// A single input and channel with nothing queued has no decision to take, now or later: what comes next queues behind.
void Transmitter::push(unsigned input, Item item) {
  item.sequence = ++sequence_;
  stats_.inside.add(now());
  const FlowClass c = flow_of(item);
  const unsigned channel = channels_ == 1 ? 0 : channel_of(tlm::dma(*item.payload).traffic_class);
  if (waiting_ == 0 && ((inputs_.size() == 1 && channels_ == 1) || now() >= serialiser_.free_at()) &&
      next_end(item) == item.end && covered(item, channel, c)) {
    commit(item, channel, c);
    return;
  }
  queue(input, channel, c).push(item);
  ++waiting_;
  if (now() >= serialiser_.free_at()) {
    pump();
  } else if (!pump_.armed()) {
    pump_.arm(serialiser_.free_at());
  }
}

// Table 2-40, entries B2b, C2b and D2b. A completion's own ID-based ordering is not used: whether a completer sets it
// is up to a setting of its own that is off after reset (section 7.5.3.16). A posted request could pass another by A2b,
// but has no reason to: both want the same credits.
bool Transmitter::may_pass_posted(const Item& item, Queue& posted) const {
  const tlm::DmaExtension& x = tlm::dma(*item.payload);
  if (item.completion)
    return x.relaxed_ordering || (x.space == tlm::AddressSpace::configuration && item.payload->is_write());
  if (x.relaxed_ordering && item.payload->is_write()) return true;  // non-posted with data
  if (!x.id_ordering) return false;
  for (std::size_t i = 0; i < posted.size() && posted[i].sequence < item.sequence; ++i) {
    const tlm::DmaExtension& earlier = tlm::dma(*posted[i].payload);
    const bool other_pasid = x.has_pasid && earlier.has_pasid && x.pasid != earlier.pasid;
    if (earlier.requester == x.requester && !other_pasid) return false;
  }
  return true;
}

/// True if the ordering rules let the head of this queue go.
bool Transmitter::in_order(unsigned input, unsigned channel, FlowClass c) {
  if (c == FlowClass::posted) return true;
  Queue& posted = queue(input, channel, FlowClass::posted);
  const Item& head = queue(input, channel, c).front();
  return posted.empty() || posted.front().sequence > head.sequence || may_pass_posted(head, posted);
}

/// The oldest TLP of an input and channel that may go; with `covered_only`, that may go now.
bool Transmitter::eligible(unsigned input, unsigned channel, bool covered_only, Choice& choice) {
  std::uint64_t oldest = ~std::uint64_t{0};
  for (const FlowClass c : {FlowClass::posted, FlowClass::non_posted, FlowClass::completion}) {
    const Queue& q = queue(input, channel, c);
    if (q.empty() || q.front().sequence > oldest || claim(channel, c) != kNobody || !in_order(input, channel, c))
      continue;
    const bool has_credits = covered(q.front(), channel, c);
    if (covered_only && !has_credits) continue;
    oldest = q.front().sequence;
    choice = {input, channel, c, has_credits};
  }
  return oldest != ~std::uint64_t{0};
}

/// An input whose turn came earlier has its credits now.
bool Transmitter::claimed(unsigned channel, Choice& choice) {
  for (const FlowClass c : {FlowClass::posted, FlowClass::non_posted, FlowClass::completion}) {
    const unsigned input = claim(channel, c);
    if (input == kNobody || !covered(queue(input, channel, c).front(), channel, c)) continue;
    claim(channel, c) = kNobody;
    choice = {input, channel, c, true};
    return true;
  }
  return false;
}

/// A turn of the round robin between the inputs that have something to send, with or without credits.
bool Transmitter::arbitrate(unsigned channel, Choice& choice) {
  Input* winner = nullptr;
  std::int64_t total = 0;
  for (unsigned i = 0; i < inputs_.size(); ++i) {
    Choice candidate;
    if (!eligible(i, channel, false, candidate)) continue;
    inputs_[i].current += inputs_[i].weight;
    total += inputs_[i].weight;
    if (winner != nullptr && inputs_[i].current <= winner->current) continue;
    winner = &inputs_[i];
    choice = candidate;
  }
  if (winner == nullptr) return false;
  winner->current -= total;
  return true;
}

bool Transmitter::choose(Choice& choice) {
  for (unsigned channel = channels_; channel-- > 0;) {
    if (inputs_.size() == 1) {
      if (eligible(0, channel, true, choice)) return true;
      continue;
    }
    if (claimed(channel, choice)) return true;
    while (arbitrate(channel, choice)) {
      if (choice.covered) return true;
      claim(channel, choice.flow) = choice.input;  // at most once per class, so that this ends
    }
  }
  return false;
}

void Transmitter::pump() {
  while (waiting_ > 0 && now() >= serialiser_.free_at()) {
    Choice choice;
    if (!choose(choice)) {
      wait_for_credits();
      return;
    }
    if (blocked_) stats_.credit_wait.add(now() - blocked_since_);
    blocked_ = false;
    send_head(choice);
  }
  if (waiting_ > 0) pump_.arm(serialiser_.free_at());
}

void Transmitter::wait_for_credits() {
  Time wake = Time::max();
  for (unsigned channel = 0; channel < channels_; ++channel) {
    for (const FlowClass c : {FlowClass::posted, FlowClass::non_posted, FlowClass::completion}) {
      bool wanted = false;
      for (unsigned i = 0; i < inputs_.size() && !wanted; ++i) wanted = !queue(i, channel, c).empty();
      if (!wanted) continue;
      if (!blocked_) ++stats_.credit_stalls[static_cast<std::size_t>(c)];
      credits(channel, c).settle(now());
      wake = std::min(wake, credits(channel, c).next_return());
    }
  }
  if (!blocked_) blocked_since_ = now();
  blocked_ = true;
  if (wake != Time::max()) pump_.arm(wake);
}

void Transmitter::give_back(FlowClass c, unsigned channel, Credits amount, Time at) {
  const Time known = std::max(at, now()) + config_.credit_latency + config_.propagation;
  credits(channel, c).give(amount, known);
  if (blocked_ && (!pump_.armed() || known < pump_.due())) pump_.arm(known);
}

// Of a completion that needs several TLPs the rest queues again, behind those of the next few reads. It keeps its place
// in the order against requests.
void Transmitter::send_head(const Choice& choice) {
  Queue& q = queue(choice.input, choice.channel, choice.flow);
  Item item = q.pop();
  const std::uint32_t end = next_end(item);
  if (end != item.end) {
    Item rest = item;
    rest.begin = end;
    q.push_front(rest);
    for (std::size_t i = 1; i < q.size() && i < config_.interleaved_reads; ++i) std::swap(q[i - 1], q[i]);
    item.end = end;
    item.closes = false;
  } else {
    --waiting_;
  }
  commit(item, choice.channel, choice.flow);
}

void Transmitter::commit(Item item, unsigned channel, FlowClass c) {
  Payload& payload = *item.payload;
  tlm::DmaExtension& x = tlm::dma(payload);
  const Tlp tlp = tlp_of(payload, item.completion, item.begin, item.end);
  const std::uint64_t data = has_payload(tlp.kind) ? tlp.bytes : 0;
  const std::uint64_t wire_bytes = pcie::wire_bytes(tlp, format_);
  ++(item.completion ? stats_.completions : stats_.requests);
  credits(channel, c).take(credits_of(payload, item.completion, item.begin, item.end));
  stats_.payload_bytes += data;
  stats_.wire_bytes += wire_bytes;

  // A TLP that is still arriving may not run out on the way: it starts late enough to end no earlier than it has come.
  Time earliest = now();
  if (item.tail > earliest) {
    const Time duration = serialiser_.duration(wire_bytes);
    earliest = std::max(earliest, item.tail > duration ? item.tail - duration : Time());
  }
  const auto slot = serialiser_.take(earliest, wire_bytes);
  if (!item.completion && from_.config().role == PortRole::endpoint) x.stamp[x.link_up_start] = slot.start;
  if (item.completion && from_.config().role == PortRole::root_port && item.begin == 0)
    x.stamp[x.link_down_start] = slot.start;
  if (item.held_in != nullptr) {
    if (item.completion) {
      item.held_in->release_completion(payload, item.begin, item.end, slot.end);
    } else {
      item.held_in->release(payload, slot.end);
    }
    item.held_in = nullptr;
  }
  const Time last = flits_.complete(slot.end) + config_.propagation;
  item.tail = last;
  Time handed_over = last;
  if (to_.config().cut_through) {
    const std::uint64_t header = wire_bytes - payload_bytes(0, data, format_);
    handed_over = std::min(last, flits_.complete(slot.start + serialiser_.duration(header)) + config_.propagation);
  }
  if (observer_ != nullptr || track_.on()) {
    const SentTlp sent{payload, item.completion, item.begin, item.end, tlp, c, wire_bytes, slot.start, slot.end, last};
    if (observer_ != nullptr) observer_->sent(link_, up_, sent);
    if (track_.on() && tlm::traced(x)) draw(sent);
  }
  wire_.push(item, handed_over);
}

void Transmitter::draw(const SentTlp& sent) {
  track_.slice(fmt::format("{} {}", name_of(sent.tlp.kind), sent.tlp.bytes), sent.start, sent.stop,
               tlm::cause_of(tlm::dma(sent.payload)),
               {{"requester", base::to_text(tlm::dma(sent.payload).requester)},
                {"tag", tag_of(sent)},
                {"address", fmt::format("{:#x}", sent.tlp.address)},
                {"bytes", std::uint64_t{sent.tlp.bytes}},
                {"wire_bytes", sent.wire_bytes},
                {"class", std::string(name_of(sent.flow))},
                {"pasid", pasid_of(sent)},
                {"status", std::string(status_of(sent))}});
}

void Transmitter::arrive(Item item) {
  if (item.closes) stats_.inside.sub(now());
  to_.detour_ = item.detour;
  from_.deliver(item);
}

std::string Transmitter::holding() const {
  if (idle()) return "";
  return fmt::format("{}.{}: {} TLPs queued, {} on the wire\n", link_.name(), up_ ? "up" : "down", waiting_,
                     wire_.size());
}

void Transmitter::add_metrics(base::Group& group) {
  group.add("requests", stats_.requests, "1", "request TLPs sent");
  group.add("completions", stats_.completions, "1", "completion TLPs sent");
  group.add("payload_bytes", stats_.payload_bytes, "B", "data sent, without headers and padding");
  group.add("wire_bytes", stats_.wire_bytes, "B", "TLPs sent with headers, framing and padding");
  group.add("posted_stalls", stats_.credit_stalls[0], "1",
            "times that nothing could go for want of credits while a posted request waited");
  group.add("non_posted_stalls", stats_.credit_stalls[1], "1", "the same while a non-posted request waited");
  group.add("completion_stalls", stats_.credit_stalls[2], "1", "the same while a completion waited");
  group.add("credit_wait", stats_.credit_wait, "ps", "time from such a moment to the next TLP");
  group.add("inside", stats_.inside, "1",
            "TLPs that wait to leave or are on the wire, the completions of a read counting as one");
  const double ps_per_byte = static_cast<double>(byte_time_.num) / static_cast<double>(byte_time_.den);
  group.add(
      "utilisation",
      [this, ps_per_byte](Time window) {
        return window == Time()
                   ? 0.0
                   : static_cast<double>(stats_.wire_bytes.value()) * ps_per_byte / static_cast<double>(window.ps());
      },
      "1", "share of the window in which TLPs, with the data-link share of each byte, occupied the direction");
}

}  // namespace iommusim::pcie
