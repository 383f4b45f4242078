#include "models/iommu/core/remapping_unit.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "models/base/bdf.h"
#include "models/iommu/core/memory_access.h"

namespace iommusim::iommu {

using tlm::Boundary;

RemappingUnit::RemappingUnit(::sc_core::sc_module_name module_name, tlm::Context& context,
                             const RemappingUnitConfig& config, std::unique_ptr<Architecture> architecture,
                             unsigned upstream_ports)
    : Module(module_name, context),
      downstream("downstream", context, *this),
      walk("walk", context, *this),
      registers("registers", context, *this),
      config_(config),
      architecture_(std::move(architecture)),
      caches_(config_, context.seed, name()),
      walkers_(context, name(), config_, *architecture_, caches_, walk, *this),
      commands_(context, name(), config_, *architecture_, walk, *this),
      pipeline_(context.scheduler, std::string(name()) + ".lookup", tlm::delegate<&RemappingUnit::looked_up>(this)),
      register_line_(context.scheduler, std::string(name()) + ".registers",
                     tlm::delegate<&RemappingUnit::register_done>(this)),
      retry_timer_(context.scheduler, std::string(name()) + ".retry", tlm::delegate<&RemappingUnit::retry>(this)) {
  tlm::TargetPort::Owner& owner = *this;  // a private base: make_unique itself may not convert to it
  for (unsigned i = 0; i < upstream_ports; ++i) {
    upstream_.push_back(std::make_unique<tlm::TargetPort>(fmt::format("upstream{}", i).c_str(), context, owner, i));
  }
  register_stats(stats());
}

RemappingUnit::~RemappingUnit() = default;

// ---- transport

bool RemappingUnit::request(tlm::TargetPort& port, tlm::Payload& payload) {
  if (&port == &registers) {
    register_line_.push(&payload, now() + config_.register_latency);
    return true;
  }
  tlm::DmaExtension& x = tlm::dma(payload);
  x.push_hop(static_cast<std::uint16_t>(port.index()));
  x.stamp_now(Boundary::unit_in, now());

  Transaction& t = transactions_.acquire();
  in_flight_.add(now());
  t.payload = &payload;
  t.ticket = next_ticket_++;
  Request& r = t.request;
  r.source = x.requester;
  r.pasid = x.pasid;
  r.has_pasid = x.has_pasid;
  r.privileged = x.privileged;
  r.at = x.at;
  const bool write = payload.is_write();
  r.needed = Rights{!write && !x.execute, write, x.execute};
  r.address = payload.get_address();
  r.bytes = payload.get_data_length();
  t.posted = write;
  t.relaxed = x.relaxed_ordering;
  t.request_class = architecture_->classify(r);
  if (t.request_class == RequestClass::interrupt && x.store_data) {
    std::memcpy(&r.data, payload.get_data_ptr(), std::min<std::size_t>(sizeof r.data, r.bytes));
  }
  RequesterState& requester = requester_state(r.source, t.requester);
  requester.order.arrive(t);

  // How long the lookup takes is known on entry except while the context is not cached; then the longer way is charged.
  base::Time latency;
  if (architecture_->enabled(t.request_class)) {
    latency = config_.context_latency;
    if (t.request_class != RequestClass::interrupt) {
      const Context* known = caches_.peek_context(architecture_->context_key(r));
      if (known == nullptr || known->mode == ContextMode::translate) latency += config_.iotlb_latency;
    }
  }
  const base::Time at = std::max(now(), port_free_);
  port_free_ = at + config_.lookup_interval;
  x.stamp_now(Boundary::lookup_start, at);
  pipeline_last_ = std::max(at + latency, pipeline_last_);
  pipeline_.push(&t, pipeline_last_);
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
    } else {
      walkers_.response(payload);
    }
  } else if (x.hops() == 0) {
    payload.release();  // an interrupt of the unit's own
  } else {
    upstream_[x.pop_hop()]->respond(payload);
  }
}

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
  } else {
    value = architecture_->read_register(offset, bytes);
    std::memcpy(payload->get_data_ptr(), &value, bytes);
  }
  payload->set_response_status(::tlm::TLM_OK_RESPONSE);
  registers.respond(*payload);
  apply(effects);
}

