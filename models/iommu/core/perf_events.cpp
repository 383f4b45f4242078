#include "models/iommu/core/perf_events.h"

#include <utility>

namespace iommusim::iommu {

namespace {

double number(std::uint64_t n) { return static_cast<double>(n); }

/// Walk-cache lookups or hits of one stage, all levels.
double of_stage(const Caches& caches, unsigned stage, base::Counter Caches::Use::*what) {
  std::uint64_t n = 0;
  for (const Caches::Use& level : caches.walk_use[stage - 1]) n += (level.*what).value();
  return number(n);
}

}  // namespace

void register_perf_events(base::Group& group, const PerfSources& s) {
  const auto add = [&group](const char* name, base::Group::Formula formula, const char* text, const char* unit = "1") {
    group.add(name, std::move(formula), unit, text, base::Group::Extent::count);
  };
  const auto count = [&add](const char* name, const base::Counter& counter, const char* text) {
    add(
        name, [&counter](base::Time) { return number(counter.value()); }, text);
  };
  using Use = Caches::Use;
  const Caches& caches = s.caches;
  const WalkerPool& walkers = s.lookup.walkers();

  count("iommu_requests", s.requests, "Requests from devices, interrupts and translation requests included");
  add(
      "pw_occupancy",
      [&walkers, &context = s.context](base::Time window) {
        return walkers.occupancy.mean(context.scheduler.now()) * window.ns();
      },
      "Page walks in progress, summed over each nanosecond", "ns");
  count("ats_blocked", s.ats_blocked, "Translation requests answered with Unsupported Request or Completer Abort");
  add(
      "iommu_mrds",
      [&walkers, &commands = s.commands](base::Time) {
        return number(walkers.reads.value() + commands.fetches.value());
      },
      "Memory reads of the unit's own: walks and command fetches");
  count("pg_req_posted", s.page_requests, "Page request messages taken");
  count("ctxt_cache_lookup", caches.context_use.lookups, "Device-context lookups");
  count("ctxt_cache_hit", caches.context_use.hits, "Those that hit");
  count("pasid_cache_lookup", caches.process_use.lookups, "Process-context lookups");
  count("pasid_cache_hit", caches.process_use.hits, "Those that hit");
  add(
      "ss_nonleaf_lookup", [&caches](base::Time) { return of_stage(caches, 2, &Use::lookups); },
      "Lookups of second-stage walk caches, each level for itself");
  add(
      "ss_nonleaf_hit", [&caches](base::Time) { return of_stage(caches, 2, &Use::hits); }, "Those that hit");
  add(
      "fs_nonleaf_lookup", [&caches](base::Time) { return of_stage(caches, 1, &Use::lookups); },
      "Lookups of first-stage walk caches, each level for itself");
  add(
      "fs_nonleaf_hit", [&caches](base::Time) { return of_stage(caches, 1, &Use::hits); }, "Those that hit");
  // With a first level, the shared IOTLB is asked by those that missed it: each request counts once.
  add(
      "iotlb_lookup",
      [&caches](base::Time) { return number(caches.iotlb_use.lookups.value() + caches.first_level_use.hits.value()); },
      "Requests looked up in the IOTLB, all levels as one");
  add(
      "iotlb_hit",
      [&caches](base::Time) { return number(caches.iotlb_use.hits.value() + caches.first_level_use.hits.value()); },
      "Those that hit");
  count("int_cache_lookup", caches.interrupt_use.lookups, "Interrupt-entry lookups");
  count("int_cache_hit_nonposted", caches.interrupt_use.hits, "Those that hit");
}

}  // namespace iommusim::iommu
