// One direction of a link: what its sender queues, in which order that leaves, when, and when it arrives.
//
// A TLP leaves when the serialiser is free, the receiver's buffer has room for its class (flow_control.h), and the
// ordering rules let it go: among TLPs of one input, non-posted requests and completions do not pass an earlier posted
// request, exceptions apart (may_pass_posted), posted requests and completions pass what is blocked, and each class
// keeps its order (PCIe 5.0 section 2.4.1, table 2-40). Inputs are what the sender arbitrates between (the ports of a
// switch, the functions of an endpoint): smooth weighted round robin, TLP by TLP, which with equal weights is round
// robin. Where credits are short the input whose turn it is gets the next of its class, lest small TLPs use up what a
// large one waits for. A read's completions are cut here (section 2.3.1.1) and queue again one by one behind those of
// the next `interleaved_reads` reads. The traffic classes share `virtual_channels` equally, in order; a higher channel
// goes first, always.
//
// Events: one per TLP, its arrival. Another when the serialiser becomes free exists only while a decision waits for it:
// a single input with nothing queued is committed ahead. Blocked senders wake when the credits they lack arrive.
// Left out: NAK and replay, power states, the position of a FLIT's bytes (they are spread evenly over it).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/stats/group.h"
#include "models/pcie/flow_control.h"
#include "models/pcie/link_config.h"
#include "models/pcie/serialiser.h"
#include "models/tlm/context.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/ring.h"
#include "models/tlm/timer.h"
#include "models/tlm/tracer.h"

namespace iommusim::pcie {

class LinkPort;
class Link;

/// Counters of one direction.
struct LinkDirectionStats {
  base::Counter requests;       ///< request TLPs
  base::Counter completions;    ///< completion TLPs
  base::Counter payload_bytes;  ///< data moved, without headers and padding
  base::Counter wire_bytes;     ///< TLPs with framing; data-link packets are a share of time, not counted here
  std::array<base::Counter, kFlowClasses> credit_stalls;  ///< times that something waited and nothing had credits
  base::Mean credit_wait;                                 ///< ps from such a moment to the next TLP
  base::Occupancy inside;                                 ///< TLPs that wait to leave or are on the wire
};

/// A TLP as it leaves, for whoever watches (tlp_trace.h). Times: its first and last byte on the wire, and when the
/// receiver can use it.
struct SentTlp {
  const tlm::Payload& payload;  ///< the request, or what is completed
  bool completion;
  std::uint32_t begin, end;  ///< completions: which of the request's bytes
  const Tlp& tlp;
  FlowClass flow;
  std::uint64_t wire_bytes;
  base::Time start, stop, arrival;
};
class TlpObserver {
 public:
  virtual void sent(const Link& link, bool up, const SentTlp& tlp) = 0;

 protected:
  ~TlpObserver() = default;
};

class Transmitter {
 public:
  /// One thing to send: a request TLP, or the completions of bytes [begin, end) of a request's data.
  struct Item {
    tlm::Payload* payload = nullptr;
    bool completion = false;
    std::uint32_t begin = 0, end = 0;
    base::Time tail;              ///< its last byte reaches the sender then (cut-through); not later than now otherwise
    LinkPort* held_in = nullptr;  ///< whose receive buffer it occupies until it has left
    unsigned hops = 0;            ///< of a completion: ahead of it on the way back
    unsigned detour = 0;          ///< of a completion: see CompletionPart
    bool whole = true;            ///< false: a completer's, to be cut here
    std::uint64_t sequence = 0;   ///< given by push()
    bool closes = true;           ///< nothing of what push() was given comes behind it
  };

  Transmitter(Link& link, const char* name, bool up, LinkPort& from, LinkPort& to, const LinkConfig& config,
              base::Group& stats);