// ---- lookup pipeline

void RemappingUnit::looked_up(Transaction* t) {
  tlm::dma(*t->payload).stamp_now(Boundary::lookup_done, now());
  const bool behind = config_.service == Service::in_order && !waiting_.empty();
  if (!behind && proceed(*t)) return;
  stalls_++;
  waiting_.push(*t);
}

bool RemappingUnit::proceed(Transaction& t) { return look_up(t) != Lookup::needs_walker; }

// A walker is free, or the lookup port is after serving one that waited: the oldest waiting request looks again.
void RemappingUnit::retry() {
  while (Transaction* t = waiting_.pop()) {
    if (!proceed(*t)) {
      waiting_.push_front(*t);
      return;
    }
    if (config_.lookup_interval > base::Time() && !waiting_.empty()) {
      retry_timer_.arm(now() + config_.lookup_interval);
      return;
    }
  }
}

RemappingUnit::Lookup RemappingUnit::look_up(Transaction& t) {
  if (!architecture_->enabled(t.request_class)) {
    pass(t);
    return Lookup::resolved;
  }
  if (t.request_class == RequestClass::interrupt) return remap_interrupt(t);

  const std::uint64_t key = architecture_->context_key(t.request);
  const Context* cached = caches_.find_context(key);
  tlm::dma(*t.payload).context_hit = cached != nullptr;
  if (cached != nullptr) t.context = *cached;
  const Lookup outcome = cached != nullptr ? translate(t) : walk_or_merge(WalkKind::context, 0, key, t);
  if (outcome != Lookup::needs_walker && !t.context_counted) {
    // Counted once per request: one that must wait for a walker, or whose walk answered another request only, looks
    // again.
    t.context_counted = true;
    caches_.context_use.lookups++;
    if (cached != nullptr) caches_.context_use.hits++;
  }
  return outcome;
}

RemappingUnit::Lookup RemappingUnit::translate(Transaction& t) {
  RequesterStats& stats = requesters_[t.requester]->stats;
  if (t.context.mode == ContextMode::pass_through || t.request_class == RequestClass::translated) {
    if (const auto fault = architecture_->check_pass_through(t.context, t.request)) {
      refuse(t, *fault);
    } else {
      passed_++;
      stats.passed++;
      pass(t);
    }
    return Lookup::resolved;
  }
  const Space space = architecture_->space(t.context, t.request);
  if (t.context.mode == ContextMode::translate && t.request_class == RequestClass::ordinary) {
    const Translation* found = caches_.find_translation(space, t.request.address);
    if (found != nullptr && found->rights.cover(t.request.needed)) {
      count_iotlb(t, true);
      if (observer_ != nullptr) observer_->on_hit(t.request, t.context, *found, now());
      t.outcome.iotlb_hit = true;
      tlm::dma(*t.payload).iotlb_hit = true;
      translated(t, *found);
      return Lookup::resolved;
    }
  }
  // A cached entry without the right asked for is walked again: software may have widened it without an invalidation.
  const Lookup outcome = walk_or_merge(WalkKind::page, space, t.request.address >> 12, t);
  if (outcome != Lookup::needs_walker) count_iotlb(t, false);
  return outcome;
}

// Once per request: the outcome of the first lookup that let it go on.
void RemappingUnit::count_iotlb(Transaction& t, bool hit) {
  if (t.iotlb_counted) return;
  t.iotlb_counted = true;
  RequesterStats& stats = requesters_[t.requester]->stats;
  caches_.iotlb_use.lookups++;
  stats.requests++;
  if (hit) caches_.iotlb_use.hits++;
  (hit ? stats.iotlb_hits : stats.iotlb_misses)++;
}

// Interrupt entries that are cached need no walker: the first step of the walk tells.
RemappingUnit::Lookup RemappingUnit::remap_interrupt(Transaction& t) {
  Walk probe;
  probe.kind = WalkKind::interrupt;
  probe.request = t.request;
  const Step& step = architecture_->begin(probe);
  while (step.kind == Step::Kind::lookup) {
    // A miss is counted by the walk, which looks up first.
    if (!caches_.holds_words(step.cache, step.tag)) return walk_or_merge(WalkKind::interrupt, 0, 0, t);
    const CachedWords* words = caches_.find_words(step.cache, step.tag);
    StepResult result;
    result.hit = true;
    result.words[0] = words->word0;
    result.words[1] = words->word1;
    architecture_->resume(probe, result);
  }
  if (step.kind == Step::Kind::interrupt_remapped) {
    deliver_interrupt(t, step.interrupt);
  } else if (step.kind == Step::Kind::fault) {
    refuse(t, step.fault);
  } else {
    return walk_or_merge(WalkKind::interrupt, 0, 0, t);
  }
  return Lookup::resolved;
}

