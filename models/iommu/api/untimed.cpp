#include "models/iommu/api/untimed.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace iommusim::iommu {

unsigned ReadCount::total() const {
  unsigned n = 0;
  for (const unsigned c : of) n += c;
  return n;
}

UntimedUnit::UntimedUnit(Architecture& architecture, TableMemory& memory, Caches caches,
                         std::function<bool(Hpa)> readable)
    : architecture_(architecture), memory_(memory), caches_(caches) {
  if (readable) {
    access_ = [readable = std::move(readable)](Hpa address, unsigned, bool write) {
      return write || readable(address) ? MemoryStatus::ok : MemoryStatus::refused;
    };
  }
}

// ---- requests

Resolution UntimedUnit::resolve(const Request& request) {
  Resolution out;
  out.output = Hpa(request.address);
  const RequestClass c = architecture_.classify(request);
  if (c == RequestClass::message || !architecture_.enabled(c)) {
    out.outcome = Resolution::Outcome::passed;
    return out;
  }
  count(c == RequestClass::ordinary     ? PerformanceEvent::untranslated_request
        : c == RequestClass::translated ? PerformanceEvent::translated_request
                                        : PerformanceEvent::translation_request,
        request, nullptr);
  Walk walk;
  walk.request = request;
  if (c == RequestClass::interrupt) {
    walk.kind = WalkKind::interrupt;
    const Step end = run(walk, out.reads);
    out.outcome = end.kind == Step::Kind::fault ? Resolution::Outcome::fault : Resolution::Outcome::interrupt;
    out.fault = end.fault;
    out.interrupt = end.interrupt;
    return out;
  }

  walk.kind = WalkKind::context;
  if (!find_context(walk, architecture_.context_key(request), contexts_, out)) return out;
  if (const auto refused = architecture_.check_request(out.context, request)) {
    out.fault = *refused;
    return out;
  }
  if (const auto key = architecture_.process_key(out.context, request)) {
    walk.kind = WalkKind::process;
    walk.context = out.context;
    if (!find_context(walk, *key, processes_, out)) return out;
    if (const auto refused = architecture_.check_request(out.context, request)) {
      out.fault = *refused;
      return out;
    }
  }
  if (architecture_.passes_through(out.context, request)) {
    const auto refused = architecture_.check_pass_through(out.context, request);
    if (refused) out.fault = *refused;
    out.outcome = refused ? Resolution::Outcome::fault : Resolution::Outcome::passed;
    return out;
  }

  const Space space = architecture_.space(out.context, request);
  const Translation* hit = find_translation(space, request.address);
  if (hit != nullptr && hit->rights.cover(request.needed)) {
    out.iotlb_hit = true;
    out.translation = *hit;
  } else {
    count(PerformanceEvent::iotlb_miss, request, &out.context);
    walk.kind = WalkKind::page;
    walk.context = out.context;
    const Step end = run(walk, out.reads);
    count_stages(out, request);
    if (end.kind == Step::Kind::fault) {
      out.fault = end.fault;
      return out;
    }
    if (end.kind == Step::Kind::interrupt_stored) {
      out.outcome = Resolution::Outcome::stored;
      out.output = end.address;
      out.interrupt = end.interrupt;
      return out;
    }
    out.translation = end.translation;
    if (caches_ == Caches::unbounded && end.cacheable)
      iotlb_[Key{0, 0, end.tag.size_log2, end.tag.space, end.tag.base}] = Entry{end.translation, {}};
  }
  out.outcome = Resolution::Outcome::translated;
  const std::uint64_t inside =
      out.translation.size_log2 >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << out.translation.size_log2) - 1;
  out.output = out.translation.output + (request.address & inside);
  return out;
}

void UntimedUnit::count(PerformanceEvent event, const Request& request, const Context* context) {
  if (counts_events && architecture_.counting()) apply(architecture_.count(event, request, context));
}