  /// Queues `item` at one of the sender's inputs.
  void push(unsigned input, Item item);
  /// The receiver has freed the buffer of a TLP, at `at` (now or later).
  void give_back(FlowClass c, unsigned channel, Credits credits, base::Time at);
  void set_weight(unsigned input, unsigned weight) { inputs_.at(input).weight = weight; }
  void observe(TlpObserver* observer) { observer_ = observer; }

  const LinkDirectionStats& stats() const { return stats_; }
  base::Time free_at() const { return serialiser_.free_at(); }
  /// Nothing queued and nothing on the wire.
  bool idle() const { return waiting_ == 0 && wire_.empty(); }
  /// What waits, for the error of a drain that does not end.
  std::string holding() const;
  /// The virtual channel of a traffic class, 0 to 7.
  unsigned channel_of(std::uint8_t traffic_class) const { return traffic_class * channels_ / 8u; }
  /// How long a TLP occupies the wire.
  base::Time duration(const tlm::Payload& payload, bool completion, std::uint32_t begin, std::uint32_t end) const;
  /// What a TLP takes in a receive buffer.
  Credits credits_of(const tlm::Payload& payload, bool completion, std::uint32_t begin, std::uint32_t end) const;

 private:
  using Queue = tlm::Ring<Item>;
  struct Input {
    unsigned weight = 1;
    std::int64_t current = 0;  // smooth weighted round robin
  };
  struct Choice {
    unsigned input = 0, channel = 0;
    FlowClass flow = FlowClass::posted;
    bool covered = true;  // there are credits for it
  };
  static constexpr unsigned kNobody = ~0u;

  Queue& queue(unsigned input, unsigned channel, FlowClass c) {
    return queues_[(input * channels_ + channel) * kFlowClasses + static_cast<std::size_t>(c)];
  }
  CreditCounter& credits(unsigned channel, FlowClass c) {
    return credits_[channel * kFlowClasses + static_cast<std::size_t>(c)];
  }
  base::Time now() const { return context_.scheduler.now(); }
  static FlowClass flow_of(const Item& item) {
    return item.completion ? FlowClass::completion : request_class(*item.payload);
  }
  unsigned& claim(unsigned channel, FlowClass c) {
    return claims_[channel * kFlowClasses + static_cast<std::size_t>(c)];
  }
  std::uint32_t next_end(const Item& item) const;
  bool covered(const Item& item, unsigned channel, FlowClass c);
  bool may_pass_posted(const Item& item, Queue& posted) const;
  bool in_order(unsigned input, unsigned channel, FlowClass c);
  bool eligible(unsigned input, unsigned channel, bool covered_only, Choice& choice);
  bool claimed(unsigned channel, Choice& choice);
  bool arbitrate(unsigned channel, Choice& choice);
  bool choose(Choice& choice);
  void pump();
  void wait_for_credits();
  void send_head(const Choice& choice);
  void commit(Item item, unsigned channel, FlowClass c);
  void arrive(Item item);
  void draw(const SentTlp& sent);
  void add_metrics(base::Group& group);

  Link& link_;
  tlm::Context& context_;
  const bool up_;
  LinkPort& from_;
  LinkPort& to_;
  const LinkConfig config_;
  const TlpFormat format_;
  const base::PsRatio byte_time_;
  const unsigned channels_;
  Serialiser serialiser_;
  const FlitClock flits_;
  std::vector<Input> inputs_;
  std::vector<Queue> queues_;
  std::vector<CreditCounter> credits_;
  std::vector<unsigned> claims_;  // by channel and class: the input that the next credits are for
  std::uint64_t sequence_ = 0;
  std::size_t waiting_ = 0;
  bool blocked_ = false;  // something waits and nothing has credits
  base::Time blocked_since_;
  tlm::Timer pump_;
  tlm::DelayLine<Item> wire_;
  LinkDirectionStats stats_;
  TlpObserver* observer_ = nullptr;
  tlm::Track track_;
};

}  // namespace iommusim::pcie