RemappingUnit::Lookup RemappingUnit::walk_or_merge(WalkKind kind, Space space, std::uint64_t key, Transaction& t) {
  // Two interrupts never merge: each may name another entry.
  if (WalkSlot* pending = kind == WalkKind::interrupt ? nullptr : walkers_.pending(kind, space, key)) {
    if (!t.merge_counted) merged_++;
    t.merge_counted = true;
    pending->waiters.push(t);
  } else if (walkers_.available()) {
    walkers_.start(kind, space, key, t);
  } else {
    return Lookup::needs_walker;
  }
  tlm::DmaExtension& x = tlm::dma(*t.payload);
  if (x.stamp_at(Boundary::walk_start) == base::Time()) x.stamp_now(Boundary::walk_start, now());
  return Lookup::waits_for_walk;
}

// ---- outcomes

void RemappingUnit::pass(Transaction& t) {
  t.outcome.kind = Outcome::Kind::passed;
  t.outcome.address = t.request.address;
  settle(t);
}

void RemappingUnit::translated(Transaction& t, const Translation& translation) {
  tlm::dma(*t.payload).translated = true;
  t.outcome.kind = Outcome::Kind::translated;
  t.outcome.translation = translation;
  t.outcome.address = translation.apply(t.request.address);
  settle(t);
}

void RemappingUnit::deliver_interrupt(Transaction& t, const InterruptMessage& message) {
  interrupts_++;
  requesters_[t.requester]->stats.interrupts++;
  // The unit composes a new message write (VT-d 4.1 section 5.1.5.2); the payload stands for it from here on.
  std::memcpy(t.payload->get_data_ptr(), &message.data, std::min<std::size_t>(sizeof message.data, t.request.bytes));
  t.outcome.kind = Outcome::Kind::interrupt;
  t.outcome.interrupt = message;
  t.outcome.address = message.address;
  settle(t);
}

void RemappingUnit::refuse(Transaction& t, const Fault& fault) {
  tlm::DmaExtension& x = tlm::dma(*t.payload);
  x.fault_reason = fault.reason;
  faults_[static_cast<unsigned>(fault.kind)]++;
  requesters_[t.requester]->stats.faults++;
  if (t.posted) {
    t.payload->set_response_status(::tlm::TLM_OK_RESPONSE);  // nothing returns to the writer on PCIe
  } else {
    x.status = tlm::CompletionStatus::unsupported_request;
    t.payload->set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  }
  t.outcome.kind = Outcome::Kind::fault;
  t.outcome.fault = fault;
  t.outcome.address = t.request.address;
  t.dropped = true;
  const FaultEvent event{fault, t.request};
  if (observer_ != nullptr) observer_->fault(event);
  if (fault.recorded) apply(architecture_->record_fault(event));
  settle(t);
}

// The request knows where it goes; only ordering may hold it back now.
void RemappingUnit::settle(Transaction& t) {
  tlm::DmaExtension& x = tlm::dma(*t.payload);
  if (x.stamp_at(Boundary::walk_start) == base::Time() && now() > x.stamp_at(Boundary::lookup_done)) {
    x.stamp_now(Boundary::walk_start, now());  // it waited at the stalled pipeline and then hit
  }
  if (x.stamp_at(Boundary::walk_start) != base::Time()) x.stamp_now(Boundary::walk_done, now());
  if (observer_ != nullptr) observer_->resolved(t.request, t.context, t.outcome, now());
  t.ready = true;
  t.drain = drains_;
  ++held_;
  requesters_[t.requester]->order.resolved(t, [this](Transaction& next) { leave(next); });
}