// Stages that read tables of their own, for architectures that count them apart.
void UntimedUnit::count_stages(const Resolution& r, const Request& request) {
  const auto read = [&r](unsigned stage) {
    return std::any_of(r.reads.page_table[stage].begin(), r.reads.page_table[stage].end(),
                       [](unsigned n) { return n != 0; });
  };
  if (read(1)) count(PerformanceEvent::first_stage_walk, request, &r.context);
  if (read(2)) count(PerformanceEvent::second_stage_walk, request, &r.context);
}

// The context under `key`, from `cache` or by the walk prepared; false: out.fault says why not.
bool UntimedUnit::find_context(Walk& walk, std::uint64_t key, std::map<std::uint64_t, Context>& cache,
                               Resolution& out) {
  const auto cached = cache.find(key);
  if (cached != cache.end()) {
    out.context = cached->second;
    return true;
  }
  const auto event = walk.kind == WalkKind::context ? PerformanceEvent::context_walk : PerformanceEvent::process_walk;
  count(event, walk.request, nullptr);
  const Step end = run(walk, out.reads);
  if (end.kind == Step::Kind::fault) {
    out.fault = end.fault;
    return false;
  }
  out.context = end.context;
  if (caches_ == Caches::unbounded) cache[key] = end.context;
  return true;
}

Effects UntimedUnit::record(const Resolution& resolution, const Request& request) {
  const Effects e = architecture_.record_fault(FaultEvent{resolution.fault, request});
  apply(e);
  return e;
}

AtsCompletion UntimedUnit::translate(const Request& request) {
  const Resolution r = resolve(request);
  if (r.outcome == Resolution::Outcome::stored) return architecture_.complete_ats_stored(r.context, request);
  std::optional<Fault> fault;
  if (r.outcome == Resolution::Outcome::fault) fault = r.fault;
  const AtsCompletion answer = architecture_.complete_ats(r.context, request, r.translation, fault);
  if (answer.fault.recorded && answer.fault.kind != FaultKind::none)
    apply(architecture_.record_fault(FaultEvent{answer.fault, request}));
  return answer;
}

void UntimedUnit::page_request(const PageRequest& request) {
  Walk walk;
  walk.kind = WalkKind::context;
  walk.request = architecture_.context_request(request);
  Resolution found;
  const bool ok = find_context(walk, architecture_.context_key(walk.request), contexts_, found);
  apply(architecture_.page_request(request, ok ? &found.context : nullptr, found.fault));
}

// ---- steps

Step UntimedUnit::run(Walk& walk, ReadCount& reads) {
  architecture_.begin(walk);
  const Step& step = walk.step;
  for (;;) {
    StepResult result;
    switch (step.kind) {
      case Step::Kind::read:
        ++reads.of[static_cast<unsigned>(step.structure)];
        if (step.structure == Structure::page_table) ++reads.page_table[step.stage][step.level];
        result.ok = read(step, result);
        break;
      case Step::Kind::compare_and_swap: swap(step, result); break;
      case Step::Kind::write: result.ok = write_bytes(step.address, step.bytes, step.words.data()); break;
      case Step::Kind::lookup: result = look_up(step); break;
      case Step::Kind::fill: fill(step); break;
      default: return step;
    }
    architecture_.resume(walk, result);
  }
}

bool UntimedUnit::read(const Step& step, StepResult& result) const {
  const MemoryStatus status = access(step.address, step.bytes, false);
  result.poisoned = status == MemoryStatus::corrupt;
  if (status != MemoryStatus::ok) return false;
  const std::uint64_t shift = 8 * step.address.offset_in(8);
  if (step.bytes < 8) {
    result.words[0] = memory_.read64(step.address.align_down(8)) >> shift & ((std::uint64_t{1} << 8 * step.bytes) - 1);
    return true;
  }
  for (unsigned i = 0; i < step.bytes / 8u; ++i) result.words[i] = memory_.read64(step.address + 8 * i);
  return true;
}

