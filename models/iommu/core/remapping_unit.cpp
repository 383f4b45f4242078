#include "models/iommu/core/remapping_unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "models/iommu/core/device_messages.h"
#include "models/iommu/core/memory_access.h"

namespace iommusim::iommu {

using tlm::Boundary;
using Purpose = Transaction::Purpose;

RemappingUnit::RemappingUnit(::sc_core::sc_module_name module_name, tlm::Context& context,
                             const RemappingUnitConfig& config, std::unique_ptr<Architecture> architecture,
                             unsigned upstream_ports)
    : Module(module_name, context),
      downstream("downstream", context, *this),
      walk("walk", context, *this),
      registers("registers", context, *this),
      messages("messages", context, *this),
      config_(config),
      architecture_(std::move(architecture)),
      caches_(config_, context.seed, name(), upstream_ports),
      lookup_(context, name(), config_, *architecture_, caches_, walk, upstream_ports, *this),
      commands_(context, name(), config_, *architecture_, walk, *this),
      actions_(context, *architecture_, walk, *this),
      interrupt_files_(context, downstream, *this),
      fault_reasons_(stats().group("faults").group("reason"), *architecture_),
      register_line_(context.scheduler, std::string(name()) + ".registers",
                     tlm::delegate<&RemappingUnit::register_done>(this)) {
  tlm::TargetPort::Owner& owner = *this;  // a private base: make_unique itself may not convert to it
  for (unsigned i = 0; i < upstream_ports; ++i) {
    upstream_.push_back(std::make_unique<tlm::TargetPort>(fmt::format("upstream{}", i).c_str(), context, owner, i));
  }
  register_stats(stats());
  if (config_.stale_hit_oracle) {
    oracle_ = std::make_unique<StaleHitOracle>(context, *architecture_, walk, stats(), stats().group("requester"));
  }
}

RemappingUnit::~RemappingUnit() = default;

void RemappingUnit::before_end_of_elaboration() {
  if (messages.get_base_port().bind_count() != 0) return;
  tlm::TargetPort::Owner& owner = *this;
  no_devices_ = std::make_unique<tlm::TargetPort>("no_devices", context(), owner);
  messages.bind(*no_devices_);
}

void RemappingUnit::observe(Observer* observer) {
  observer_ = observer;
  lookup_.observe(observer);
}

// ---- transport

bool RemappingUnit::request(tlm::TargetPort& port, tlm::Payload& payload) {
  if (&port == &registers) {
    register_line_.push(&payload, now() + config_.register_latency);
    return true;
  }
  tlm::DmaExtension& x = tlm::dma(payload);
  x.push_hop(static_cast<std::uint16_t>(port.index()));
  x.stamp_now(Boundary::unit_in, now());
  arrive(payload, port.index());
  return true;
}

unsigned RemappingUnit::debug(tlm::TargetPort& port, tlm::Payload& payload) {
  if (&port == &registers || tlm::dma(payload).space != tlm::AddressSpace::hpa) return 0;
  return downstream.debug(payload);
}

void RemappingUnit::response(tlm::InitiatorPort& port, tlm::Payload& payload) {
  tlm::DmaExtension& x = tlm::dma(payload);
  if (&port == &walk) {
    if (x.remapping_slot == CommandEngine::kSlot) {
      commands_.response(payload);
    } else if (x.remapping_slot == Actions::kSlot) {
      actions_.response(payload);
    } else {
      lookup_.response(payload);
    }
  } else if (x.hops() != 0) {
    drain_.answered(x.remapping_slot, payload.is_write());
    respond(payload);
    check_drained();
  } else if (&port == &downstream && x.remapping_slot != 0) {
    interrupt_files_.response(payload);
  } else {
    --own_under_way_;
    const bool refused = &port == &downstream && !payload.is_response_ok();
    const InterruptMessage message{payload.get_address(), first_word(payload)};
    payload.release();
    if (refused) actions_.interrupt_failed(message);
  }
}

// To whoever the payload came from.
void RemappingUnit::respond(tlm::Payload& payload) { upstream_[tlm::dma(payload).pop_hop()]->respond(payload); }

void RemappingUnit::register_done(tlm::Payload* payload) {
  // The window is aligned to its size, a power of two: platforms/ places it.
  const std::uint64_t offset = payload->get_address() % architecture_->register_bytes();
  const unsigned bytes = payload->get_data_length();
  if ((bytes != 4 && bytes != 8) || offset % bytes != 0) {
    payload->set_response_status(::tlm::TLM_BURST_ERROR_RESPONSE);
    registers.respond(*payload);
    return;
  }
  std::uint64_t value = 0;
  Effects effects;
  if (payload->is_write()) {
    std::memcpy(&value, payload->get_data_ptr(), bytes);
    effects = architecture_->write_register(offset, bytes, value);
    commands_.registers_written();
  } else {
    value = architecture_->read_register(offset, bytes);
    std::memcpy(payload->get_data_ptr(), &value, bytes);
  }
  payload->set_response_status(::tlm::TLM_OK_RESPONSE);
  registers.respond(*payload);
  apply(effects);
}

// ---- arrival

void RemappingUnit::arrive(tlm::Payload& payload, unsigned port) {
  const tlm::DmaExtension& x = tlm::dma(payload);
  Transaction& t = transactions_.acquire();
  in_flight_.add(now());
  t.payload = &payload;
  t.ticket = next_ticket_++;
  t.relaxed = x.relaxed_ordering;
  if (x.message != tlm::Message::none) {
    message_arrived(t);
    return;
  }
  t.port = static_cast<std::uint16_t>(port);
  t.request = request_of(payload);
  t.posted = payload.is_write();
  t.request_class = architecture_->classify(t.request);
  if (t.request_class == RequestClass::interrupt) t.request.data = first_word(payload);
  t.requester = &requesters_.of(t.request.source);
  if (t.request.has_pasid) t.process_stats = requesters_.process(*t.requester, t.request.pasid);
  t.requester->order.arrive(t);
  lookup_.enter(t);
}

// Messages are posted requests: they stay behind the writes before them.
void RemappingUnit::message_arrived(Transaction& t) {
  const tlm::DmaExtension& x = tlm::dma(*t.payload);
  const bool page_request = x.message == tlm::Message::page_request;
  t.purpose = page_request ? Purpose::page_request : Purpose::message;
  t.posted = true;
  t.requester = &requesters_.of(x.requester);
  t.requester->order.arrive(t);
  if (page_request) {
    t.request = architecture_->context_request(page_request_of(*t.payload));
    lookup_.enter(t);
  } else {
    settle(t);
  }
}

// Software's own request leaves nothing in memory: a payload of ours stands for it.
void RemappingUnit::resolve_debug_request() {
  Transaction& t = transactions_.acquire();
  t.purpose = Purpose::own;
  t.request = architecture_->debug_request();
  t.request_class = architecture_->classify(t.request);
  t.requester = &own_;
  t.ticket = next_ticket_++;
  t.payload = &pool().acquire();
  pool().use_scratch(*t.payload, 1);
  lookup_.enter(t);
}

// ---- outcomes

void RemappingUnit::resolved(Transaction& t) {
  tlm::DmaExtension& x = tlm::dma(*t.payload);
  if (x.stamp_at(Boundary::walk_start) == base::Time() && now() > x.stamp_at(Boundary::lookup_done)) {
    x.stamp_now(Boundary::walk_start, now());  // it waited at the stalled pipeline and then hit
  }
  if (x.stamp_at(Boundary::walk_start) != base::Time()) x.stamp_now(Boundary::walk_done, now());
  if (t.purpose == Purpose::page_request) {
    settle(t);
    return;
  }
  if (observer_ != nullptr) observer_->resolved(t.request, t.context, t.outcome, now());
  if (oracle_ && t.outcome.kind == Outcome::Kind::translated) oracle_->translated(t.request, t.outcome);
  const bool remapped = t.outcome.kind == Outcome::Kind::interrupt || t.outcome.kind == Outcome::Kind::stored;
  if (remapped) {
    interrupts_++;
    count_for(t, &RequesterStats::interrupts);
  }
  if (t.outcome.kind == Outcome::Kind::interrupt) {
    // The unit composes a new message write (VT-d 4.1 section 5.1.5.2); the payload stands for it from here on.
    std::memcpy(t.payload->get_data_ptr(), &t.outcome.interrupt.data,
                std::min<std::size_t>(sizeof t.outcome.interrupt.data, t.request.bytes));
  }
  if (t.outcome.kind == Outcome::Kind::fault) refuse(t);
  if (t.purpose == Purpose::own) {
    debug_resolved(t);
    return;
  }
  if (t.request_class == RequestClass::ats_request) answer_translation(t);
  settle(t);
}

void RemappingUnit::refuse(Transaction& t) {
  const Fault& fault = t.outcome.fault;
  faults_[static_cast<unsigned>(fault.kind)]++;
  fault_reasons_.count(fault.reason);
  count_for(t, &RequesterStats::faults);
  tlm::dma(*t.payload).fault_reason = fault.reason;
  if (t.request_class == RequestClass::ats_request && t.purpose == Purpose::access) return;  // see its answer
  if (t.posted) {
    t.payload->set_response_status(::tlm::TLM_OK_RESPONSE);  // nothing returns to the writer on PCIe
  } else {
    tlm::dma(*t.payload).status = tlm::CompletionStatus::unsupported_request;
    t.payload->set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  }
  t.answered = true;
  const FaultEvent event{fault, t.request};
  if (observer_ != nullptr) observer_->fault(event);
  if (fault.recorded) actions_.fault(event);
}

// What refuses a translation request may be an answer like any other, and is recorded only if the answer says so.
void RemappingUnit::answer_translation(Transaction& t) {
  translation_requests_++;
  const Outcome& o = t.outcome;
  std::optional<Fault> fault;
  if (o.kind == Outcome::Kind::fault) fault = o.fault;
  const AtsCompletion completion = o.kind == Outcome::Kind::stored
                                       ? architecture_->complete_ats_stored(t.context, t.request)
                                       : architecture_->complete_ats(t.context, t.request, o.translation, fault);
  answer(*t.payload, completion);
  t.answered = true;
  if (completion.status != AtsCompletion::Status::success) ats_blocked_++;
  if (observer_ != nullptr) observer_->answered(t.request, completion, now());
  if (completion.fault.kind == FaultKind::none) return;
  const FaultEvent event{completion.fault, t.request};
  if (observer_ != nullptr) observer_->fault(event);
  if (completion.fault.recorded) actions_.fault(event);
}

void RemappingUnit::debug_resolved(Transaction& t) {
  const Outcome& o = t.outcome;
  Translation translation = o.translation;
  if (o.kind == Outcome::Kind::passed)
    translation.output = Hpa(o.address).align_down(std::uint64_t{1} << translation.size_log2);
  const bool refused = o.kind == Outcome::Kind::fault;
  t.payload->release();
  transactions_.release(t);
  actions_.debug_resolved(refused ? nullptr : &translation);
}

// The request knows where it goes; only ordering may hold it back now.
void RemappingUnit::settle(Transaction& t) {
  t.ready = true;
  if (t.purpose != Purpose::message) t.epoch = drain_.hold(t.stale);
  t.requester->order.resolved(t, [this](Transaction& next) { ordered(next); });
}

// No posted write is in the way; where reads leave in arrival order, an older read may be.
void RemappingUnit::ordered(Transaction& t) {
  if (!t.queued) {
    leave(t);
  } else if (t.requester->reads.resolved(t, [this](Transaction& next) { leave(next); })) {
    lookup_.window_opened();
  }
}

// ---- departure

void RemappingUnit::leave(Transaction& t) {
  tlm::Payload& payload = *t.payload;
  tlm::dma(payload).stamp_now(Boundary::unit_out, now());
  in_flight_.sub(now());
  if (t.purpose != Purpose::access) {
    message_leaves(t);
    return;
  }
  requests_++;
  if (observer_ != nullptr) observer_->left(t.request, t.outcome, now());
  const bool stores = t.outcome.kind == Outcome::Kind::stored && !t.answered;
  drain_.left(t.epoch, !t.answered, t.posted);
  tlm::dma(payload).remapping_slot = t.epoch;
  if (t.answered) {
    transactions_.release(t);
    respond(payload);
  } else if (stores) {
    store_interrupt(t);
  } else {
    payload.set_address(t.outcome.address);
    tlm::dma(payload).space = tlm::AddressSpace::hpa;
    transactions_.release(t);
    downstream.send(payload);
  }
  check_drained();
}

// An interrupt file is written, not read, and by whole messages only; other accesses to its page have no effect.
void RemappingUnit::store_interrupt(Transaction& t) {
  tlm::Payload& payload = *t.payload;
  const Outcome outcome = t.outcome;
  Request request = t.request;
  transactions_.release(t);
  request.data = first_word(payload);
  const auto update = architecture_->interrupt_file_update(request, Hpa(outcome.address));
  payload.set_response_status(::tlm::TLM_OK_RESPONSE);
  if (update) {
    interrupt_files_.store(payload, *update, outcome.interrupt);
    return;
  }
  if (payload.is_read()) std::memset(payload.get_data_ptr(), 0, payload.get_data_length());
  stored(payload);
}

// Under way until now, for wait commands that ask for the order of writes.
void RemappingUnit::stored(tlm::Payload& message) {
  drain_.answered(tlm::dma(message).remapping_slot, message.is_write());
  respond(message);
  check_drained();
}

void RemappingUnit::message_leaves(Transaction& t) {
  tlm::Payload& payload = *t.payload;
  const tlm::DmaExtension& x = tlm::dma(payload);
  if (t.purpose == Purpose::page_request) {
    drain_.left(t.epoch, false, true);
    page_requests_++;
    const bool found = t.outcome.kind != Outcome::Kind::fault;
    actions_.page_request(page_request_of(payload), found ? &t.context : nullptr, t.outcome.fault);
  } else if (x.message == tlm::Message::invalidate_completion) {
    const pcie::InvalidateCompletion c = pcie::decode_invalidate_completion(payload.get_address());
    const bool expected = commands_.invalidation_completed(x.requester, x.has_segment, c.itags, c.count);
    if (observer_ != nullptr) observer_->invalidation_completed(x.requester, expected);
  }
  transactions_.release(t);
  payload.set_response_status(::tlm::TLM_OK_RESPONSE);
  respond(payload);
  check_drained();
}

// ---- commands, interrupts and messages of the unit's own

// What has been translated and not left must leave first, for its translation may be one just invalidated.
bool RemappingUnit::begin_drain(const Command& wait) {
  drain_.begin(wait.order_reads, wait.order_writes);
  return !drain_.done() || lookup_.walkers().stale() != 0;
}

void RemappingUnit::waited(const Command& wait, WaitEnd end) {
  if (observer_ != nullptr && end == WaitEnd::done && (wait.order_reads || wait.order_writes))
    observer_->ordered(wait.order_reads, wait.order_writes);
}

void RemappingUnit::check_drained() {
  if (drain_.done() && lookup_.walkers().stale() == 0) commands_.drained();
}

bool RemappingUnit::send(const DeviceMessage& message, std::uint8_t tag) {
  if (observer_ != nullptr) observer_->sent(message, tag);
  if (no_devices_) return false;
  tlm::Payload& p = pool().acquire();
  pcie::fill(pool(), p, tlp_of(message, tag), SourceId(0));
  tlm::dma(p).has_segment = message.has_segment;
  ++own_under_way_;
  messages.send(p);
  return true;
}

void RemappingUnit::send_interrupt(const InterruptMessage& message) {
  if (!within_reach(*architecture_, Hpa(message.address))) {
    actions_.interrupt_failed(message);
    return;
  }
  tlm::Payload& p = pool().acquire();
  pcie::fill_msi(pool(), p, message.address, message.data, SourceId(0));
  tlm::dma(p).space = tlm::AddressSpace::hpa;
  ++own_under_way_;
  downstream.send(p);
}

// ---- statistics, end of run

const RequesterStats* RemappingUnit::requester(SourceId source) const {
  const Requester* found = requesters_.find(source);
  return found == nullptr ? nullptr : &found->stats;
}

bool RemappingUnit::quiescent() const {
  return transactions_.live() == 0 && lookup_.walkers().busy() == 0 && commands_.idle() && register_line_.empty() &&
         actions_.idle() && interrupt_files_.idle() && own_under_way_ == 0;
}

std::string RemappingUnit::holding() const {
  return fmt::format(
      "{}: {} requests, {} walks, command queue {}, records {}, {} interrupts and messages, {} register "
      "accesses",
      name(), transactions_.live(), lookup_.walkers().busy(), commands_.idle() ? "idle" : "busy",
      actions_.idle() ? "written" : "waiting", own_under_way_, register_line_.size());
}

void RemappingUnit::register_stats(base::Group& group) {
  group.add("requests", requests_, "1", "Requests that left the unit, refused ones included");
  group.add("passed", lookup_.passed, "1", "Ordinary requests passed through by their context");
  group.add("interrupts", interrupts_, "1", "Interrupt requests remapped");
  group.add("merged", lookup_.merged, "1", "Misses that joined a walk already in flight");
  group.add("stalls", lookup_.stalls, "1", "Requests that found no free walker, a full read window, or others waiting");
  group.add("translation_requests", translation_requests_, "1", "Translation requests (ATS) answered");
  group.add("translation_requests_refused", ats_blocked_, "1",
            "Those answered with Unsupported Request or Completer Abort");
  group.add("page_requests", page_requests_, "1", "Page request messages taken");
  group.add("in_flight", in_flight_, "1", "Requests inside the unit");
  caches_.register_stats(group);
  lookup_.register_stats(group.group("walker"));
  commands_.register_stats(group.group("commands"));
  base::Group& faults = group.group("faults");
  static const char* const kKind[] = {nullptr,         "not_present",    "permission",      "reserved_bits",
                                      "address_width", "context_absent", "context_invalid", "structure_access",
                                      "interrupt",     "blocked"};
  for (unsigned i = 1; i < faults_.size(); ++i)
    faults.add(kKind[i], faults_[i], "1", "Requests refused for this reason");
  requesters_.register_stats(group.group("requester"));
  lookup_.register_events(group.group("hpm"));
  register_perf_events(group.group("perf"),
                       {context(), requests_, page_requests_, ats_blocked_, caches_, lookup_, commands_});
}

}  // namespace iommusim::iommu
