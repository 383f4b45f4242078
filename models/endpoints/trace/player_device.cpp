// The devices' records: DMAs and interrupt messages, started when what they depend on is done.
#include <algorithm>

#include "models/base/bdf.h"
#include "models/endpoints/trace/player.h"

namespace iommusim::ep {

namespace {
// How far behind a waiting access others of its device may start: more than a queue pair has commands in flight.
constexpr std::size_t kLookAhead = 256;
}  // namespace

void TracePlayer::start_devices() {
  for (auto& [bdf, d] : devices_) {
    bool first_plain = true;
    std::size_t looked = 0;
    for (auto it = d.waiting.begin(); it != d.waiting.end() && looked < kLookAhead; ++looked) {
      Item& item = **it;
      if (now() < item.due) {
        wake_at(item.due);
        break;
      }
      const bool ready = device_ready(d, item, first_plain);
      if (item.record.io == 0 && !ready) first_plain = false;
      if (!ready) {
        ++it;
        continue;
      }
      it = d.waiting.erase(it);
      run_device(d, item);
    }
  }
}

bool TracePlayer::device_ready(const Device& d, const Item& item, bool first_plain) const {
  if (driver_busy_ && config_.pace == Pace::serial) return false;
  for (std::uint32_t n : item.mappings) {
    const ReplayMapping* m = mappings_.find(n);
    if (m != nullptr && m->domain != nullptr && (!m->map_issued || m->maps_open != 0)) return false;
  }
  if (!barriers_.empty() && barriers_.front() < item.sequence) return false;
  if (item.record.io == 0) return first_plain && d.plain_open == 0;
  const Stages& open = commands_.at(item.record.io);
  return std::all_of(open.begin(), open.begin() + item.stage, [](std::uint16_t n) { return n == 0; });
}

void TracePlayer::run_device(Device& d, Item& item) {
  item.started = true;
  const TraceRecord& r = item.record;
  if (r.io == 0) ++d.plain_open;
  const auto index = reinterpret_cast<std::uint64_t>(&item);
  if (r.kind == TraceKind::interrupt) {
    const auto key = std::make_tuple(r.requester, r.iova.value(), r.value);
    auto it = messages_.find(key);
    if (it == messages_.end()) {
      iommu::InterruptMessage message{r.iova.value(), r.value};
      if (machine_.driver != nullptr) {
        // The recording's interrupt table is not known: the message gets an entry of this machine's.
        message = machine_.driver->route_interrupt(d.engine->requester(), *machine_.core);
      }
      it = messages_.emplace(key, message).first;
    }
    d.engine->send_msi(it->second.address, it->second.data, index, tlm::delegate<&TracePlayer::device_done>(this));
    return;
  }
  DmaRequest request;
  request.iova = item.iova;
  if (own_addresses() && !item.mappings.empty()) {
    const ReplayMapping& m = mappings_.at(item.mappings.front());
    if (m.domain != nullptr) request.iova = m.placed + (item.iova - m.recorded);
  }
  request.bytes = r.kind == TraceKind::fault ? 4 : static_cast<std::uint32_t>(std::max<std::uint64_t>(r.size, 1));
  request.write = r.write;
  request.write_done = WriteDone::visible;
  request.intended = config_.pace == Pace::recorded ? item.due : now();
  request.user = index;
  if (config_.pace == Pace::recorded) lag_.add(now() - item.due);
  d.engine->submit(request, tlm::delegate<&TracePlayer::device_done>(this));
}

void TracePlayer::device_done(const DmaResult& result) {
  Item& item = *reinterpret_cast<Item*>(result.request.user);
  TraceRecord& r = item.record;
  const bool of_nobody =
      r.kind == TraceKind::interrupt && (r.requester == base::Bdf() || machine_.engine(r.requester) == nullptr);
  Device& d = devices_[of_nobody ? base::Bdf() : r.requester];
  if (r.io == 0) {
    --d.plain_open;
  } else {
    Stages& open = commands_.at(r.io);
    --open[item.stage];
    if (std::all_of(open.begin(), open.end(), [](std::uint16_t n) { return n == 0; })) commands_.erase(r.io);
  }
  for (std::uint32_t n : item.mappings) {
    ReplayMapping& m = mappings_.at(n);
    --m.accesses_open;
    if (m.gone && m.accesses_open == 0 && m.domain == nullptr) mappings_.erase(n);
  }
  if (r.kind == TraceKind::interrupt) {
    interrupts_++;
    if (result.remapped.fault_reason != 0) refused_++;
  } else {
    judge(item, result);
  }
  item.done = true;
  wake_at(now());
}

// What happened against what was recorded.
void TracePlayer::judge(Item& item, const DmaResult& result) {
  TraceRecord& r = item.record;
  const Remapped& happened = result.remapped;
  if (r.kind == TraceKind::fault) {
    if (happened.fault_reason == 0) outcome_differs_++;
    return;
  }
  accesses_++;
  if (machine_.unit != nullptr) item.drops = machine_.unit->caches().iotlb_full_drops();
  if (happened.fault_reason != 0) {
    refused_++;
    return;
  }
  const Outcome recorded = r.outcome;
  if (happened.translated) {
    r.outcome = recorded == Outcome::translated ? recorded : happened.iotlb_hit ? Outcome::hit : Outcome::fill;
  } else {
    r.outcome = recorded == Outcome::untranslated ? recorded : Outcome::passthrough;
  }
  if (as_recorded() && r.outcome != recorded) outcome_differs_++;
}

}  // namespace iommusim::ep
