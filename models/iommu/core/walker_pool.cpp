#include "models/iommu/core/walker_pool.h"

#include <algorithm>
#include <cstring>

#include "models/iommu/core/memory_access.h"
#include "models/tlm/error.h"

namespace iommusim::iommu {

WalkerPool::WalkerPool(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config,
                       Architecture& architecture, Caches& caches, tlm::InitiatorPort& port, Owner& owner)
    : context_(context),
      config_(config),
      architecture_(architecture),
      caches_(caches),
      port_(port),
      owner_(owner),
      open_(config.walkers),
      steps_(context.scheduler, name + ".walk_steps", tlm::delegate<&WalkerPool::advance>(this)),
      tracks_(context, name, config.walkers) {
  slots_.resize(config.walkers);
  for (std::uint32_t i = 0; i < config.walkers; ++i) {
    slots_[i].index = i;
    free_.push_back(config.walkers - 1 - i);  // walker 0 is taken first
  }
}

WalkSlot* WalkerPool::pending(WalkKind kind, Space space, std::uint64_t key) {
  if (busy() == 0) return nullptr;
  const std::uint32_t found = open_.find(hash(kind, space, key), [&](std::uint32_t i) {
    const WalkSlot& s = slots_[i];
    return !s.stale && s.key == key && s.walk.kind == kind && s.space == space;
  });
  return found == base::HashIndex::none ? nullptr : &slots_[found];
}

WalkSlot& WalkerPool::take(WalkKind kind, Space space, std::uint64_t key, const Transaction& t) {
  Requester& requester = *t.requester;
  WalkSlot& slot = slots_[free_.back()];
  free_.pop_back();
  slot.busy = true;
  slot.stale = slot.unfounded = slot.overtaken = slot.holds_waits = slot.prefetch = false;
  slot.began = log_.mark();
  slot.requester = &requester;
  ++requester.walkers;
  slot.waiters = TransactionList{};
  slot.merged = 0;
  slot.reads = 0;
  slot.stages_read = 0;
  slot.started = context_.scheduler.now();
  occupancy.add(context_.scheduler.now());
  slot.walk.kind = kind;
  slot.space = space;
  slot.key = key;
  tracks_.take(slot, t);
  return slot;
}

WalkSlot& WalkerPool::start(WalkKind kind, Space space, std::uint64_t key, Transaction& t) {
  WalkSlot& slot = take(kind, space, key, t);
  slot.waiters.push(t);
  begin(slot, t, config_.walk_overhead);
  return slot;
}

void WalkerPool::prefetch(Space space, std::uint64_t page, const Transaction& t) {
  WalkSlot& slot = take(WalkKind::page, space, page, t);
  slot.prefetch = true;
  Transaction first;  // never asked for: a read changes no more than the accessed bits, and widens no right
  first.request = t.request;
  first.request.address = page << 12;
  first.request.bytes = 0;
  first.request.needed = kRead;
  first.context = t.context;
  first.has_process = t.has_process;
  first.process_key = t.process_key;
  begin(slot, first, config_.walk_overhead);
}

void WalkerPool::join(WalkSlot& slot, Transaction& t, bool stale) {
  ++slot.merged;
  slot.waiters.push(t);
  tracks_.join(slot, t);
  slot.stale |= stale;
  if (stale || slot.overtaken) overtake(slot);
}

void WalkerPool::continue_walk(WalkSlot& slot, WalkKind kind, Space space, std::uint64_t key) {
  continued_ = true;
  slot.unfounded |= slot.stale;  // what follows rests on what it read
  slot.walk.kind = kind;
  slot.space = space;
  slot.key = key;
  begin(slot, *slot.waiters.front(), base::Time());
}

void WalkerPool::begin(WalkSlot& slot, const Transaction& first, base::Time overhead) {
  slot.walk.request = first.request;
  slot.walk.context = first.context;
  slot.context_key = architecture_.context_key(first.request);
  slot.process_key.reset();
  if (first.has_process) slot.process_key = first.process_key;
  slot.delay = overhead;
  walks++;
  kind_walks[static_cast<unsigned>(slot.walk.kind)]++;
  open_.insert(hash(slot.walk.kind, slot.space, slot.key), slot.index);
  tracks_.begin(slot);
  architecture_.begin(slot.walk);
  perform(slot);
}

// Carries out steps until one takes time; latency of untimed ones gathers in slot.delay and is paid before the next
// timed one.
void WalkerPool::perform(WalkSlot& slot) {
  const Step& step = slot.walk.step;
  StepResult& result = slot.result;
  const Tenant tenant = tenant_of(slot.walk.request, slot.walk.context);
  bool looked = false;  // the walk caches of all levels are looked up at once
  for (;;) {
    result.ok = true;
    result.hit = false;
    switch (step.kind) {
      case Step::Kind::lookup: {
        if (step.cache == CacheKind::walk && !looked) slot.delay += config_.walker_pool.cache_latency;
        looked = true;
        if (const CachedWords* words = caches_.find_words(step.cache, step.tag, tenant)) {
          result.hit = true;
          result.words[0] = words->word0;
          result.words[1] = words->word1;
        }
        break;
      }
      case Step::Kind::fill:
        if (may_fill(slot)) caches_.fill_words(step.cache, step.tag, CachedWords{step.words[0], step.words[1]}, tenant);
        break;
      default:
        steps_.push(slot.index, context_.scheduler.now() + slot.delay);
        slot.delay = base::Time();
        return;
    }
    architecture_.resume(slot.walk, result);
  }
}

// The delay before a timed step is over: issue its memory access, or end the walk.
void WalkerPool::advance(std::uint32_t index) {
  WalkSlot& slot = slots_[index];
  const Step& step = slot.walk.step;
  const bool access =
      step.kind == Step::Kind::read || step.kind == Step::Kind::write || step.kind == Step::Kind::compare_and_swap;
  if (access && !within_reach(architecture_, step.address)) {
    slot.result.ok = slot.result.poisoned = false;
    architecture_.resume(slot.walk, slot.result);
    perform(slot);
    return;
  }
  auto* const data = reinterpret_cast<unsigned char*>(slot.result.words.data());
  switch (step.kind) {
    case Step::Kind::read:
      ++slot.reads;
      if (step.structure == Structure::page_table)
        slot.stages_read |= static_cast<std::uint8_t>(1u << (step.stage & 7));
      reads++;
      slot.result.words[0] = 0;  // a shorter read leaves the rest of the word
      count_read(step);
      send(slot, memory_read(context_, step.address, data, step.bytes, tlm::Traffic::walk, index));
      return;
    case Step::Kind::write:
      writes++;
      std::memcpy(data, step.words.data(), step.bytes);
      send(slot, memory_write(context_, step.address, data, step.bytes, tlm::Traffic::walk, index));
      return;
    case Step::Kind::compare_and_swap: send_swap(slot); return;
    default: finish(index);
  }
}

void WalkerPool::count_read(const Step& step) {
  structure_reads[static_cast<unsigned>(step.structure)]++;
  const bool table = step.structure == Structure::page_table;
  const unsigned level = std::min<unsigned>(step.level, 5);
  reads_by_level[table ? level : 0]++;
  if (table && level != 0) stage_reads[step.stage == 1 ? 0 : 1][level - 1]++;
}

// Two operands, expected and desired; memory answers with the old value in place of the first.
void WalkerPool::send_swap(WalkSlot& slot) {
  const Step& step = slot.walk.step;
  if (step.bytes != 4 && step.bytes != 8) {
    tlm::internal_error("walker", "a compare-and-swap step is of 4 or 8 bytes");
  }
  swaps++;
  auto* const data = reinterpret_cast<unsigned char*>(slot.result.words.data());
  std::memcpy(data, &step.expected, step.bytes);
  std::memcpy(data + step.bytes, &step.desired, step.bytes);
  tlm::Payload& p = memory_write(context_, step.address, data, 2u * step.bytes, tlm::Traffic::walk, slot.index);
  tlm::dma(p).compare_and_swap = true;
  send(slot, p);
}

void WalkerPool::send(WalkSlot& slot, tlm::Payload& payload) {
  tracks_.access(slot, payload);
  port_.send(payload);
}

void WalkerPool::response(tlm::Payload& payload) {
  WalkSlot& slot = slots_[tlm::dma(payload).remapping_slot];
  slot.result.poisoned = tlm::dma(payload).poisoned;
  slot.result.ok = payload.is_response_ok() && !slot.result.poisoned;
  payload.release();
  tracks_.access_done(slot);
  const Step& step = slot.walk.step;
  if (step.kind == Step::Kind::compare_and_swap && slot.result.ok) {
    if (step.bytes == 4) slot.result.words[0] &= 0xffffffff;
    if (slot.result.words[0] != step.expected) failed_swaps++;
  }
  // The next access goes out from a stage of its own: a request must not be sent from within a response.
  slot.delay = config_.walk_step_latency;
  architecture_.resume(slot.walk, slot.result);
  perform(slot);
}

void WalkerPool::finish(std::uint32_t index) {
  WalkSlot& slot = slots_[index];
  continued_ = false;
  open_.erase(hash(slot.walk.kind, slot.space, slot.key), index);
  tracks_.end(slot);
  owner_.walk_finished(slot);
  if (continued_) return;
  const base::Time now = context_.scheduler.now();
  latency.add(now - slot.started);
  reads_per_walk.add(slot.reads);
  occupancy.sub(now);
  if (slot.holds_waits) --stale_;
  slot.busy = false;
  --slot.requester->walkers;
  if (log_.size() != 0) forget_invalidations();
  free_.push_back(index);
  owner_.walker_freed();
}

bool WalkerPool::may_fill(const WalkSlot& slot) const {
  const Step& step = slot.walk.step;
  return !slot.unfounded && !log_.any_since(slot.began, [&step](const InvalidationScope& scope) {
    return scope.drops(step.cache, step.tag);
  });
}

bool WalkerPool::may_install(const WalkSlot& slot) const {
  if (slot.unfounded) return false;
  const Step& last = slot.walk.step;
  return !log_.any_since(slot.began, [&](const InvalidationScope& scope) {
    if (last.kind == Step::Kind::translated) return scope.drops(CacheKind::iotlb, last.tag);
    const auto kind = slot.walk.kind == WalkKind::process ? CacheKind::process : CacheKind::context;
    return scope.drops_context(kind, slot.key, last.context.domain.value());
  });
}

// A prefetch that nobody waits for holds nothing yet.
void WalkerPool::overtake(WalkSlot& slot) {
  slot.overtaken = true;
  if (slot.holds_waits || slot.waiters.empty()) return;
  slot.holds_waits = true;
  ++stale_;
}

bool WalkerPool::drops_context(const InvalidationScope& scope, const WalkSlot& slot) const {
  const bool contexts = scope.caches.has(CacheKind::context), processes = scope.caches.has(CacheKind::process);
  if (!contexts && !processes) return false;
  for (const Transaction* t = slot.waiters.front(); t != nullptr; t = t->next) {
    if (contexts && scope.source(architecture_.context_key(t->request))) return true;
    if (processes && t->has_process && scope.source(t->process_key)) return true;
  }
  return false;
}

// A walk goes stale with its own result, and with the contexts it rests on or serves requests under: what their domain
// will be is not known, so their keys alone decide.
void WalkerPool::invalidate(const InvalidationScope& scope) {
  if (busy() == 0) return;
  const bool contexts = scope.caches.has(CacheKind::context), processes = scope.caches.has(CacheKind::process);
  for (WalkSlot& s : slots_) {
    if (!s.busy) continue;
    bool hit = false, superpage = false;
    if (s.walk.kind == WalkKind::interrupt) {
      hit = scope.caches.has(CacheKind::interrupt_entry);
    } else {
      const bool context = contexts && scope.source(s.context_key);
      hit = context || (processes && s.process_key && scope.source(*s.process_key));
      // Of a walk for a context, the context alone is checked when it is installed; others rest on what has gone.
      if (s.walk.kind == WalkKind::page ? hit : context && s.walk.kind == WalkKind::process) s.unfounded = true;
    }
    if (s.walk.kind == WalkKind::page) {
      const bool pages = scope.caches.has(CacheKind::iotlb) || scope.caches.has(CacheKind::walk);
      hit = hit || (pages && scope.selects(RangeTag{s.space, s.key << 12, 12, 0, 0}));
      superpage = pages && scope.selects(RangeTag{s.space, 0, 64, 0, 0});
    }
    hit = hit || (s.walk.kind != WalkKind::interrupt && drops_context(scope, s));
    s.stale |= hit;
    if (hit || superpage) overtake(s);
  }
  log_.add(scope);
  forget_invalidations();
}

// No walk in flight asks about invalidations before the oldest of them began.
void WalkerPool::forget_invalidations() {
  InvalidationLog::Mark oldest = log_.mark();
  for (const WalkSlot& s : slots_) {
    if (s.busy) oldest = std::min(oldest, s.began);
  }
  log_.forget_before(oldest);
}

void WalkerPool::register_stats(base::Group& group) {
  group.add("walks", walks, "1", "Walks: of contexts, process contexts, pages and interrupt entries");
  static const char* const kKind[] = {"context_walks", "process_walks", "page_walks", "interrupt_walks"};
  static const char* const kOf[] = {"Walks for a device context", "Walks for a process context",
                                    "Walks of page tables, prefetches among them", "Walks for an interrupt entry"};
  for (unsigned i = 0; i < kind_walks.size(); ++i) group.add(kKind[i], kind_walks[i], "1", kOf[i]);
  group.add("reads", reads, "1", "Memory reads issued by walkers");
  group.add("swaps", swaps, "1", "Compare-and-swap accesses issued by walkers (accessed and dirty bits)");
  group.add("failed_swaps", failed_swaps, "1", "Those that found another value than the walk had read");
  group.add("writes", writes, "1", "Plain writes issued by walkers");
  static const char* const kLevel[] = {"reads_context", "reads_level1", "reads_level2",
                                       "reads_level3",  "reads_level4", "reads_level5"};
  static const char* const kText[] = {"Walker reads of root, context and interrupt entries",
                                      "Walker reads of page-table entries that map 4 KiB pages",
                                      "Walker reads of level-2 page-table entries (2 MiB each)",
                                      "Walker reads of level-3 page-table entries (1 GiB each)",
                                      "Walker reads of level-4 page-table entries (512 GiB each)",
                                      "Walker reads of level-5 page-table entries (256 TiB each)"};
  for (unsigned i = 0; i < reads_by_level.size(); ++i) group.add(kLevel[i], reads_by_level[i], "1", kText[i]);
  static const char* const kStructure[] = {"root_entry", "context_entry",   "pasid_directory", "pasid_entry",
                                           "page_table", "interrupt_entry", "msi_table",       "other"};
  base::Group& structures = group.group("reads_of");
  for (unsigned i = 0; i < structure_reads.size(); ++i)
    structures.add(kStructure[i], structure_reads[i], "1", "Walker reads of this structure");
  for (unsigned stage = 0; stage < 2; ++stage) {
    base::Group& g = group.group(stage == 0 ? "first_stage" : "second_stage");
    for (unsigned level = 0; level < 5; ++level) {
      g.add("reads_level" + std::to_string(level + 1), stage_reads[stage][level], "1",
            "Walker reads of page-table entries of this level of this stage");
    }
  }
  group.add("latency", latency, "ps",
            "From taking a walker to the last step of its last walk: a walker goes on from context to page");
  group.add("reads_per_walk", reads_per_walk, "1", "Memory reads of a walker from its being taken, contexts included");
  group.add("occupancy", occupancy, "1", "Walkers in use");
}

}  // namespace iommusim::iommu
