#include "models/iommu/core/lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/base/bdf.h"

namespace iommusim::iommu {

using tlm::Boundary;

Lookup::Lookup(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config,
               Architecture& architecture, Caches& caches, tlm::InitiatorPort& walk, unsigned upstream_ports,
               Owner& owner)
    : context_(context),
      config_(config),
      architecture_(architecture),
      caches_(caches),
      owner_(owner),
      walkers_(context, name, config, architecture, caches, walk, *this),
      pipeline_(context.scheduler, name + ".lookup", tlm::delegate<&Lookup::looked_up>(this)),
      retry_timer_(context.scheduler, name + ".retry", tlm::delegate<&Lookup::retry>(this)),
      waiting_(config.walker_pool.order,
               config.service == Service::out_of_order &&
                   (config.walker_pool.per_requester != 0 || config.walker_pool.order == WalkerOrder::fair)),
      prefetcher_(config.prefetch),
      lanes_(context, name, "IOTLB port") {
  for (unsigned i = 0; caches.two_levels() && i < upstream_ports; ++i)
    first_levels_.push_back(std::make_unique<FirstLevel>(context, name, i, *this));
}

// ---- lookup port and pipeline

void Lookup::enter(Transaction& t) {
  if (first_levels_.empty() || t.port == Transaction::kNoPort) {
    enter_shared(t, latency(t));
    return;
  }
  FirstLevel& level = *first_levels_[t.port];
  const base::Time at = std::max(now(), level.free);
  level.free = at + config_.iotlb.per_port.lookup_interval;
  tlm::dma(*t.payload).stamp_now(Boundary::lookup_start, at);
  level.last = std::max(at + latency(t), level.last);
  if (level.lanes.on()) draw(level.lanes, t, at, level.last);
  level.line.push(&t, level.last);
}

void Lookup::enter_shared(Transaction& t, base::Time latency) {
  const base::Time at = std::max(now(), port_free_);
  port_free_ = at + config_.lookup_interval;
  tlm::DmaExtension& x = tlm::dma(*t.payload);
  if (x.stamp_at(Boundary::lookup_start) == base::Time()) x.stamp_now(Boundary::lookup_start, at);
  pipeline_last_ = std::max(at + latency, pipeline_last_);
  if (lanes_.on()) draw(lanes_, t, at, pipeline_last_);
  pipeline_.push(&t, pipeline_last_);
}

void Lookup::draw(tlm::Lanes& lanes, const Transaction& t, base::Time start, base::Time stop) {
  const tlm::DmaExtension& x = tlm::dma(*t.payload);
  if (!tlm::traced(x)) return;
  lanes.slice("lookup", start, stop, tlm::cause_of(x),
              {{"address", fmt::format("{:#x}", t.request.address)}, {"requester", base::to_text(x.requester)}});
}

// How long the lookup takes is known on entry except while a context is not cached; then the longer way is charged, but
// for process contexts, which few requests need.
base::Time Lookup::latency(const Transaction& t) const {
  const bool page_request = t.purpose == Transaction::Purpose::page_request;
  if (!page_request && !architecture_.enabled(t.request_class)) return base::Time();
  base::Time latency = config_.context_latency;
  if (page_request || t.request_class == RequestClass::interrupt) return latency;
  const Tenant tenant = device_of(t.request);
  const Context* known = caches_.peek_context(architecture_.context_key(t.request), tenant);
  if (known != nullptr) {
    if (const auto key = architecture_.process_key(*known, t.request)) {
      latency += config_.process_latency;
      known = caches_.peek_process(*key, tenant);
    }
  }
  if (known == nullptr || !architecture_.passes_through(*known, t.request)) {
    const bool first = !first_levels_.empty() && t.port != Transaction::kNoPort;
    latency += first ? config_.iotlb.per_port.latency : config_.iotlb_latency;
  }
  return latency;
}

void Lookup::looked_up_first(Transaction* t) {
  tlm::dma(*t->payload).stamp_now(Boundary::lookup_done, now());
  if (!admitted(*t)) {
    // Behind the older reads on their way through the shared pipeline: ahead of them, at the head of a stall, it would
    // wait for ever for them to leave.
    t->shared = true;
    enter_shared(*t, config_.iotlb_latency);
    return;
  }
  if (attempt(*t) == Progress::needs_walker) wait(*t);
}

void Lookup::looked_up(Transaction* t) {
  // One that comes from its first level after a walk for its context has passed this boundary.
  tlm::DmaExtension& x = tlm::dma(*t->payload);
  if (x.stamp_at(Boundary::walk_start) == base::Time()) x.stamp_now(Boundary::lookup_done, now());
  if (stalled() || !look_again(*t)) wait(*t);
}

void Lookup::wait(Transaction& t) {
  stalls++;
  t.waited = true;
  if (stalled()) {
    stalled_.push(t);
  } else {
    waiting_.push(t);
  }
}

// A walker is free, or the lookup port is after serving one that waited: those that wait look again, then those that
// the pipeline held up.
void Lookup::retry() {
  while (Transaction* t = waiting_.take([this](const Requester& r) { return walkers_.available(r); })) {
    if (!look_again(*t)) {
      waiting_.put_back(*t);
      break;
    }
    if (retry_later()) return;
  }
  while (!stalled_.empty() && waiting_.size() <= config_.walker_pool.miss_queue) {
    Transaction& t = *stalled_.pop();
    if (!look_again(t)) {
      waiting_.push(t);  // counted as stalled when it came
    } else if (retry_later()) {
      return;
    }
  }
}

// A lookup takes its turn on the port.
bool Lookup::retry_later() {
  if (config_.lookup_interval == base::Time() || (waiting_.empty() && stalled_.empty())) return false;
  retry_timer_.arm(now() + config_.lookup_interval);
  return true;
}

bool Lookup::admitted(Transaction& t) {
  if (config_.read_order == ReadOrder::any || t.posted || t.purpose != Transaction::Purpose::access) return true;
  return t.requester->reads.admit(t, config_.read_window);
}

// Not now: this may be the lookup of another that waited.
void Lookup::window_opened() {
  if (config_.read_window != 0 && !(waiting_.empty() && stalled_.empty()) && !retry_timer_.armed())
    retry_timer_.arm(now());
}

void Lookup::walker_freed() {
  owner_.walker_freed();
  if (!retry_timer_.armed()) retry();
}

// ---- the order of asking

Lookup::Progress Lookup::attempt(Transaction& t) {
  t.stale = false;
  t.has_process = false;
  if (t.purpose != Transaction::Purpose::page_request) {
    if (t.request_class == RequestClass::message || !architecture_.enabled(t.request_class)) return pass(t);
    if (!t.counted) {
      t.counted = true;
      count(t.request_class == RequestClass::ordinary     ? PerformanceEvent::untranslated_request
            : t.request_class == RequestClass::translated ? PerformanceEvent::translated_request
                                                          : PerformanceEvent::translation_request,
            t.request, nullptr);
    }
    if (t.request_class == RequestClass::interrupt) return remap_interrupt(t);
  }
  const std::uint64_t key = architecture_.context_key(t.request);
  const Context* cached = caches_.find_context(key, device_of(t.request));
  const bool hit = cached != nullptr;
  tlm::dma(*t.payload).context_hit = hit;
  if (hit) t.context = *cached;
  const bool counts = !t.context_counted;
  const Progress p = hit ? with_device_context(t, nullptr) : walk(WalkKind::context, 0, key, t, nullptr);
  if (p != Progress::needs_walker && counts) {
    // Counted once per request: one that must wait for a walker, or whose walk answered another request only, looks
    // again. The transaction itself may be gone, if it is resolved.
    if (p == Progress::waits) t.context_counted = true;
    caches_.context_use.lookups++;
    if (hit) caches_.context_use.hits++;
  }
  return p;
}

Lookup::Progress Lookup::with_device_context(Transaction& t, WalkSlot* slot) {
  if (t.purpose == Transaction::Purpose::page_request) return pass(t);
  if (const auto fault = architecture_.check_request(t.context, t.request)) return refuse(t, *fault);
  const auto key = architecture_.process_key(t.context, t.request);
  if (!key) return with_context(t, slot);
  t.has_process = true;
  t.process_key = *key;
  const Context* cached = caches_.find_process(*key, device_of(t.request));
  if (cached == nullptr) {
    const Progress p = walk(WalkKind::process, 0, *key, t, slot);
    if (p != Progress::needs_walker) count_process(t, false);
    return p;
  }
  count_process(t, true);
  t.context = *cached;
  return with_process_context(t, slot);
}

Lookup::Progress Lookup::with_process_context(Transaction& t, WalkSlot* slot) {
  if (const auto fault = architecture_.check_request(t.context, t.request)) return refuse(t, *fault);
  return with_context(t, slot);
}

Lookup::Progress Lookup::with_context(Transaction& t, WalkSlot* slot) {
  if (architecture_.passes_through(t.context, t.request)) {
    if (const auto fault = architecture_.check_pass_through(t.context, t.request)) return refuse(t, *fault);
    passed++;
    count_for(t, &RequesterStats::passed);
    return pass(t);
  }
  const Space space = architecture_.space(t.context, t.request);
  const Tenant tenant = tenant_of(t.request, t.context);
  const bool first_level = !first_levels_.empty() && t.port != Transaction::kNoPort;
  if (first_level && !t.shared) {
    const Translation* found = caches_.find_first_level(t.port, space, t.request.address, tenant);
    if (found != nullptr && found->rights.cover(t.request.needed)) {
      count_iotlb(t, true, true);
      return hit(t, *found);
    }
    count_first_level_miss(t);
    t.shared = true;
    // A walker is not kept waiting for the lookup, nor is one that has waited sent behind those that came after it:
    // a read among them may wait for it to leave.
    if (slot == nullptr && !t.waited) {
      enter_shared(t, config_.iotlb_latency);
      return Progress::waits;
    }
  }
  const Translation* found = caches_.find_translation(space, t.request.address, tenant);
  if (found != nullptr && found->rights.cover(t.request.needed)) {
    count_iotlb(t, true);
    if (prefetcher_.on() && !prefetcher_.into_buffer() && prefetcher_.first_use(space, t.request.address))
      fetch_ahead(t, space);
    if (first_level)
      caches_.fill_first_level(t.port, range_around(space, t.request.address, found->size_log2), *found, tenant);
    return hit(t, *found);
  }
  // A cached entry without the right asked for is walked again: software may have widened it without an invalidation.
  if (prefetcher_.on() && prefetcher_.into_buffer()) {
    if (const auto brought = prefetcher_.take(space, t.request.address);
        brought && brought->rights.cover(t.request.needed)) {
      count_iotlb(t, false);
      caches_.fill_translation(range_around(space, t.request.address, brought->size_log2), *brought, tenant);
      fetch_ahead(t, space);
      return hit(t, *brought);
    }
  }
  if (prefetcher_.on() && !prefetcher_.into_buffer()) prefetcher_.missed(space, t.request.address);
  const bool missed_before = t.iotlb_counted;
  const Progress p = walk(WalkKind::page, space, t.request.address >> 12, t, slot);
  if (p != Progress::needs_walker) count_iotlb(t, false);
  if (p == Progress::waits && prefetcher_.on() && !missed_before) fetch_ahead(t, space);
  return p;
}

Lookup::Progress Lookup::hit(Transaction& t, const Translation& found) {
  if (observer_ != nullptr) observer_->on_hit(t.request, t.context, found, now());
  t.outcome.iotlb_hit = true;
  tlm::dma(*t.payload).iotlb_hit = true;
  return translated(t, found);
}

// Interrupt entries that are cached need no walker: the first step of the walk tells.
Lookup::Progress Lookup::remap_interrupt(Transaction& t) {
  Walk probe;
  probe.kind = WalkKind::interrupt;
  probe.request = t.request;
  const Tenant tenant = tenant_of(t.request, t.context);
  const Step& step = architecture_.begin(probe);
  while (step.kind == Step::Kind::lookup) {
    // A miss is counted by the walk, which looks up first.
    if (!caches_.holds_words(step.cache, step.tag, tenant)) return walk(WalkKind::interrupt, 0, 0, t, nullptr);
    const CachedWords* words = caches_.find_words(step.cache, step.tag, tenant);
    StepResult result;
    result.hit = true;
    result.words[0] = words->word0;
    result.words[1] = words->word1;
    architecture_.resume(probe, result);
  }
  if (step.kind == Step::Kind::interrupt_remapped)
    return interrupt(t, Outcome::Kind::interrupt, step.interrupt, step.interrupt.address);
  if (step.kind == Step::Kind::fault) return refuse(t, step.fault);
  return walk(WalkKind::interrupt, 0, 0, t, nullptr);
}

// ---- outcomes

Lookup::Progress Lookup::done(Transaction& t, Outcome::Kind kind, std::uint64_t address) {
  t.outcome.kind = kind;
  t.outcome.address = address;
  owner_.resolved(t);
  return Progress::resolved;
}

Lookup::Progress Lookup::translated(Transaction& t, const Translation& translation) {
  tlm::dma(*t.payload).translated = true;
  t.outcome.translation = translation;
  return done(t, Outcome::Kind::translated, translation.apply(t.request.address));
}

Lookup::Progress Lookup::interrupt(Transaction& t, Outcome::Kind kind, const InterruptMessage& message,
                                   std::uint64_t address) {
  t.outcome.interrupt = message;
  return done(t, kind, address);
}

Lookup::Progress Lookup::refuse(Transaction& t, const Fault& fault) {
  t.outcome.fault = fault;
  return done(t, Outcome::Kind::fault, t.request.address);
}

// ---- statistics: once per request, the outcome of the first lookup that let it go on

void Lookup::count_iotlb(Transaction& t, bool hit, bool first_level) {
  if (t.iotlb_counted) return;
  t.iotlb_counted = true;
  Caches::Use& use = first_level ? caches_.first_level_use : caches_.iotlb_use;
  use.lookups++;
  if (hit) use.hits++;
  count_for(t, &RequesterStats::requests);
  count_for(t, hit ? &RequesterStats::iotlb_hits : &RequesterStats::iotlb_misses);
  if (!hit) count(PerformanceEvent::iotlb_miss, t.request, &t.context);
}

void Lookup::count_first_level_miss(Transaction& t) {
  if (!t.first_level_counted) caches_.first_level_use.lookups++;
  t.first_level_counted = true;
}

void Lookup::count_process(Transaction& t, bool hit) {
  if (t.process_counted) return;
  t.process_counted = true;
  caches_.process_use.lookups++;
  if (hit) caches_.process_use.hits++;
}

// RISC-V IOMMU specification 1.0, section 6.23, table of event identifiers 1 to 8: in the order of PerformanceEvent.
void Lookup::register_events(base::Group& group) {
  static const std::array<std::array<const char*, 2>, 8> kEvents = {{
      {"untranslated_requests", "Untranslated requests (event 1)"},
      {"translated_requests", "Translated requests (event 2)"},
      {"translation_requests", "ATS translation requests (event 3)"},
      {"tlb_misses", "Requests that missed the IOTLB (event 4)"},
      {"ddt_walks", "Walks of the device directory (event 5)"},
      {"pdt_walks", "Walks of a process directory (event 6)"},
      {"first_stage_walks", "Walks that read first-stage tables (event 7)"},
      {"second_stage_walks", "Walks that read second-stage tables (event 8)"},
  }};
  for (unsigned i = 0; i < kEvents.size(); ++i) group.add(kEvents[i][0], events[i], "1", kEvents[i][1]);
}

}  // namespace iommusim::iommu
