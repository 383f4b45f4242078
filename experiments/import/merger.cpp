#include "experiments/import/merger.h"

#include <algorithm>

namespace iommusim::importer {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint16_t vendor_virtio = 0x1af4;
constexpr std::uint64_t pull_reach =
    20'000'000;  // ns a mapping may be needed before its clock time (clocks spread by up to 4 ms)
constexpr std::uint64_t request_reach = 250'000'000;  // ns; without anchors the clocks are known by the marks only
constexpr unsigned flush_reach = 2;                   // submissions logged by another CPU, not yet taken by the unit
constexpr std::size_t max_gone = 1 << 16;
constexpr std::uint64_t progress_step = 4096;  // records

}  // namespace

Merger::Merger(const Capture& capture, const Alignment& alignment, const ImportOptions& options, ep::TraceWriter& out,
               ImportReport& report)
    : capture_(capture),
      alignment_(alignment),
      options_(options),
      out_(out),
      report_(report),
      units_(capture, report),
      kernel_(capture, alignment, next_mapping_, report) {}

std::uint32_t Merger::key_of(const ep::TraceRecord& r) {
  return r.domain == ep::no_domain ? 0x80000000u | r.requester.value() : r.domain.value();
}

bool Merger::fill_unit() {
  while (!unit_done_ && ahead_.size() < options_.unit_window_lines) {
    Upcoming next{{}, anchors_read_};
    if (!units_.next(next.item)) {
      unit_done_ = true;
      break;
    }
    if (next.item.anchor) ++anchors_read_;
    if (next.item.translated) {
      const auto& r = next.item.record;
      upcoming_[PageKey(key_of(r), r.iova.value())].push_back(next.anchors_before);
    }
    ahead_.push_back(std::move(next));
  }
  return !ahead_.empty();
}

void Merger::fill_kernel() {
  while (!kernel_done_ && pending_.size() < options_.kernel_window_events) {
    KernelItem item;
    if (kernel_.next(item))
      pending_.push_back(std::move(item));
    else
      kernel_done_ = true;
  }
}

void Merger::run() {
  const bool virtio = capture_.header.iommu == ep::TraceIommu::virtio;
  std::uint64_t anchor = 0, done = 0;
  while (fill_unit()) {
    UnitItem item = std::move(ahead_.front().item);
    ahead_.pop_front();
    fill_kernel();
    now_ = item.record.time - alignment_.unit_start;
    unit_line_ = item.record.line;
    if (!virtio) place_by_clock(item.record.time);
    if (item.anchor) {
      if (anchor >= alignment_.first_anchor && anchor - alignment_.first_anchor < alignment_.anchors)
        place_up_to_flush(anchor - alignment_.first_anchor);
      ++anchor;
    }
    if (virtio && item.record.kind == ep::TraceKind::request) place_request(item);
    if (item.translated) complete_access(item);
    item.record.time = item.record.origin = now_;
    write(item.record);
    if (options_.progress && ++done % progress_step == 0) options_.progress(units_.share(), options_.progress_context);
  }
  for (fill_kernel(); !pending_.empty(); fill_kernel()) emit_front();
}

bool Merger::must_wait(const KernelItem& item) const {
  if (item.flush) return true;
  if (item.record.kind != ep::TraceKind::unmap) return false;
  // Accesses up to the descriptor of the next submission can only mean this mapping: its address is not reused earlier.
  const auto limit = alignment_.first_anchor + flushes_placed_;
  const PageKey first(key_of(item.record), item.record.iova.value());
  const auto pages = item.record.size / page;
  if (pages > upcoming_.size()) {  // fewer pages are coming than are unmapped
    for (const auto& [key, anchors] : upcoming_)
      if (key.domain == first.domain && key.page >= first.page && key.page - first.page < pages &&
          anchors.front() <= limit)
        return true;
    return false;
  }
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto found = upcoming_.find(PageKey(first.domain, (first.page + i) * page));
    if (found != upcoming_.end() && found->second.front() <= limit) return true;
  }
  return false;
}

void Merger::place_by_clock(std::uint64_t unit_time) {
  while (!pending_.empty() && pending_.front().record.time <= unit_time && !must_wait(pending_.front())) {
    emit_front();
    fill_kernel();
  }
}

void Merger::place_up_to_flush(std::uint64_t flush) {
  while (flushes_placed_ <= flush && !pending_.empty()) {
    emit_front();
    fill_kernel();
  }
}

