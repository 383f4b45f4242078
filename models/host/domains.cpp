// Domains of the IommuDriver: creation, attachment, change of type.
#include <algorithm>
#include <stdexcept>

#include "models/host/iommu_driver.h"

namespace iommusim::host {

const char* to_text(DomainType type) {
  switch (type) {
    case DomainType::identity: return "identity";
    case DomainType::dma: return "DMA";
    case DomainType::dma_fq: return "DMA-FQ";
    case DomainType::blocked: return "blocked";
    case DomainType::unmanaged: return "unmanaged";
  }
  return "?";
}

std::optional<DomainType> domain_type(const std::string& text) {
  for (const DomainType t :
       {DomainType::identity, DomainType::dma, DomainType::dma_fq, DomainType::blocked, DomainType::unmanaged}) {
    if (text == to_text(t)) return t;
  }
  return std::nullopt;
}

// --- creation

DomainId IommuDriver::next_id(DomainType type) {
  if (type == DomainType::identity) return DomainId(1);
  std::uint32_t id = 2;
  while (domains_.count(id) != 0) ++id;
  return DomainId(id);
}

DmaDomain& IommuDriver::create(iommu::TableMemory& memory, DomainType type, DomainId id) {
  if (domains_.count(id.value()) != 0) {
    throw std::logic_error("domain " + std::to_string(id.value()) + " exists already");
  }
  IovaAllocator iovas(config_.iova_limit);
  // What looks like an interrupt is one: the window is no DMA address (Linux reserves it for every device).
  iovas.reserve(Iova(InterruptRegion::kBase), InterruptRegion::kBytes);
  auto& slot = domains_[id.value()];
  slot = std::make_unique<DmaDomain>(id, type, std::move(iovas), config_.domain_lock);
  DmaDomain& domain = *slot;
  domain.lock.register_stats(stats().group("domain" + std::to_string(id.value())), "lock", "the page tables");
  if (translated(type)) {
    domain.tables = hardware_->create_tables(memory, iommu::DomainGeometry{static_cast<std::uint8_t>(config_.levels)});
    set_policy(domain);
  }
  return domain;
}

void IommuDriver::set_policy(DmaDomain& domain) {
  const InvalidationPolicy::Services services{domain,
                                              queue_,
                                              config_.invalidation,
                                              policy_stats_,
                                              [this](InvalidationPolicy& policy, CpuCore& core, base::Time at) {
                                                wake_ups_.push(WakeUp{&policy, &core}, at);
                                              },
                                              [&domain](IovaRange range) { domain.iovas.release(range.first); },
                                              [this, &domain](CpuCore& core, std::uint64_t releases) {
                                                // Tables that another unmap has freed meanwhile may still be cached;
                                                // they then wait for that unmap's own invalidation.
                                                if (domain.table_releases == releases)
                                                  domain.tables->release_freed(memory(&core));
                                              }};
  if (domain.policy) retired_policies_.push_back(std::move(domain.policy));
  domain.policy = InvalidationPolicies::make(
      domain.type == DomainType::dma_fq ? config_.dma_fq_policy : config_.dma_policy, services);
}

DmaDomain& IommuDriver::create_domain(DomainType type) {
  if (type == DomainType::identity && find_domain(DomainId(1)) != nullptr) return *find_domain(DomainId(1));
  return create(instant_, type, next_id(type));
}

DmaDomain& IommuDriver::create_domain(CpuCore& core, DomainType type) {
  if (type == DomainType::identity && find_domain(DomainId(1)) != nullptr) return *find_domain(DomainId(1));
  return create(memory(&core), type, next_id(type));
}

DmaDomain& IommuDriver::create_domain(DomainType type, DomainId id) { return create(instant_, type, id); }

DmaDomain* IommuDriver::find_domain(DomainId id) {
  const auto it = domains_.find(id.value());
  return it == domains_.end() ? nullptr : it->second.get();
}

DmaDomain* IommuDriver::domain_of(SourceId source) {
  const auto it = attached_.find(source);
  return it == attached_.end() ? nullptr : it->second;
}

// --- attachment

void IommuDriver::attach_now(CpuCore* core, SourceId source, DmaDomain& domain) {
  // A blocked source has no context.
  if (domain.type == DomainType::blocked) {
    hardware_->detach(memory(core), source);
  } else {
    hardware_->attach(memory(core), source, domain.id, domain.tables.get());
  }
  attached_[source] = &domain;
  domain.sources.push_back(source);
  ++attaches_;
}

void IommuDriver::attach(SourceId source, DmaDomain& domain) {
  if (DmaDomain* old = domain_of(source)) {
    old->sources.erase(std::find(old->sources.begin(), old->sources.end(), source));
  }
  attach_now(nullptr, source, domain);
}

void IommuDriver::attach_context(CpuCore& core, SourceId source, DmaDomain& domain) {
  if (DmaDomain* old = domain_of(source))
    old->sources.erase(std::find(old->sources.begin(), old->sources.end(), source));
  Lock::Guard guard(structures_, core);
  attach_now(&core, source, domain);
}

void IommuDriver::attach(CpuCore& core, SourceId source, DmaDomain& domain) {
  if (domain_of(source) != nullptr) detach(core, source);
  Lock::Guard guard(structures_, core);
  attach_now(&core, source, domain);
}

void IommuDriver::detach(CpuCore& core, SourceId source) {
  DmaDomain* domain = domain_of(source);
  if (domain == nullptr)
    throw std::logic_error("detaching source " + std::to_string(source.value()) + ", which has no domain");
  if (observer_ != nullptr) observer_->detach_begins(*domain, source);
  {
    Lock::Guard guard(structures_, core);
    hardware_->detach(memory(&core), source);
  }
  attached_.erase(source);
  domain->sources.erase(std::find(domain->sources.begin(), domain->sources.end(), source));
  ++detaches_;
  if (domain->type != DomainType::blocked) {  // else there was no context
    iommu::Invalidation context;
    context.kind = iommu::Invalidation::Kind::context_source;
    context.domain = domain->id;
    context.source = source;
    queue_.invalidate(core, {context});
    iommu::Invalidation iotlb;
    iotlb.kind = iommu::Invalidation::Kind::iotlb_domain;
    iotlb.domain = domain->id;
    queue_.invalidate(core, {iotlb});
  }
  if (observer_ != nullptr) observer_->detach_ends(*domain, source);
}

DmaDomain& IommuDriver::switch_type(CpuCore& core, const std::vector<SourceId>& sources, DomainType type) {
  DmaDomain* old = sources.empty() ? nullptr : domain_of(sources.front());
  for (const SourceId source : sources) {
    if (old == nullptr || domain_of(source) != old)
      throw std::logic_error("the sources of a group are not in one domain");
  }
  if (old == nullptr) throw std::logic_error("changing the type of a group without sources");
  if (old->type == type) return *old;
  ++switches_;
  if (old->type == DomainType::dma && type == DomainType::dma_fq && old->sources.size() == sources.size()) {
    old->type = type;
    set_policy(*old);
    return *old;
  }
  if (old->policy) old->policy->flush(core);
  DmaDomain& next = create_domain(core, type);
  for (const SourceId source : sources) attach(core, source, next);
  return next;
}

void IommuDriver::flush(CpuCore& core) {
  for (auto& [id, domain] : domains_) {
    if (domain->policy) domain->policy->flush(core);
  }
}

}  // namespace iommusim::host
