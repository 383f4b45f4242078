#include "experiments/import/kernel_stream.h"

namespace iommusim::importer {
namespace {

// Events. An attach follows its direct mappings within a few; whose mapping a missed unmap took shows by the next thing
// that happens to the address, within some thousands.
constexpr std::size_t lookahead = 8192;

}  // namespace

KernelStream::KernelStream(const Capture& capture, const Alignment& alignment, std::uint32_t& next_mapping,
                           ImportReport& report)
    : capture_(capture),
      alignment_(alignment),
      next_mapping_(next_mapping),
      report_(report),
      log_(capture.kernel_log),
      change_used_(capture.type_changes.size()) {}

bool KernelStream::peek_fill() {
  KernelEvent event;
  while (!log_done_ && ahead_.size() < lookahead) {
    if (log_.next(event))
      ahead_.push_back(event);
    else
      log_done_ = true;
  }
  report_.unknown_kernel_lines = log_.ignored();
  return !ahead_.empty();
}

bool KernelStream::next(KernelItem& item) {
  while (out_.empty()) {
    if (!peek_fill()) return false;
    const KernelEvent event = std::move(ahead_.front());
    ahead_.pop_front();
    take(event);
  }
  item = std::move(out_.front());
  out_.pop_front();
  return true;
}

KernelItem KernelStream::item(const KernelEvent& event, ep::TraceKind kind) const {
  KernelItem item;
  item.record.kind = kind;
  item.record.side = ep::TraceSide::kernel;
  item.record.origin = event.time;
  item.record.time = event.time + static_cast<std::uint64_t>(alignment_.offset);
  item.record.line = event.line;
  return item;
}

std::uint32_t KernelStream::key_of(base::Bdf requester, std::uint64_t unit_time) const {
  const auto domain = alignment_.domain_at(requester, unit_time);
  return domain == ep::no_domain ? 0x80000000u | requester.value() : domain.value();
}

void KernelStream::take(const KernelEvent& event) {
  const Context context{event.cpu, event.pid, event.level};
  switch (event.kind) {
    case KernelKind::mark: finish_mark(event); break;
    case KernelKind::map_page:
    case KernelKind::map_sg:
    case KernelKind::alloc: {
      OpenCall call{event.kind, capture_.requester(event.device),           next_mapping_++, event.size, event.offset,
                    0,          static_cast<ep::Direction>(event.direction)};
      auto out = item(event, ep::TraceKind::call);
      out.record.mapping = call.mapping;
      out.record.call = event.kind == KernelKind::map_page ? ep::CallKind::page
                        : event.kind == KernelKind::map_sg ? ep::CallKind::scatter
                                                           : ep::CallKind::coherent;
      out.record.requester = call.requester;
      out.record.direction = call.direction;
      out.record.size = call.size;
      out.record.number =
          event.kind == KernelKind::map_sg ? event.count : static_cast<std::uint32_t>(event.offset & 0xfff);
      calls_[context] = call;
      out_.push_back(std::move(out));
      break;
    }
    case KernelKind::map_page_ret:
    case KernelKind::map_sg_ret: calls_.erase(context); break;
    case KernelKind::unmap_page:
    case KernelKind::unmap_sg:
    case KernelKind::free:
      releases_[context] = OpenCall{event.kind, capture_.requester(event.device), 0, event.size, 0, event.iova};
      break;
    case KernelKind::map: take_map(event); break;
    case KernelKind::unmap: take_unmap(event); break;
    case KernelKind::attach: take_attach(event); break;
    case KernelKind::submit: take_submit(event); break;
  }
}

bool KernelStream::owner_of_bare_map(const KernelEvent& event, base::Bdf& requester) {
  if (const auto before = attached_.find(event.pid); before != attached_.end()) return requester = before->second, true;
  for (const auto& later : ahead_)
    if (later.kind == KernelKind::attach && later.pid == event.pid)
      return requester = capture_.requester(later.device), true;
  return false;
}

void KernelStream::take_map(const KernelEvent& event) {
  auto out = item(event, ep::TraceKind::map);
  auto& r = out.record;
  r.iova = base::Iova(event.iova);
  r.paddr = base::Hpa(event.paddr);
  r.size = event.size;
  r.domain = ep::no_domain;
  out.use.begin = event.iova;
  out.use.end = event.iova + event.size;
  bool owned = true;
  if (const auto open = calls_.find(Context{event.cpu, event.pid, event.level}); open != calls_.end()) {
    auto& call = open->second;
    r.requester = call.requester;
    r.mapping = call.mapping;
    // Seen without exception: to-device mappings are read-only, all others read and write (from-device included).
    r.permissions = call.direction == ep::Direction::to_device ? 1 : 3;
    out.use.direction = call.direction;
    out.use.coherent = call.kind == KernelKind::alloc;
    out.use.known = true;
    if (call.kind == KernelKind::map_page) {
      out.use.begin = event.iova + (call.offset & 0xfff);
      out.use.end = std::min(event.iova + event.size, out.use.begin + call.size);
    }
  } else {
    r.mapping = next_mapping_++;
    owned = owner_of_bare_map(event, r.requester);
    if (!owned) ++report_.unattributed_maps;
  }
  if (owned) r.domain = alignment_.domain_at(r.requester, r.time);
  const auto key = owned ? key_of(r.requester, r.time) : 0x80000000u;
  live_[{key, event.iova}] = Live{event.iova + event.size, r.mapping, event.pid, r.requester};
  out_.push_back(std::move(out));
}

bool KernelStream::owner_of_unmap(const KernelEvent& event, base::Bdf& requester) {
  const auto end = event.iova + event.size;
  const auto release = releases_.find(Context{event.cpu, event.pid, event.level});
  const bool probed =
      release != releases_.end() && (release->second.kind != KernelKind::unmap_page ||
                                     (release->second.iova >= event.iova && release->second.iova < end));
  if (probed) {
    requester = release->second.requester;
    releases_.erase(release);
    return true;
  }
  // The probe was missed: whose live mapping is it? Exactly this range first, then any inside it.
  std::set<base::Bdf> exact, inside;
  for (auto entry = live_.begin(); entry != live_.end();
       entry = live_.upper_bound({entry->first.first, ~std::uint64_t{0}})) {
    const auto domain = entry->first.first;
    auto at = live_.upper_bound({domain, event.iova});
    if (at != live_.begin()) --at;
    std::uint64_t covered = event.iova;
    for (; at != live_.end() && (at->first.first < domain || (at->first.first == domain && at->first.second < end));
         ++at) {
      if (at->first.first != domain || at->second.end <= event.iova) continue;
      inside.insert(at->second.requester);
      if (at->first.second == covered) covered = at->second.end;
      if (covered == end) exact.insert(at->second.requester);
    }
  }
  if (exact.size() > 1 && owner_by_future(event, exact, requester)) return true;
  if (exact.size() >
      1) {  // a mapping seldom leaves the task and CPU's neighbourhood it was made in: the task's own, else the newest
    ++report_.guessed_unmaps;
    const Live* best = nullptr;
    for (const auto& [key, live] : live_) {
      if (key.second != event.iova || !exact.count(live.requester)) continue;
      const auto rank = [&](const Live& l) { return std::pair{l.pid == event.pid, l.mapping}; };
      if (!best || rank(live) > rank(*best)) best = &live;
    }
    if (best) return requester = best->requester, true;
  }
  if (exact.size() == 1) return requester = *exact.begin(), true;
  if (exact.empty() && inside.size() == 1) return requester = *inside.begin(), true;
  if (const auto before = attached_.find(event.pid); before != attached_.end()) return requester = before->second, true;
  if (alignment_.domains.size() == 1) return requester = alignment_.domains.begin()->first, true;
  return false;
}

bool KernelStream::owner_by_future(const KernelEvent& event, std::set<base::Bdf> candidates, base::Bdf& requester) {
  // A later probed unmap of the address by a device shows that its mapping is still there; a later map, that it has
  // gone.
  std::map<Context, base::Bdf> calls, releases;
  for (const auto& [context, call] : calls_) calls[context] = call.requester;
  std::set<base::Bdf> settled;
  for (const auto& later : ahead_) {
    const Context context{later.cpu, later.pid, later.level};
    const bool here = later.iova < event.iova + event.size && event.iova < later.iova + later.size;
    switch (later.kind) {
      case KernelKind::map_page:
      case KernelKind::map_sg:
      case KernelKind::alloc: calls[context] = capture_.requester(later.device); break;
      case KernelKind::map_page_ret:
      case KernelKind::map_sg_ret: calls.erase(context); break;
      case KernelKind::unmap_page:
      case KernelKind::unmap_sg:
      case KernelKind::free: releases[context] = capture_.requester(later.device); break;
      case KernelKind::map:
        if (const auto call = calls.find(context);
            here && call != calls.end() && candidates.count(call->second) && settled.insert(call->second).second)
          return requester = call->second, true;
        break;
      case KernelKind::unmap:
        if (const auto release = releases.find(context); release != releases.end()) {
          if (here && candidates.size() > 1 && settled.insert(release->second).second)
            candidates.erase(release->second);
          releases.erase(release);
        }
        if (candidates.size() == 1) return requester = *candidates.begin(), true;
        break;
      default: break;
    }
  }
  return false;
}

void KernelStream::take_unmap(const KernelEvent& event) {
  auto out = item(event, ep::TraceKind::unmap);
  auto& r = out.record;
  r.iova = base::Iova(event.iova);
  r.size = event.size;
  r.domain = ep::no_domain;
  const bool owned = owner_of_unmap(event, r.requester);
  if (!owned) ++report_.unattributed_unmaps;
  if (owned) r.domain = alignment_.domain_at(r.requester, r.time);
  const auto key = owned ? key_of(r.requester, r.time) : 0x80000000u;
  bool one = true;
  for (auto at = live_.lower_bound({key, event.iova});
       at != live_.end() && at->first < LiveKey{key, event.iova + event.size};) {
    if (r.mapping != 0 && r.mapping != at->second.mapping) one = false;
    r.mapping = at->second.mapping;
    at = live_.erase(at);
  }
  if (!one) r.mapping = 0;
  out_.push_back(std::move(out));
}

void KernelStream::push_type(const KernelEvent& event, base::Bdf requester, ep::DomainType type, bool assumed) {
  auto out = item(event, ep::TraceKind::attach);
  out.record.requester = requester;
  out.record.type = type;
  out.record.domain =
      type == ep::DomainType::identity ? ep::no_domain : alignment_.domain_at(requester, out.record.time);
  out.record.flags = assumed ? ep::trace_flag::assumed : 0;
  out_.push_back(std::move(out));
}

void KernelStream::take_attach(const KernelEvent& event) {
  const auto* device = capture_.device(event.device);
  const auto requester = capture_.requester(event.device);
  attached_[event.pid] = requester;
  for (std::size_t i = 0; i < capture_.type_changes.size(); ++i) {
    const auto& change = capture_.type_changes[i];
    if (!device || change.mark != mark_ || change.group != device->group || change_used_by_[{device->bdf, i}]) continue;
    change_used_by_[{device->bdf, i}] = change_used_[i] = true;
    return push_type(event, requester, change.type, false);
  }
  // No write to a `type` file explains it: VFIO takes the device (mappings without the DMA API follow) or gives it
  // back.
  bool maps_follow = false;
  for (const auto& later : ahead_) {
    if (later.kind == KernelKind::mark || maps_follow) break;
    maps_follow = later.kind == KernelKind::map && later.pid == event.pid &&
                  !calls_.count(Context{later.cpu, later.pid, later.level});
  }
  push_type(event, requester,
            maps_follow ? ep::DomainType::unmanaged
            : device    ? device->type
                        : ep::DomainType::unknown,
            true);
}

void KernelStream::take_submit(const KernelEvent& event) {
  if (!is_anchor(event.descriptor)) return;
  ep::TraceRecord decoded;
  decode_descriptor(event.descriptor, decoded);
  const bool context = decoded.invalidate == ep::InvalidateKind::context_device ||
                       decoded.invalidate == ep::InvalidateKind::context_domain;
  // A bound device goes from DMA to DMA-FQ without an attach: the first flush of a whole domain shows that it has.
  if (decoded.invalidate == ep::InvalidateKind::iotlb_domain && !after_context_) {
    for (std::size_t i = 0; i < capture_.type_changes.size(); ++i) {
      const auto& change = capture_.type_changes[i];
      if (change.mark != mark_ || change.type != ep::DomainType::dma_fq || change_used_[i]) continue;
      change_used_[i] = true;
      for (const auto& device : capture_.header.devices)
        if (device.group == change.group) push_type(event, device.requester, change.type, true);
    }
  }
  after_context_ = context;
  auto out = item(event, ep::TraceKind::invalidate);
  out.flush = true;
  out_.push_back(std::move(out));
}

void KernelStream::finish_mark(const KernelEvent& event) {
  for (std::size_t i = 0; i < capture_.type_changes.size(); ++i) {
    const auto& change = capture_.type_changes[i];
    if (change.mark != mark_ || change_used_[i]) continue;
    change_used_[i] = true;
    for (const auto& device : capture_.header.devices)
      if (device.group == change.group) push_type(event, device.requester, change.type, true);
  }
  mark_ = event.number;
  auto out = item(event, ep::TraceKind::mark);
  out.record.number = event.number;
  out.record.text = event.text;
  out_.push_back(std::move(out));
}

}  // namespace iommusim::importer
