// The driver's records: tasks of one core, one after the other, in file order.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/base/bdf.h"
#include "models/endpoints/trace/player.h"

namespace iommusim::ep {

// Recorded domains are told apart by identifier; where the recording knew none, by requester.
std::uint64_t TracePlayer::space(const TraceRecord& r) const {
  return r.domain != no_domain ? r.domain.value() : std::uint64_t{1} << 32 | r.requester.value();
}

host::DmaDomain& TracePlayer::recorded_domain(const TraceRecord& r) {
  const std::uint64_t key = space(r);
  const auto it = domains_.find(key);
  if (it != domains_.end()) return *it->second;
  if (r.domain != no_domain) return domain_of_type(r.domain, DomainType::unmanaged);
  while (machine_.driver->find_domain(base::DomainId(made_up_)) != nullptr) --made_up_;
  host::DmaDomain& d = machine_.driver->create_domain(host::DomainType::unmanaged, base::DomainId(made_up_--));
  domains_[key] = &d;
  return d;
}

// The domain of that identifier, made if new. Its tables are the player's to fill: it has no invalidation policy.
host::DmaDomain& TracePlayer::domain_of_type(base::DomainId id, DomainType type) {
  const bool identity = type == DomainType::identity;
  // Linux gives its one identity domain the identifier 1.
  host::DmaDomain* d = machine_.driver->find_domain(identity ? base::DomainId(1) : id);
  if (d != nullptr && (d->type == host::DomainType::identity) != identity) {
    throw std::logic_error(fmt::format("domain {} is used both for pass-through and for translation", d->id.value()));
  }
  if (d == nullptr) {
    d = identity ? &machine_.driver->create_domain(host::DomainType::identity)
                 : &machine_.driver->create_domain(host::DomainType::unmanaged, id);
  }
  domains_[d->id.value()] = d;
  return *d;
}

// The domain a recorded change of type leads to.
host::DmaDomain& TracePlayer::attached_domain(const TraceRecord& r) {
  return r.domain == no_domain && r.type != DomainType::identity ? recorded_domain(r)
                                                                 : domain_of_type(r.domain, r.type);
}

void TracePlayer::start_driver() {
  while (!driver_busy_ && !driver_items_.empty()) {
    Item& item = *driver_items_.front();
    if (now() < item.due) {
      wake_at(item.due);
      return;
    }
    if (!driver_ready(item)) return;
    driver_items_.pop_front();
    run_driver(item);
  }
}

// A change of translation, of a device's domain, or of what the unit may have cached of its context waits for
// everything before it, and every access after it waits for the change: a device has no driver meanwhile.
bool TracePlayer::is_barrier(const TraceRecord& r) {
  switch (r.kind) {
    case TraceKind::attach:
    case TraceKind::translation: return true;
    case TraceKind::invalidate:
      return r.invalidate == InvalidateKind::context_global || r.invalidate == InvalidateKind::context_domain ||
             r.invalidate == InvalidateKind::context_device;
    default: return false;
  }
}

bool TracePlayer::driver_ready(const Item& item) const {
  if (is_barrier(item.record)) return &item == &items_.front();  // all before it is done
  if (item.record.kind != TraceKind::unmap) return true;
  // An unmap waits for the accesses read before it; later ones belong to other mappings.
  return std::all_of(item.mappings.begin(), item.mappings.end(), [&](std::uint32_t n) {
    const ReplayMapping* m = mappings_.find(n);
    return m == nullptr || m->accesses_open == 0;
  });
}

void TracePlayer::run_driver(Item& item) {
  item.started = true;
  if (item.record.kind == TraceKind::map && (item.record.flags & trace_flag::seeded) != 0) {
    try {
      seed(item);
    } catch (const std::logic_error& e) {
      throw located(item.record, e.what());
    }
    driver_done(item);
    return;
  }
  if (item.record.kind == TraceKind::unmap && (item.record.flags & trace_flag::seeded) != 0) {
    bool freed = false;
    if (as_recorded()) {
      recorded_domain(item.record)
          .tables->unmap(machine_.driver->instant_memory(), item.record.iova, item.record.size, freed);
    }
    driver_done(item);
    return;
  }
  driver_busy_ = true;
  machine_.core->submit([this, &item](host::CpuCore& core) {
    try {
      task(item, core);
    } catch (const std::logic_error& e) {
      throw located(item.record, e.what());
    }
    driver_busy_ = false;
    driver_done(item);
    wake_at(now());
  });
}

// A mapping older than the trace: there at once, as boot-time mappings are.
void TracePlayer::seed(Item& item) {
  ReplayMapping& m = mappings_.at(item.mappings.front());
  if (as_recorded()) {
    machine_.driver->map_at(*m.domain, item.record.iova, {{item.record.paddr, item.record.size}}, m.rights);
  } else {
    m.placed = machine_.driver->map(*m.domain, m.pieces, m.rights);
  }
}

void TracePlayer::task(Item& item, host::CpuCore& core) {
  const TraceRecord& r = item.record;
  host::IommuDriver* driver = machine_.driver;
  switch (r.kind) {
    case TraceKind::map: {
      ReplayMapping& m = mappings_.at(item.mappings.front());
      if (as_recorded()) {
        driver->map_at(core, *m.domain, r.iova, {{r.paddr, r.size}}, m.rights);
      } else {
        m.placed = driver->map(core, *m.domain, m.pieces, m.rights);
      }
      maps_++;
      return;
    }
    case TraceKind::unmap:
      if (as_recorded()) {
        driver->unmap_tables(core, recorded_domain(r), r.iova, r.size);
      } else {
        const ReplayMapping& m = mappings_.at(item.mappings.front());
        driver->unmap(core, *m.domain, m.placed, m.bytes);
      }
      unmaps_++;
      return;
    case TraceKind::invalidate:
      invalidate(r, core);
      invalidations_++;
      return;
    case TraceKind::attach:
      driver->attach_context(core, base::make_source_id(0, r.requester), attached_domain(r));
      return;
    case TraceKind::translation: driver->set_translation(core, r.enable); return;
    case TraceKind::doorbell: core.mmio_write(machine_.doorbell(r.requester), r.value, 4); return;
    default: fatal("a record that is no driver's work");
  }
}

void TracePlayer::invalidate(const TraceRecord& r, host::CpuCore& core) {
  using Kind = iommu::Invalidation::Kind;
  host::InvalidationQueue& queue = machine_.driver->queue();
  iommu::Invalidation i;
  i.domain = r.domain == no_domain ? base::DomainId() : r.domain;
  i.source = base::make_source_id(0, r.requester);
  i.size_log2 = static_cast<std::uint8_t>(12 + std::min<unsigned>(r.mask, 51));
  i.address = r.iova.align_down(std::uint64_t{1} << i.size_log2);
  switch (r.invalidate) {
    case InvalidateKind::iotlb_global: i.kind = Kind::iotlb_global; break;
    case InvalidateKind::iotlb_domain: i.kind = Kind::iotlb_domain; break;
    case InvalidateKind::iotlb_page:
      i.kind = Kind::iotlb_pages;
      i.leaf_only = (r.flags & trace_flag::ih) != 0;
      break;
    case InvalidateKind::device_tlb: i.kind = Kind::device_tlb; break;
    case InvalidateKind::context_global: i.kind = Kind::context_global; break;
    case InvalidateKind::context_domain: i.kind = Kind::context_domain; break;
    case InvalidateKind::context_device: i.kind = Kind::context_source; break;
    case InvalidateKind::interrupt_entry:
      i.kind = Kind::interrupt_entries;
      i.index = static_cast<std::uint32_t>(r.iova.value());
      i.count_log2 = r.mask;
      break;
    case InvalidateKind::wait:
      queue.invalidate(core, {});  // a wait descriptor of our own, polled as the recorded kernel polled its
      return;
    case InvalidateKind::other: return;
  }
  queue.submit_exactly(core, i);
  // Serial: nothing else happens before the unit has carried it out.
  if (config_.pace == Pace::serial) queue.wait_taken(core);
}

void TracePlayer::driver_done(Item& item) {
  item.done = true;
  if (is_barrier(item.record)) barriers_.pop_front();  // driver items end in order
  if (item.record.kind == TraceKind::map) {
    --mappings_.at(item.mappings.front()).maps_open;
  } else if (item.record.kind == TraceKind::unmap) {
    for (std::uint32_t n : item.mappings) {
      const ReplayMapping* m = mappings_.find(n);
      if (m != nullptr && m->gone && m->accesses_open == 0) mappings_.erase(n);
    }
  }
}

}  // namespace iommusim::ep
