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
    : architecture_(architecture), memory_(memory), caches_(caches), readable_(std::move(readable)) {}

Resolution UntimedUnit::resolve(const Request& request) {
  Resolution out;
  out.output = Hpa(request.address);
  const RequestClass c = architecture_.classify(request);
  if (c == RequestClass::message || !architecture_.enabled(c)) {
    out.outcome = Resolution::Outcome::passed;
    return out;
  }
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

  const std::uint64_t key = architecture_.context_key(request);
  const auto cached = contexts_.find(key);
  if (cached != contexts_.end()) {
    out.context = cached->second;
  } else {
    walk.kind = WalkKind::context;
    const Step end = run(walk, out.reads);
    if (end.kind == Step::Kind::fault) {
      out.fault = end.fault;
      return out;
    }
    out.context = end.context;
    if (caches_ == Caches::unbounded) contexts_[key] = end.context;
  }
  if (c == RequestClass::translated || out.context.mode != ContextMode::translate) {
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
    walk.kind = WalkKind::page;
    walk.context = out.context;
    const Step end = run(walk, out.reads);
    if (end.kind == Step::Kind::fault) {
      out.fault = end.fault;
      return out;
    }
    out.translation = end.translation;
    if (caches_ == Caches::unbounded)
      iotlb_[Key{0, 0, end.tag.size_log2, end.tag.space, end.tag.base}] = Entry{end.translation, {}};
  }
  out.outcome = Resolution::Outcome::translated;
  const std::uint64_t inside =
      out.translation.size_log2 >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << out.translation.size_log2) - 1;
  out.output = out.translation.output + (request.address & inside);
  return out;
}

Effects UntimedUnit::record(const Resolution& resolution, const Request& request) {
  const Effects e = architecture_.record_fault(FaultEvent{resolution.fault, request});
  apply(e);
  return e;
}

Step UntimedUnit::run(Walk& walk, ReadCount& reads) {
  Step step = architecture_.begin(walk);
  for (;;) {
    StepResult result;
    switch (step.kind) {
      case Step::Kind::read:
        ++reads.of[static_cast<unsigned>(step.structure)];
        if (step.structure == Structure::page_table) ++reads.page_table[step.stage][step.level];
        result.ok = read(step, result);
        break;
      case Step::Kind::compare_and_swap:
        result.words[0] = memory_.read64(step.address);
        if (result.words[0] == step.expected) memory_.write64(step.address, step.desired);
        break;
      case Step::Kind::write:
        for (unsigned i = 0; i < step.bytes / 8u; ++i) memory_.write64(step.address + 8 * i, step.words[i]);
        break;
      case Step::Kind::lookup: result = look_up(step); break;
      case Step::Kind::fill: fill(step); break;
      default: return step;
    }
    step = architecture_.resume(walk, result);
  }
}

bool UntimedUnit::read(const Step& step, StepResult& result) const {
  if (readable_ && !readable_(step.address)) return false;
  const std::uint64_t shift = 8 * step.address.offset_in(8);
  if (step.bytes < 8) {
    result.words[0] = memory_.read64(step.address.align_down(8)) >> shift & ((std::uint64_t{1} << 8 * step.bytes) - 1);
    return true;
  }
  for (unsigned i = 0; i < step.bytes / 8u; ++i) result.words[i] = memory_.read64(step.address + 8 * i);
  return true;
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

void UntimedUnit::run_queue() {
  while (const auto fetch = architecture_.next_command()) {
    Step step;
    step.address = fetch->address;
    step.bytes = fetch->bytes;
    StepResult result;
    if (!read(step, result)) {
      apply(architecture_.command_fetch_failed());
      return;
    }
    const Command c = architecture_.take_command(result.words);
    if (c.kind != Command::Kind::illegal) ++commands[static_cast<unsigned>(c.form)];
    if (c.kind == Command::Kind::invalidate) invalidate(c.scope);
    if (c.kind == Command::Kind::wait && c.write_status) {
      const Hpa word = c.status_address.align_down(8);
      const unsigned shift = c.status_address.offset_in(8) != 0 ? 32 : 0;
      const std::uint64_t keep = ~(std::uint64_t{0xffffffff} << shift);
      memory_.write64(word, (memory_.read64(word) & keep) | static_cast<std::uint64_t>(c.status) << shift);
    }
    if (c.kind == Command::Kind::illegal || c.interrupt) apply(architecture_.command_event(c));
  }
}

void UntimedUnit::apply(const Effects& effects) {
  if (effects.flush) invalidate(*effects.flush);
  if (effects.interrupt) interrupts.push_back(*effects.interrupt);
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
  if (scope.caches.has(CacheKind::iotlb)) drop(iotlb_, in_range);
  if (scope.caches.has(CacheKind::walk) && !scope.leaf_only) drop(walks_, in_range);
  if (scope.caches.has(CacheKind::interrupt_entry))
    drop(entries_, [&scope](const Ranges::value_type& e) { return scope.interrupt_index(std::get<4>(e.first)); });
}

std::size_t UntimedUnit::held(CacheKind kind) const {
  return kind == CacheKind::context ? contexts_.size() : ranges(kind).size();
}

}  // namespace iommusim::iommu