void RemappingUnit::leave(Transaction& t) {
  tlm::Payload& payload = *t.payload;
  tlm::DmaExtension& x = tlm::dma(payload);
  x.stamp_now(Boundary::unit_out, now());
  const bool dropped = t.dropped;
  --held_;
  const bool drained = draining_ != 0 && t.drain != drains_ && --draining_ == 0;
  if (observer_ != nullptr) observer_->left(t.request, t.outcome, now());
  payload.set_address(t.outcome.address);
  x.space = tlm::AddressSpace::hpa;
  in_flight_.sub(now());
  requests_++;
  transactions_.release(t);
  if (dropped) {
    upstream_[x.pop_hop()]->respond(payload);
  } else {
    downstream.send(payload);
  }
  if (drained && walkers_.stale() == 0) commands_.drained();
}

// ---- ends of walks

void RemappingUnit::walk_finished(WalkSlot& slot) {
  TransactionList waiters = slot.waiters;
  slot.waiters = TransactionList{};
  // The slot may go on with its first waiter's page walk while the others still need the context it found.
  Step copy;
  const bool found_context = slot.walk.step.kind == Step::Kind::context_found;
  if (found_context) copy = slot.walk.step;
  const Step& last = found_context ? copy : slot.walk.step;
  const Rights needed = waiters.front()->request.needed;
  tlm::dma(*waiters.front()->payload).walk_reads = slot.reads;
  if (!slot.stale) {
    if (last.kind == Step::Kind::context_found) {
      caches_.fill_context(slot.key, last.context);
    } else if (last.kind == Step::Kind::translated && caches_.fill_translation(last.tag, last.translation) &&
               observer_ != nullptr) {
      observer_->iotlb_emptied(waiters.front()->request);
    }
  }
  bool first = true;
  TransactionList again;  // need a walker of their own; they are older than anything that waits already
  while (Transaction* t = waiters.pop()) {
    if (!walk_answers(slot, last, *t, first, needed)) again.push(*t);
    first = false;
  }
  again.append(waiting_);
  waiting_ = again;
}

// One waiter of a finished walk, which was made for the rights `needed`; false if it must wait for a walker.
bool RemappingUnit::walk_answers(WalkSlot& slot, const Step& last, Transaction& t, bool first, Rights needed) {
  switch (last.kind) {
    case Step::Kind::context_found:
      t.context = last.context;
      if (first && last.context.mode == ContextMode::translate && t.request_class == RequestClass::ordinary) {
        return context_walk_goes_on(slot, t);
      }
      return translate(t) != Lookup::needs_walker;
    case Step::Kind::translated:
      if (!last.translation.rights.cover(t.request.needed)) break;  // merged with a walk for another right
      translated(t, last.translation);
      return true;
    case Step::Kind::interrupt_remapped: deliver_interrupt(t, last.interrupt); return true;
    default:
      // What refuses the walk refuses all who asked for the same, each with its own record; another right needs its own
      // walk.
      if (!first && !(t.request.needed == needed)) break;
      refuse(t, last.fault);
      return true;
  }
  return proceed(t);
}

// The walker that found the context translates its first waiter too, unless the IOTLB or another walk has the page.
bool RemappingUnit::context_walk_goes_on(WalkSlot& slot, Transaction& t) {
  const Space space = architecture_->space(t.context, t.request);
  const std::uint64_t page = t.request.address >> 12;
  const Translation* found = caches_.find_translation(space, t.request.address);
  if ((found != nullptr && found->rights.cover(t.request.needed)) ||
      walkers_.pending(WalkKind::page, space, page) != nullptr) {
    return translate(t) != Lookup::needs_walker;
  }
  count_iotlb(t, false);
  slot.waiters.push(t);
  walkers_.continue_walk(slot, WalkKind::page, space, page);
  return true;
}

void RemappingUnit::walker_freed() {
  if (walkers_.stale() == 0 && draining_ == 0) commands_.drained();
  if (!retry_timer_.armed()) retry();
}

// ---- invalidation, faults, interrupts of the unit's own

void RemappingUnit::invalidate(const InvalidationScope& scope) {
  caches_.invalidate(scope);
  walkers_.invalidate(scope);
}

// No endpoint has a device TLB yet: nobody answers.
bool RemappingUnit::send(const DeviceMessage&, std::uint8_t) { return false; }