void Merger::place_request(const UnitItem& request) {
  const auto& r = request.record;
  const bool map = r.request == ep::RequestKind::map;
  const auto kind = map ? ep::TraceKind::map : ep::TraceKind::unmap;
  for (std::size_t i = 0; i < pending_.size() && pending_[i].record.time <= r.time + request_reach; ++i) {
    const auto& k = pending_[i].record;
    if (k.kind != kind || k.iova != r.iova || k.size != r.size || (map && k.paddr != r.paddr)) continue;
    KernelItem found = std::move(pending_[i]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    // Calls and marks logged before it come first; mappings of other CPUs wait for their own requests.
    for (std::size_t j = 0; j < i;) {
      if (pending_[j].record.kind == ep::TraceKind::map || pending_[j].record.kind == ep::TraceKind::unmap) {
        ++j;
        continue;
      }
      emit(pending_[j]);
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(j));
      --i;
    }
    return emit(found);
  }
  // Older than the kernel's log: the request itself says everything.
  KernelItem older;
  older.record.kind = kind;
  older.record.flags = ep::trace_flag::seeded;
  older.record.line = r.line;
  older.record.domain = r.domain;
  older.record.iova = r.iova;
  older.record.size = r.size;
  older.record.paddr = r.paddr;
  older.record.permissions = r.permissions;
  for (const auto& [requester, list] : alignment_.domains)
    if (list.back().second == r.domain) older.record.requester = requester;
  if (map) {
    older.record.mapping = next_mapping_++;
    ++report_.seeded;
  } else if (const auto* piece = live_.find(key_of(r), r.iova.value())) {
    older.record.mapping = piece->mapping;
  }
  emit(older);
}

void Merger::complete_access(UnitItem& access) {
  auto& r = access.record;
  const auto domain = key_of(r);
  const auto coming = upcoming_.find(PageKey(domain, r.iova.value()));
  place_for_access(access, domain);
  coming->second.pop_front();
  if (coming->second.empty()) upcoming_.erase(coming);
  const auto* piece = live_.find(domain, r.iova.value());
  r.mapping = piece->mapping;
  if (access.open) guess_use(r, *piece, access.permissions);
  if (r.flags & ep::trace_flag::assumed) ++report_.assumed_accesses;
  if (r.flags & ep::trace_flag::probe) ++report_.probes;
}

void Merger::place_for_access(const UnitItem& access, std::uint32_t domain) {
  const auto& r = access.record;
  const auto* piece = live_.find(domain, r.iova.value());
  // A seeded page may have been mapped again to the same place with other permissions: only the leaf entry shows it.
  const bool same_leaf =
      !piece || !piece->seeded || piece->permissions == access.permissions || r.outcome == ep::Outcome::translated;
  if (piece && same_leaf && piece->translate(r.iova.value()) == r.paddr.value()) {
    if (r.outcome != ep::Outcome::translated && piece->permissions && piece->permissions != access.permissions)
      ++report_.permission_mismatches;
    return;
  }
  if (pull(access, domain)) return;
  seed(access, domain, piece);
}

bool Merger::pull(const UnitItem& access, std::uint32_t domain) {
  const auto& r = access.record;
  unsigned flushes = 0;
  bool blocked = false;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const auto& item = pending_[i];
    if (item.record.time > r.time + pull_reach) return false;
    if (item.flush && ++flushes > flush_reach) return false;
    const auto& k = item.record;
    const bool fits = k.kind == ep::TraceKind::map && key_of(k) == domain && r.iova >= k.iova &&
                      r.iova - k.iova < k.size && k.paddr + (r.iova - k.iova) == r.paddr;
    if (!fits) {
      blocked = blocked || (k.kind == ep::TraceKind::unmap && must_wait(item));
      continue;
    }
    ++report_.pulled;
    if (!blocked) {
      for (std::size_t n = 0; n <= i; ++n) emit_front();
      return true;
    }
    // An unmap on another CPU, before it in the log, still waits for accesses: only the mapping and its call go ahead.
    KernelItem found = std::move(pending_[i]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    for (std::size_t j = 0; j < i; ++j) {
      if (pending_[j].record.kind != ep::TraceKind::call || pending_[j].record.mapping != found.record.mapping)
        continue;
      emit(pending_[j]);
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(j));
      break;
    }
    emit(found);
    return true;
  }
  return false;
}