// Naturally aligned: 4 bytes, or whole words.
bool UntimedUnit::write_bytes(Hpa address, unsigned bytes, const std::uint64_t* words) {
  if (access(address, bytes, true) == MemoryStatus::refused) return false;
  if (bytes == 4) {
    const Hpa word = address.align_down(8);
    const std::uint64_t shift = 8 * address.offset_in(8);
    const std::uint64_t field = std::uint64_t{0xffffffff} << shift;
    memory_.write64(word, (memory_.read64(word) & ~field) | (words[0] << shift & field));
    return true;
  }
  for (unsigned i = 0; i < bytes / 8u; ++i) memory_.write64(address + 8 * i, words[i]);
  return true;
}

void UntimedUnit::swap(const Step& step, StepResult& result) {
  result.ok = read(step, result);
  if (!result.ok || result.words[0] != step.expected) return;
  result.ok = write_bytes(step.address, step.bytes, &step.desired);
}

StepResult UntimedUnit::look_up(const Step& step) const {
  StepResult result;
  const Ranges& cache = ranges(step.cache);
  const auto it = cache.find(Key{step.tag.stage, step.tag.level, step.tag.size_log2, step.tag.space, step.tag.base});
  result.hit = it != cache.end();
  if (result.hit) std::copy(it->second.words.begin(), it->second.words.end(), result.words.begin());
  return result;
}

void UntimedUnit::fill(const Step& step) {
  if (caches_ == Caches::none) return;
  Entry entry;
  entry.words = {step.words[0], step.words[1]};
  ranges(step.cache)[Key{step.tag.stage, step.tag.level, step.tag.size_log2, step.tag.space, step.tag.base}] = entry;
}

const Translation* UntimedUnit::find_translation(Space space, std::uint64_t address) const {
  for (unsigned log2 = 12; log2 < 64; ++log2) {
    const auto it = iotlb_.find(Key{0, 0, log2, space, address >> log2 << log2});
    if (it != iotlb_.end()) return &it->second.translation;
  }
  return nullptr;
}

Effects UntimedUnit::write(const RegisterWrite& w) {
  const Effects e = architecture_.write_register(w.offset, w.bytes, w.value);
  apply(e);
  if (e.queue_kicked) run_queue();
  return e;
}

void UntimedUnit::write(const std::vector<RegisterWrite>& writes) {
  for (const RegisterWrite& w : writes) write(w);
}

// ---- command queue

void UntimedUnit::run_queue() {
  while (!waiting_) {
    const auto fetch = architecture_.next_command();
    if (!fetch) return;
    Step step;
    step.address = fetch->address;
    step.bytes = fetch->bytes;
    StepResult result;
    if (!read(step, result)) {
      apply(architecture_.command_fetch_failed());
      return;
    }
    execute(architecture_.take_command(result.words));
  }
}

void UntimedUnit::execute(const Command& c) {
  if (c.kind != Command::Kind::illegal) ++commands[static_cast<unsigned>(c.form)];
  switch (c.kind) {
    case Command::Kind::invalidate:
      invalidate(c.scope);
      if (c.also) invalidate(*c.also);
      break;
    case Command::Kind::device_tlb: {
      const auto tag = device_invalidations_.issue(c.message.device, c.message.has_segment);
      messages.push_back(Sent{c.message, tag.value_or(0)});
      break;
    }
    case Command::Kind::page_response: messages.push_back(Sent{c.message, 0}); break;
    case Command::Kind::wait:
      waiting_ = c;
      end_wait();
      break;
    case Command::Kind::illegal: apply(architecture_.command_event(c)); break;
    case Command::Kind::nothing: break;
  }
}

