#include "models/iommu/core/requesters.h"

#include <string>

#include "models/base/bdf.h"

namespace iommusim::iommu {

Requester& Requesters::of(SourceId source) {
  if (last_ != nullptr && last_->source == source) return *last_;
  std::unique_ptr<Requester>& found = all_[source.value()];
  if (!found) {
    found = std::make_unique<Requester>();
    found->source = source;
    order_.push_back(found.get());
    if (group_ != nullptr) add(*found);
  }
  last_ = found.get();
  return *last_;
}

const Requester* Requesters::find(SourceId source) const {
  const auto it = all_.find(source.value());
  return it == all_.end() ? nullptr : it->second.get();
}

void Requesters::register_stats(base::Group& group) {
  group_ = &group;
  for (Requester* r : order_) add(*r);
}

RequesterStats* Requesters::process(Requester& r, Pasid pasid) {
  const auto known = r.processes.find(pasid);
  if (known != r.processes.end()) return known->second.get();
  if (r.processes.size() == kMostProcesses) return nullptr;
  RequesterStats& made = *(r.processes[pasid] = std::make_unique<RequesterStats>());
  if (group_ != nullptr) add(process_group(group_of(r), pasid), made);
  return &made;
}

base::Group& Requesters::group_of(const Requester& r) { return group_->group(base::to_text(r.source)); }

base::Group& Requesters::process_group(base::Group& requester, Pasid pasid) {
  return requester.group("pasid").group(std::to_string(pasid.value()));
}

void Requesters::add(Requester& r) {
  add(group_of(r), r.stats);
  for (auto& [pasid, stats] : r.processes) add(process_group(group_of(r), pasid), *stats);
}

void Requesters::add(base::Group& g, RequesterStats& stats) {
  g.add("requests", stats.requests, "1", "Requests of this requester that were to be translated");
  g.add("iotlb_hits", stats.iotlb_hits, "1", "Those that hit the IOTLB");
  g.add("iotlb_misses", stats.iotlb_misses, "1", "Those that missed it, merged ones included");
  g.add("passed", stats.passed, "1", "Requests passed through untranslated");
  g.add("faults", stats.faults, "1", "Requests refused");
  g.add("interrupts", stats.interrupts, "1", "Interrupt requests remapped");
}

}  // namespace iommusim::iommu