// A wait command is next: what has been translated and not left must leave first, for its translation may be one just
// invalidated.
bool RemappingUnit::begin_drain(const Command&) {
  ++drains_;
  draining_ = held_;
  return draining_ != 0 || walkers_.stale() != 0;
}

void RemappingUnit::apply(const Effects& effects) {
  if (effects.flush) invalidate(*effects.flush);
  if (effects.interrupt) {
    tlm::Payload& p = pool().acquire();
    unsigned char* data = pool().use_buffer(p, 4);
    std::memcpy(data, &effects.interrupt->data, 4);
    p.set_command(::tlm::TLM_WRITE_COMMAND);
    p.set_address(effects.interrupt->address);
    tlm::DmaExtension& x = tlm::dma(p);
    x.space = tlm::AddressSpace::hpa;
    x.traffic = tlm::Traffic::msi;
    downstream.send(p);
  }
  if (effects.queue_kicked) commands_.kick();
}

// ---- per-requester state, statistics, end of run

RemappingUnit::RequesterState& RemappingUnit::requester_state(SourceId source, std::uint32_t& index) {
  if (last_requester_ < requesters_.size() && requesters_[last_requester_]->source == source) {
    index = last_requester_;
    return *requesters_[index];
  }
  const auto [it, is_new] =
      requester_index_.try_emplace(source.value(), static_cast<std::uint32_t>(requesters_.size()));
  if (is_new) {
    requesters_.push_back(std::make_unique<RequesterState>());
    requesters_.back()->source = source;
    if (requester_group_ != nullptr) register_requester(*requesters_.back());
  }
  index = last_requester_ = it->second;
  return *requesters_[index];
}

const RequesterStats* RemappingUnit::requester(SourceId source) const {
  const auto it = requester_index_.find(source.value());
  return it == requester_index_.end() ? nullptr : &requesters_[it->second]->stats;
}

bool RemappingUnit::quiescent() const {
  return transactions_.live() == 0 && walkers_.busy() == 0 && commands_.idle() && register_line_.empty();
}

std::string RemappingUnit::holding() const {
  return fmt::format("{}: {} requests, {} walks, command queue {}, {} register accesses", name(), transactions_.live(),
                     walkers_.busy(), commands_.idle() ? "idle" : "busy", register_line_.size());
}

void RemappingUnit::register_requester(RequesterState& r) {
  base::Group& g = requester_group_->group(base::to_text(r.source));
  g.add("requests", r.stats.requests, "1", "Requests of this requester that were to be translated");
  g.add("iotlb_hits", r.stats.iotlb_hits, "1", "Those that hit the IOTLB");
  g.add("iotlb_misses", r.stats.iotlb_misses, "1", "Those that missed it, merged ones included");
  g.add("passed", r.stats.passed, "1", "Requests passed through untranslated");
  g.add("faults", r.stats.faults, "1", "Requests refused");
  g.add("interrupts", r.stats.interrupts, "1", "Interrupt requests remapped");
}

void RemappingUnit::register_stats(base::Group& group) {
  group.add("requests", requests_, "1", "Requests that left the unit, refused ones included");
  group.add("passed", passed_, "1", "Ordinary requests passed through by their context");
  group.add("interrupts", interrupts_, "1", "Interrupt requests remapped");
  group.add("merged", merged_, "1", "Misses that joined a walk already in flight");
  group.add("stalls", stalls_, "1", "Requests that found no free walker, or others waiting for one");
  group.add("in_flight", in_flight_, "1", "Requests inside the unit");
  caches_.register_stats(group);
  walkers_.register_stats(group.group("walker"));
  commands_.register_stats(group.group("commands"));
  base::Group& faults = group.group("faults");
  static const char* const kKind[] = {nullptr,         "not_present",    "permission",      "reserved_bits",
                                      "address_width", "context_absent", "context_invalid", "structure_access",
                                      "interrupt",     "blocked"};
  for (unsigned i = 1; i < faults_.size(); ++i)
    faults.add(kKind[i], faults_[i], "1", "Requests refused for this reason");
  requester_group_ = &group.group("requester");
  for (auto& r : requesters_) register_requester(*r);
}

}  // namespace iommusim::iommu
