// The counts of a trace, read back from the file: what an importer must get right, one CSV row per capture.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "models/endpoints/trace/header.h"

namespace iommusim::importer {

/// Counts of one side of the unit, either for the window between the marks or for the whole log.
struct UnitCounts {
  std::uint64_t page_selective = 0, domain_selective = 0, global = 0, device_tlb = 0, context_cache = 0,
                interrupt_entry = 0, waits = 0, virtio_map = 0, virtio_unmap = 0, accesses = 0, hits = 0, fills = 0,
                device_msis = 0, remapped_interrupts = 0;
};

/// Everything ../shared/traces/oracle.csv lists. "Accesses" are the translated ones (hit, fill or translated).
struct TraceCounts {
  std::string capture;
  std::set<base::Bdf> devices;       ///< requesters that made DMA, translated or not
  std::set<base::DomainId> domains;  ///< domains of translated accesses
  std::uint64_t maps = 0, mapped_4k_pages = 0, unmaps = 0, dma_map_calls = 0;
  ///< the kernel's log whole: it begins with the first mark and is switched off after the last. Seeded ones excluded
  UnitCounts window;  ///< from the first to the last mark of the unit's log
  UnitCounts whole;
  std::uint64_t iotlb_resets = 0, viommu_msi_writes = 0, passthrough_noticed = 0;
  bool resets_recorded = true;
  // Not in the CSV:
  std::uint64_t seeded_maps = 0, assumed_accesses = 0, probes = 0, untranslated_accesses = 0, faults = 0;

  void add(const ep::TraceRecord& record);

 private:
  void add_kernel(const ep::TraceRecord& record);
  void add_unit(const ep::TraceRecord& record);

  bool unit_open_ = false;
  UnitCounts unit_pending_;  ///< since the last mark: belongs to the window only if another mark follows
};

/// Counts the trace at `path`; throws what TraceReader throws.
TraceCounts count_trace(const std::string& path);

/// The header line and the row in the format of oracle.csv, without line end.
std::string counts_csv_header();
std::string counts_csv_row(const TraceCounts& counts);

}  // namespace iommusim::importer
