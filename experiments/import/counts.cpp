#include "experiments/import/counts.h"

#include "models/base/bdf.h"
#include "models/endpoints/trace/reader.h"

namespace iommusim::importer {
namespace {

void add_record(const ep::TraceRecord& r, UnitCounts& c) {
  using Kind = ep::InvalidateKind;
  switch (r.kind) {
    case ep::TraceKind::invalidate:
      switch (r.invalidate) {
        case Kind::iotlb_page: ++c.page_selective; break;
        case Kind::iotlb_domain: ++c.domain_selective; break;
        case Kind::iotlb_global: ++c.global; break;
        case Kind::device_tlb: ++c.device_tlb; break;
        case Kind::context_global:
        case Kind::context_domain:
        case Kind::context_device: ++c.context_cache; break;
        case Kind::interrupt_entry: ++c.interrupt_entry; break;
        case Kind::wait: ++c.waits; break;
        case Kind::other: break;
      }
      break;
    case ep::TraceKind::request: ++(r.request == ep::RequestKind::map ? c.virtio_map : c.virtio_unmap); break;
    case ep::TraceKind::access:
      if (r.outcome == ep::Outcome::passthrough || r.outcome == ep::Outcome::untranslated) break;
      ++c.accesses;
      if (r.outcome == ep::Outcome::hit) ++c.hits;
      if (r.outcome == ep::Outcome::fill) ++c.fills;
      break;
    case ep::TraceKind::msi: ++c.device_msis; break;
    case ep::TraceKind::interrupt:
      if (!(r.flags & ep::trace_flag::message)) ++c.remapped_interrupts;
      break;
    default: break;
  }
}

void add_counts(UnitCounts& to, const UnitCounts& from) {
  to.page_selective += from.page_selective;
  to.domain_selective += from.domain_selective;
  to.global += from.global;
  to.device_tlb += from.device_tlb;
  to.context_cache += from.context_cache;
  to.interrupt_entry += from.interrupt_entry;
  to.waits += from.waits;
  to.virtio_map += from.virtio_map;
  to.virtio_unmap += from.virtio_unmap;
  to.accesses += from.accesses;
  to.hits += from.hits;
  to.fills += from.fills;
  to.device_msis += from.device_msis;
  to.remapped_interrupts += from.remapped_interrupts;
}

/// Columns joined by commas.
class Row {
 public:
  Row& operator<<(const std::string& column) {
    if (columns_++) text_ += ',';
    text_ += column;
    return *this;
  }
  Row& operator<<(std::uint64_t column) { return *this << std::to_string(column); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  unsigned columns_ = 0;
};

}  // namespace

void TraceCounts::add_kernel(const ep::TraceRecord& r) {
  if (r.kind == ep::TraceKind::call) ++dma_map_calls;
  if (r.kind == ep::TraceKind::unmap) ++unmaps;
  if (r.kind != ep::TraceKind::map) return;
  ++maps;
  mapped_4k_pages += r.size / 4096;
}

void TraceCounts::add_unit(const ep::TraceRecord& r) {
  if (r.kind == ep::TraceKind::mark) {
    add_counts(window, unit_pending_);
    unit_pending_ = {};
    unit_open_ = true;
  }
  add_record(r, whole);
  if (unit_open_) add_record(r, unit_pending_);
  switch (r.kind) {
    case ep::TraceKind::iotlb_reset: ++iotlb_resets; break;
    case ep::TraceKind::passthrough: ++passthrough_noticed; break;
    case ep::TraceKind::fault: ++faults; break;
    case ep::TraceKind::map: ++seeded_maps; break;
    case ep::TraceKind::interrupt:
      if (r.flags & ep::trace_flag::message) ++viommu_msi_writes;
      break;
    case ep::TraceKind::access:
      devices.insert(r.requester);
      if (r.outcome == ep::Outcome::passthrough || r.outcome == ep::Outcome::untranslated)
        ++untranslated_accesses;
      else
        domains.insert(r.domain);
      if (r.flags & ep::trace_flag::assumed) ++assumed_accesses;
      if (r.flags & ep::trace_flag::probe) ++probes;
      break;
    default: break;
  }
}

void TraceCounts::add(const ep::TraceRecord& r) {
  if (r.side == ep::TraceSide::kernel)
    add_kernel(r);
  else
    add_unit(r);
}

TraceCounts count_trace(const std::string& path) {
  ep::TraceReader reader;
  reader.open(path);
  TraceCounts counts;
  counts.capture = reader.header().name;
  counts.resets_recorded = reader.header().resets_recorded;
  ep::TraceRecord record;
  while (reader.next(record)) counts.add(record);
  return counts;
}

std::string counts_csv_header() {
  return "capture,devices,device_ids,domains,domain_ids,maps,mapped_4k_pages,unmaps,dma_map_calls,page_selective,"
         "domain_selective,"
         "device_tlb,context_cache,interrupt_entry,waits,virtio_map,virtio_unmap,accesses,hits,fills,device_msis,"
         "remapped_interrupts,"
         "whole_page_selective,whole_domain_selective,whole_global,whole_device_tlb,whole_context_cache,whole_"
         "interrupt_entry,"
         "whole_waits,whole_virtio_map,whole_virtio_unmap,whole_accesses,whole_hits,whole_fills,whole_device_msis,"
         "whole_remapped_interrupts,whole_iotlb_resets,viommu_msi_writes,passthrough_noticed";
}

std::string counts_csv_row(const TraceCounts& c) {
  std::string devices, domains;
  for (auto bdf : c.devices) devices += (devices.empty() ? "" : " ") + base::to_text(bdf);
  for (auto domain : c.domains) domains += (domains.empty() ? "" : " ") + std::to_string(domain.value());
  Row row;
  row << c.capture << c.devices.size() << devices << c.domains.size() << domains << c.maps << c.mapped_4k_pages
      << c.unmaps << c.dma_map_calls;
  for (const UnitCounts* u : {&c.window, &c.whole}) {
    row << u->page_selective << u->domain_selective;
    if (u == &c.whole) row << u->global;
    row << u->device_tlb << u->context_cache << u->interrupt_entry << u->waits << u->virtio_map << u->virtio_unmap
        << u->accesses << u->hits << u->fills << u->device_msis << u->remapped_interrupts;
  }
  row << std::to_string(c.iotlb_resets) + (c.resets_recorded ? "" : " (not traced)") << c.viommu_msi_writes
      << c.passthrough_noticed;
  return row.text();
}

}  // namespace iommusim::importer
