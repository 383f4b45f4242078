// Lookup: beginning and ending walks, prefetching, invalidation.
#include "models/iommu/core/lookup.h"

namespace iommusim::iommu {

using tlm::Boundary;

Lookup::Progress Lookup::walk(WalkKind kind, Space space, std::uint64_t key, Transaction& t, WalkSlot* slot) {
  // Two interrupts never merge: each may name another entry.
  const bool merges = kind == WalkKind::page ? config_.merge_misses : kind != WalkKind::interrupt;
  if (WalkSlot* pending = merges ? walkers_.pending(kind, space, key) : nullptr) {
    if (!walkers_.may_join(*pending)) return Progress::needs_walker;
    if (pending->prefetch && pending->waiters.empty()) prefetcher_.late++;
    if (!t.merge_counted) merged++;
    t.merge_counted = true;
    t.waited = true;
    walkers_.join(*pending, t, slot != nullptr && slot->stale);
  } else if (slot == nullptr && !walkers_.available(*t.requester)) {
    return Progress::needs_walker;
  } else {
    t.waited = true;
    if (kind == WalkKind::context) count(PerformanceEvent::context_walk, t.request, nullptr);
    if (kind == WalkKind::process) count(PerformanceEvent::process_walk, t.request, nullptr);
    if (slot != nullptr) {
      slot->waiters.push(t);
      walkers_.continue_walk(*slot, kind, space, key);
    } else {
      slot = &walkers_.start(kind, space, key, t);
    }
    if (kind == WalkKind::page)
      caches_.reserve(slot->reservation, space, t.request.address, tenant_of(t.request, t.context));
  }
  tlm::DmaExtension& x = tlm::dma(*t.payload);
  if (x.stamp_at(Boundary::walk_start) == base::Time()) x.stamp_now(Boundary::walk_start, now());
  return Progress::waits;
}

// ---- prefetching

// After a miss of `t`, or its first use of what was fetched ahead. Demand comes first: only walkers that nobody waits
// for.
void Lookup::fetch_ahead(const Transaction& t, Space space) {
  if (t.purpose != Transaction::Purpose::access || t.request_class != RequestClass::ordinary) return;
  const Tenant tenant = tenant_of(t.request, t.context);
  const Prefetcher::Pages pages = prefetcher_.after(t.request);
  for (unsigned i = 0; i < pages.count; ++i) {
    const std::uint64_t page = pages.number[i], address = page << 12;
    if (caches_.holds_translation(space, address, tenant) || prefetcher_.holds(space, address) ||
        walkers_.pending(WalkKind::page, space, page) != nullptr)
      continue;
    if (!walkers_.available(*t.requester) || !waiting_.empty() || !stalled_.empty()) {
      prefetcher_.no_walker += pages.count - i;
      return;
    }
    prefetcher_.issued++;
    walkers_.prefetch(space, page, t);
  }
}

// Nobody has asked for it meanwhile: it is kept if it may be, and otherwise forgotten.
void Lookup::prefetch_finished(const WalkSlot& slot) {
  const Step& last = slot.walk.step;
  if (last.kind != Step::Kind::translated) {
    prefetcher_.faults++;
    return;
  }
  if (!last.cacheable || !walkers_.may_install(slot)) return;
  prefetcher_.brought(last.tag, last.translation);
  if (prefetcher_.into_buffer()) return;
  const Request& request = slot.walk.request;
  if (caches_.fill_translation(last.tag, last.translation, tenant_of(request, slot.walk.context)) &&
      observer_ != nullptr)
    observer_->iotlb_emptied(request);
}

// ---- ends of walks

namespace {
/// Two requests that ask the same of the same page or context, so that what refuses one refuses the other. A
/// zero-length read may need less than a read (VT-d 4.1 section 3.6.1).
bool ask_the_same(const Request& a, const Request& b) {
  return a.needed == b.needed && a.at == b.at && a.has_pasid == b.has_pasid && a.pasid == b.pasid &&
         a.privileged == b.privileged && a.debug == b.debug && (a.bytes == 0) == (b.bytes == 0);
}
/// The same, and that the records of the two refusals differ in nothing that the walk has found: what depends on the
/// requester's context, and a second address, which belongs to one first address.
bool refused_alike(const Request& a, const Request& b, const Fault& fault) {
  return ask_the_same(a, b) && a.source == b.source && (fault.detail == 0 || a.address == b.address);
}
}  // namespace

void Lookup::walk_finished(WalkSlot& slot) {
  caches_.release(slot.reservation);
  if (slot.prefetch && slot.waiters.empty()) {
    prefetch_finished(slot);
    return;
  }
  TransactionList waiters = slot.waiters;
  slot.waiters = TransactionList{};
  Transaction& first = *waiters.front();
  tlm::dma(*first.payload).walk_reads = slot.reads;
  const WalkKind kind = slot.walk.kind;
  const Request asked = slot.walk.request;
  const bool stale = slot.stale, overtaken = slot.overtaken;
  // The slot may go on for its first waiter while the others still need the context it found.
  Step copy;
  const bool found_context = slot.walk.step.kind == Step::Kind::context_found;
  if (found_context) copy = slot.walk.step;
  const Step& last = found_context ? copy : slot.walk.step;
  const bool installs = walkers_.may_install(slot);
  if (installs) keep(slot, last, first);
  if (kind == WalkKind::page) {
    if ((slot.stages_read & 1u << 1) != 0) count(PerformanceEvent::first_stage_walk, asked, &first.context);
    if ((slot.stages_read & 1u << 2) != 0) count(PerformanceEvent::second_stage_walk, asked, &first.context);
  }
  TransactionList again;  // need a walker of their own; they are older than anything that waits already
  while (Transaction* t = waiters.pop()) {
    const bool is_first = t == &first;
    Progress p;
    if (stale && !is_first && kind != WalkKind::page) {
      p = attempt(*t);  // a context that has been invalidated serves only the request it was fetched for
    } else {
      t->stale = overtaken;
      if (installs && !is_first) fill_first_level(*t, last);
      const bool same = last.kind == Step::Kind::fault ? refused_alike(asked, t->request, last.fault)
                                                       : ask_the_same(asked, t->request);
      p = answer(kind, last, *t, is_first ? &slot : nullptr, (is_first && !slot.prefetch) || same);
    }
    if (p == Progress::needs_walker) again.push(*t);
  }
  waiting_.push_older(again);
}

void Lookup::keep(const WalkSlot& slot, const Step& last, const Transaction& first) {
  const Request& request = slot.walk.request;
  if (last.kind == Step::Kind::context_found) {
    const Tenant tenant = device_of(request);
    if (slot.walk.kind == WalkKind::process) {
      caches_.fill_process(slot.key, last.context, tenant);
    } else {
      caches_.fill_context(slot.key, last.context, tenant);
    }
  } else if (last.kind == Step::Kind::translated && last.cacheable) {
    const Tenant tenant = tenant_of(request, slot.walk.context);
    fill_first_level(first, last);
    if (caches_.fill_translation(last.tag, last.translation, tenant) && observer_ != nullptr)
      observer_->iotlb_emptied(request);
  }
}

void Lookup::fill_first_level(const Transaction& t, const Step& last) {
  const bool kept = last.kind == Step::Kind::translated && last.cacheable;
  if (!kept || first_levels_.empty() || t.port == Transaction::kNoPort) return;
  caches_.fill_first_level(t.port, last.tag, last.translation, tenant_of(t.request, t.context));
}

// One waiter of a finished walk; `same`: the walk was made for a request that asks the same. Another one uses what was
// found if it may, and looks again otherwise.
Lookup::Progress Lookup::answer(WalkKind kind, const Step& last, Transaction& t, WalkSlot* slot, bool same) {
  switch (last.kind) {
    case Step::Kind::context_found:
      t.context = last.context;
      return kind == WalkKind::process ? with_process_context(t, slot) : with_device_context(t, slot);
    case Step::Kind::translated:
      if (!same && !last.translation.rights.cover(t.request.needed)) break;
      return translated(t, last.translation);
    case Step::Kind::interrupt_remapped:
      return interrupt(t, Outcome::Kind::interrupt, last.interrupt, last.interrupt.address);
    case Step::Kind::interrupt_stored:
      if (!same) break;
      return interrupt(t, Outcome::Kind::stored, last.interrupt, last.address.value());
    default:
      if (!same) break;
      return refuse(t, last.fault);
  }
  return attempt(t);
}

// ---- invalidation

void Lookup::invalidate(const InvalidationScope& scope) {
  for_each_effect(config_.invalidation, scope, [this](const InvalidationScope& effect) {
    caches_.invalidate(effect);
    prefetcher_.invalidate(effect);
    walkers_.invalidate(effect);
  });
}

base::Time Lookup::invalidation_time(const InvalidationScope& scope) const {
  const InvalidationLatencyConfig& latency = config_.invalidation.latency;
  base::Time time = latency.fixed(grain_of(scope));
  if (latency.per_set == base::Time() || grain_of(scope) == InvalidationGrain::global) return time;
  SearchCost cost;
  for_each_effect(config_.invalidation, scope,
                  [&](const InvalidationScope& effect) { cost.add(caches_.search_cost(effect)); });
  time += latency.per_set * cost.longest;
  return time;
}

}  // namespace iommusim::iommu