// A wait command ends when devices have answered the invalidations before it.
void UntimedUnit::end_wait() {
  if (!waiting_ || device_invalidations_.outstanding() != 0) return;
  const Command c = *waiting_;
  waiting_.reset();
  auto end = device_invalidations_.take_timed_out() ? WaitEnd::device_timeout : WaitEnd::done;
  const std::uint64_t status = c.status;
  if (end == WaitEnd::done && c.write_status && !write_bytes(c.status_address, 4, &status)) end = WaitEnd::write_fault;
  if (end == WaitEnd::done && (c.order_reads || c.order_writes)) {
    ordered_reads = c.order_reads;
    ordered_writes = c.order_writes;
  }
  apply(architecture_.wait_finished(c, end));
}

bool UntimedUnit::invalidation_completed(SourceId device, bool has_segment, std::uint32_t tags, unsigned count) {
  const bool expected = device_invalidations_.complete(device, has_segment, tags, count);
  end_wait();
  run_queue();
  return expected;
}
void UntimedUnit::invalidation_timed_out(std::uint32_t tags) {
  device_invalidations_.time_out(tags);
  end_wait();
  run_queue();
}

void UntimedUnit::apply(const Effects& effects) {
  if (effects.flush) invalidate(*effects.flush);
  if (effects.record) {
    const QueueRecord& r = *effects.record;
    apply(architecture_.record_written(r.queue, write_bytes(r.address, r.bytes, r.words.data())));
  }
  if (effects.interrupt) {
    interrupts.push_back(*effects.interrupt);
    const std::uint64_t data = effects.interrupt->data;
    if (write_interrupts && !write_bytes(Hpa(effects.interrupt->address), 4, &data))
      apply(architecture_.interrupt_failed(*effects.interrupt));
  }
  if (effects.message) messages.push_back(Sent{*effects.message, 0});
  if (effects.debug_translation) {
    const Request request = architecture_.debug_request();
    const Resolution r = resolve(request);
    if (r.outcome == Resolution::Outcome::fault && r.fault.recorded) record(r, request);
    Translation t = r.translation;
    if (r.outcome == Resolution::Outcome::passed) t.output = r.output.align_down(std::uint64_t{1} << t.size_log2);
    apply(architecture_.debug_response(r.outcome == Resolution::Outcome::fault ? nullptr : &t));
  }
  if (effects.more) apply(architecture_.further_effects());
}

void UntimedUnit::invalidate(const InvalidationScope& scope) {
  const auto drop = [](auto& map, const auto& selected) {
    for (auto it = map.begin(); it != map.end();) it = selected(*it) ? map.erase(it) : std::next(it);
  };
  const auto in_range = [&scope](const Ranges::value_type& e) {
    const auto& [stage, level, log2, space, base] = e.first;
    return scope.selects(RangeTag{space, base, static_cast<std::uint8_t>(log2), static_cast<std::uint8_t>(stage),
                                  static_cast<std::uint8_t>(level)});
  };
  if (scope.caches.has(CacheKind::context))
    drop(contexts_, [&scope](const auto& e) { return scope.source(e.first) && scope.domain(e.second.domain.value()); });
  if (scope.caches.has(CacheKind::process))
    drop(processes_,
         [&scope](const auto& e) { return scope.source(e.first) && scope.domain(e.second.domain.value()); });
  if (scope.caches.has(CacheKind::iotlb)) drop(iotlb_, in_range);
  // Pages of tables (level 0) are leaves of the second stage.
  if (scope.caches.has(CacheKind::walk))
    drop(walks_, [&](const auto& e) { return in_range(e) && (!scope.leaf_only || std::get<1>(e.first) == 0); });
  if (scope.caches.has(CacheKind::interrupt_entry))
    drop(entries_, [&scope](const Ranges::value_type& e) { return scope.interrupt_index(std::get<4>(e.first)); });
}

std::size_t UntimedUnit::held(CacheKind kind) const {
  if (kind == CacheKind::context) return contexts_.size();
  return kind == CacheKind::process ? processes_.size() : ranges(kind).size();
}

}  // namespace iommusim::iommu
