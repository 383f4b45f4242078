#include "models/iommu/core/requesters.h"

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

void Requesters::add(Requester& r) {
  base::Group& g = group_->group(base::to_text(r.source));
  g.add("requests", r.stats.requests, "1", "Requests of this requester that were to be translated");
  g.add("iotlb_hits", r.stats.iotlb_hits, "1", "Those that hit the IOTLB");
  g.add("iotlb_misses", r.stats.iotlb_misses, "1", "Those that missed it, merged ones included");
  g.add("passed", r.stats.passed, "1", "Requests passed through untranslated");
  g.add("faults", r.stats.faults, "1", "Requests refused");
  g.add("interrupts", r.stats.interrupts, "1", "Interrupt requests remapped");
}

}  // namespace iommusim::iommu