void Merger::seed(const UnitItem& access, std::uint32_t domain, const LiveMap::Piece* wrong) {
  const auto& r = access.record;
  const auto begin = r.iova.value() & ~(page - 1);
  // What happens after the kernel's log has ended is younger than the trace rather than older, and contradicts nothing.
  const bool kernel_over = kernel_done_ && pending_.empty();
  if (!kernel_over && (gone_.count(PageKey(domain, begin)) || (wrong && !wrong->seeded))) ++report_.contradictions;
  if (wrong) ++report_.reseeded;
  ++report_.seeded;
  KernelItem older;
  older.record.kind = ep::TraceKind::map;
  older.record.flags = ep::trace_flag::seeded;
  older.record.line = r.line;
  older.record.mapping = next_mapping_++;
  older.record.requester = r.requester;
  older.record.domain = r.domain;
  older.record.iova = base::Iova(begin);
  older.record.paddr = r.paddr.align_down(page);
  older.record.size = page;
  older.record.permissions = access.permissions;
  older.use.begin = begin;
  older.use.end = begin + page;
  emit(older);
}

void Merger::guess_use(ep::TraceRecord& r, const LiveMap::Piece& piece, std::uint8_t permissions) const {
  const auto address = r.iova.value();
  const auto page_end = (address | (page - 1)) + 1;
  r.flags |= ep::trace_flag::assumed;
  if (piece.use.known && !piece.use.coherent) {
    const auto end = address < piece.use.end ? std::min(page_end, piece.use.end) : page_end;
    r.access = ep::AccessClass::data;
    r.size = end - address;
    r.write = piece.use.direction != ep::Direction::to_device;
  } else {
    const auto* device = [&]() -> const ep::TraceDevice* {
      for (const auto& d : capture_.header.devices)
        if (d.requester == r.requester) return &d;
      return nullptr;
    }();
    // Rings: descriptors are 16 bytes. A virtio used ring has 8-byte elements behind 4 bytes (virtio 1.2
    // section 2.7.8), its indices and the available ring 2 bytes; an e1000 writes 4 bytes at +12 of a descriptor.
    const bool virtio = device && device->vendor == vendor_virtio;
    const auto at = address % 16;
    r.access = ep::AccessClass::ring;
    r.size = at == 0 ? 16 : virtio ? (at % 8 == 4 ? 8 : 2) : 4;
    r.write = at != 0 && (virtio ? at % 8 == 4 : true);
    r.size = std::min(r.size, page_end - address);
  }
  if (permissions == 1) r.write = false;
}

void Merger::emit_front() {
  KernelItem item = std::move(pending_.front());
  pending_.pop_front();
  emit(item);
}

void Merger::emit_removed(const std::vector<LiveMap::Piece>& pieces, const ep::TraceRecord& at) {
  for (const auto& piece : pieces) {
    ep::TraceRecord r;
    r.kind = ep::TraceKind::unmap;
    r.flags = ep::trace_flag::seeded;
    r.time = at.time;
    r.line = unit_line_;
    r.mapping = piece.mapping;
    r.requester = piece.requester;
    r.domain = piece.domain;
    r.iova = base::Iova(piece.begin);
    r.size = piece.end - piece.begin;
    write(r);
  }
}

void Merger::emit(KernelItem& item) {
  if (item.flush) {
    ++flushes_placed_;
    return;
  }
  auto& r = item.record;
  const bool kernel = r.side == ep::TraceSide::kernel;
  const auto unit_time = kernel && r.time > alignment_.unit_start ? r.time - alignment_.unit_start : 0;
  r.time = std::min(now_, std::max(last_time_, unit_time));
  const auto domain = key_of(r);
  const auto begin = r.iova.value(), end = begin + r.size;
  if (r.kind == ep::TraceKind::map) {
    emit_removed(live_.remove(domain, begin, end), r);  // what was there before the trace began and left unseen
    live_.insert(domain, {begin, end, r.paddr.value(), r.mapping, (r.flags & ep::trace_flag::seeded) != 0, r.requester,
                          r.domain, r.permissions, item.use});
  } else if (r.kind == ep::TraceKind::unmap) {
    const auto removed = live_.remove(domain, begin, end);
    if (r.mapping == 0 && removed.size() == 1) r.mapping = removed[0].mapping;
    for (auto iova = begin; kernel && iova < end && end - begin <= 4096 * page; iova += page) {
      if (!gone_.insert(PageKey(domain, iova)).second) continue;
      gone_order_.emplace_back(domain, iova);
      if (gone_order_.size() > max_gone) {
        gone_.erase(gone_order_.front());
        gone_order_.pop_front();
      }
    }
  }
  write(r);
}

void Merger::write(ep::TraceRecord r) {
  last_time_ = r.time = std::max(last_time_, r.time);
  if (r.side == ep::TraceSide::unit) r.origin = r.time;
  out_.write(r);
  ++report_.records;
}

}  // namespace iommusim::importer
