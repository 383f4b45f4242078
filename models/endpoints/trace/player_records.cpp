// What each kind of record becomes when it is read: a note, work of the driver, work of a device.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/base/bdf.h"
#include "models/base/error.h"
#include "models/endpoints/trace/player.h"

namespace iommusim::ep {

namespace {

// Place of an access within its NVMe command; the MSI is last.
unsigned stage_of(AccessClass c) {
  switch (c) {
    case AccessClass::sqe: return 1;
    case AccessClass::prp_list: return 2;
    case AccessClass::cqe: return 4;
    default: return 3;
  }
}
constexpr unsigned kMessageStage = 5;

}  // namespace

bool TracePlayer::own_addresses() const {
  return machine_.driver != nullptr && (config_.domain == ReplayDomain::dma || config_.domain == ReplayDomain::dma_fq);
}

void TracePlayer::prepare(const TraceRecord& record) {
  switch (record.kind) {
    case TraceKind::map: prepare_map(record); return;
    case TraceKind::unmap: prepare_unmap(record); return;
    case TraceKind::invalidate:
      add(record, as_recorded() && record.invalidate != InvalidateKind::other ? Item::Role::driver : Item::Role::note);
      return;
    case TraceKind::attach: add(record, as_recorded() ? Item::Role::driver : Item::Role::note); return;
    case TraceKind::translation:
      add(record, as_recorded() && record.enable != translation_ ? Item::Role::driver : Item::Role::note);
      translation_ = record.enable;
      return;
    case TraceKind::access: prepare_access(record); return;
    case TraceKind::fault:
      if (as_recorded() && device(record.requester).engine != nullptr) {
        Item& item = add(record, Item::Role::device);
        item.iova = record.iova;
        add_device_item(item, device(record.requester), stage_of(AccessClass::unknown));
      } else {
        add(record, Item::Role::note);
      }
      return;
    case TraceKind::doorbell: {
      const bool known = machine_.core != nullptr && device(record.requester).engine != nullptr;
      add(record, known ? Item::Role::driver : Item::Role::note);
      return;
    }
    case TraceKind::msi:
      device(record.requester).message_io = record.io;
      add(record, Item::Role::note);
      return;
    case TraceKind::interrupt: prepare_interrupt(record); return;
    case TraceKind::mark:
    case TraceKind::call:
    case TraceKind::request:
    case TraceKind::iotlb_reset:
    case TraceKind::passthrough: add(record, Item::Role::note); return;
  }
}

void TracePlayer::add_synthetic_translation(bool on) {
  TraceRecord r;
  r.kind = TraceKind::translation;
  r.enable = on;
  add(r, Item::Role::driver).synthetic = true;
  translation_ = on;
}

void TracePlayer::prepare_map(const TraceRecord& r) {
  if (r.paddr.offset_in(4096) != 0) throw located(r, "the physical address is not that of a 4 KiB page");
  const std::uint64_t end = machine_.memory_end.value();
  if (r.size > end || r.paddr.value() > end - r.size) throw located(r, "maps more than the platform's memory");
  ReplayMapping& m = mappings_.at(r.mapping);
  if (m.pieces.empty()) {
    m.recorded = r.iova;
    m.seeded = (r.flags & trace_flag::seeded) != 0;
    if (r.permissions != 0) m.rights = iommu::Rights{(r.permissions & 1) != 0, (r.permissions & 2) != 0, false};
  }
  m.recorded = std::min(m.recorded, r.iova);
  m.bytes += r.size;
  m.pieces.push_back({r.paddr, r.size});
  mappings_.place(space(r), r.iova, r.size, r.mapping);
  if (as_recorded()) {
    Item& item = add(r, Item::Role::driver);
    item.mappings.push_back(r.mapping);
    m.domain = &recorded_domain(r);
    m.map_issued = true;
    ++m.maps_open;
  } else {
    if (own_addresses() && m.domain == nullptr) {
      m.domain = device(r.requester).domain;
      if (m.domain == nullptr) {
        unattributed_++;
      } else {
        open_groups_.push_back(r.mapping);
        if (open_groups_.size() > 64) issue_group(open_groups_.front());
      }
    }
    add(r, Item::Role::note);
  }
}

// Own addresses: the mapping is complete, for something uses or ends it. One map operation for all its pieces.
void TracePlayer::issue_group(std::uint32_t number) {
  open_groups_.erase(std::find(open_groups_.begin(), open_groups_.end(), number));
  ReplayMapping& m = *mappings_.find(number);
  m.map_issued = true;
  ++m.maps_open;
  TraceRecord r;
  r.kind = TraceKind::map;
  r.mapping = number;
  r.flags = m.seeded ? trace_flag::seeded : 0;
  Item& item = add(r, Item::Role::driver);
  item.synthetic = true;
  item.mappings.push_back(number);
  if (items_.size() > 1) item.due = items_[items_.size() - 2].due;
}

void TracePlayer::prepare_unmap(const TraceRecord& r) {
  std::vector<std::uint32_t> numbers = mappings_.take(space(r), r.iova, r.size);
  if (r.mapping != 0 && std::find(numbers.begin(), numbers.end(), r.mapping) == numbers.end())
    numbers.push_back(r.mapping);
  numbers.erase(
      std::remove_if(numbers.begin(), numbers.end(), [&](std::uint32_t n) { return mappings_.find(n) == nullptr; }),
      numbers.end());
  for (std::uint32_t n : numbers) {
    ReplayMapping& m = *mappings_.find(n);
    m.unmapped += numbers.size() == 1 ? r.size : m.bytes;
    m.gone = m.unmapped >= m.bytes;
  }
  if (as_recorded()) {
    add(r, Item::Role::driver).mappings = numbers;
    return;
  }
  add(r, Item::Role::note);
  for (std::uint32_t n : numbers) {
    ReplayMapping& m = *mappings_.find(n);
    if (!m.gone) continue;
    if (!own_addresses() || m.domain == nullptr) {
      if (m.accesses_open == 0) mappings_.erase(n);
      continue;
    }
    if (!m.map_issued) issue_group(n);
    Item& item = add(r, Item::Role::driver);
    item.synthetic = true;
    item.mappings.push_back(n);
  }
}

void TracePlayer::prepare_access(const TraceRecord& r) {
  const bool probe = (r.flags & trace_flag::probe) != 0;
  Device& d = device(r.requester);
  if (d.engine == nullptr) {
    throw base::UserError(fmt::format("{}: line {} of its log: a DMA of {}, which is no endpoint of the platform",
                                      config_.file, r.line, base::to_text(r.requester)));
  }
  // A probe looks up an address again and moves nothing: it is part of the recorder's sequence of look-ups only.
  if (probe && config_.pace != Pace::serial) {
    add(r, Item::Role::note);
    return;
  }
  if (as_recorded() && !translation_ && r.outcome != Outcome::untranslated) add_synthetic_translation(true);
  if (own_addresses()) {
    const ReplayMapping* m = mappings_.find(r.mapping);
    if (m != nullptr && m->domain != nullptr && !m->map_issued) issue_group(r.mapping);
  }
  Item& item = add(r, Item::Role::device);
  item.iova = placed(r, d, item);
  add_device_item(item, d, stage_of(r.access));
}

// The address the replay gives the access.
base::Iova TracePlayer::placed(const TraceRecord& r, Device& d, Item& item) {
  if (machine_.driver == nullptr || config_.domain == ReplayDomain::identity) return base::Iova(r.paddr.value());
  ReplayMapping* m = r.mapping == 0 ? nullptr : mappings_.find(r.mapping);
  if (m != nullptr) {
    ++m->accesses_open;
    item.mappings.push_back(r.mapping);
  }
  if (!own_addresses() || (m != nullptr && m->domain != nullptr))
    return r.iova;  // own addresses: added when it is mapped
  if (d.domain == nullptr)
    throw located(r, "an access by " + base::to_text(r.requester) + ", which the header does not list");
  base::Iova& page = d.premapped[r.paddr.value() >> 12];
  if (page == base::Iova()) {
    page = machine_.driver->map(*d.domain, {{r.paddr.align_down(4096), 4096}}, iommu::kReadWrite);
    premapped_pages_++;
  }
  return page + r.paddr.offset_in(4096);
}

void TracePlayer::add_device_item(Item& item, Device& d, unsigned stage) {
  item.stage = static_cast<std::uint8_t>(stage);
  if (item.record.io != 0) ++commands_[item.record.io][stage];
  d.waiting.push_back(&item);
}

void TracePlayer::prepare_interrupt(const TraceRecord& r) {
  Device* d = &device(r.requester);
  if (r.requester == base::Bdf() || d->engine == nullptr) {
    d = &devices_[base::Bdf()];
    d->engine = machine_.chipset;
  }
  if (d->engine == nullptr) {
    add(r, Item::Role::note);
    return;
  }
  TraceRecord with_command = r;
  with_command.io = d->message_io;
  d->message_io = 0;
  Item& item = add(with_command, Item::Role::device);
  add_device_item(item, *d, kMessageStage);
}

}  // namespace iommusim::ep
