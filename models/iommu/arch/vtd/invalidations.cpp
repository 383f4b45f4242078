#include "models/iommu/arch/vtd/invalidations.h"

#include <stdexcept>
#include <string>
#include <tuple>

#include "models/iommu/arch/vtd/spaces.h"

namespace iommusim::iommu::vtd {

namespace {

using Type = Descriptor::Type;
constexpr std::uint8_t kFinished = 1u << 0, kFirstStage = 1u << 1;
const CacheSet kTranslations = CacheSet().with(CacheKind::iotlb).with(CacheKind::walk);

/// Bytes of an ATS invalidation: with S set, the lowest clear bit from 12 up tells the size (PCIe 6.0 section 10.3.1).
std::uint64_t device_tlb_bytes(const Descriptor& d) {
  unsigned log2 = 12;
  if (d.size) {
    while (log2 < 63 && get(d.address, log2)) ++log2;
    ++log2;
  }
  return log2 >= 64 ? 0 : bit(log2);
}

Command device_command(const Descriptor& d) {
  Command c;
  c.kind = Command::Kind::device_tlb;
  c.form = Command::Form::device_tlb;
  c.source = SourceId(d.source);
  c.bytes = device_tlb_bytes(d);
  c.address = d.address & ~(c.bytes - 1);
  DeviceMessage& m = c.message;
  m.kind = DeviceMessage::Kind::invalidation_request;
  m.device = c.source;
  m.has_pasid = d.type == Type::process_device_tlb;
  if (m.has_pasid) m.pasid = Pasid(d.pasid);
  m.body = d.address | put(d.size, 11) | put(d.global, 0);
  return c;
}

/// Page-selective. Entries of a first stage are not tagged by the addresses of the second: all of the domain's go
/// (section 6.5.2.3).
InvalidationScope pages_scope(const Descriptor& d) {
  InvalidationScope s;
  s.caches = kTranslations;
  s.address = Match{d.address, ~std::uint64_t{0} << d.address_mask << 12};
  s.leaf_only = d.leaf_only;
  return s;
}

}  // namespace

std::pair<InvalidationScope, std::optional<InvalidationScope>> scope_for(const Descriptor& d, const VtdConfig& config,
                                                                         bool scalable) {
  InvalidationScope s;
  std::optional<InvalidationScope> also;
  switch (d.type) {
    case Type::context: {
      s.caches = s.caches.with(CacheKind::context);
      // Scalable-mode context entries belong to no domain: all go.
      if (d.granularity == Granularity::domain && !scalable) s.domain = Match::exactly(d.domain);
      // FM (section 6.5.2.1): 1, 2, 3 leave out function bit 2, bits 2:1, bits 2:0.
      constexpr std::uint64_t compared[4] = {0xffff, 0xfffb, 0xfff9, 0xfff8};
      if (d.granularity == Granularity::selective) s.source = Match{d.source, compared[d.function_mask & 3]};
      break;
    }
    case Type::iotlb:
      s.caches = kTranslations;
      if (d.granularity == Granularity::selective) {
        s = pages_scope(d);
        if (config.quirks.page_mask_bits < 64) s.address.mask &= (bit(config.quirks.page_mask_bits) - 1) << 12;
        s.space = scalable ? second_stage_spaces(d.domain) : Match::exactly(d.domain);
        if (scalable) {
          also.emplace();
          also->caches = kTranslations;
          also->space = first_stage_spaces(d.domain);
        }
      } else if (d.granularity == Granularity::domain) {
        s.space = scalable ? domain_spaces(d.domain) : Match::exactly(d.domain);
      }
      break;
    case Type::process_iotlb:
      if (d.process_granularity == Descriptor::kPages) s = pages_scope(d);
      s.caches = kTranslations;
      s.space = process_spaces(d.domain, d.pasid);
      s.stages = kFinished | kFirstStage;
      break;
    case Type::process_cache:
      s.caches = s.caches.with(CacheKind::process);
      if (d.process_granularity != Descriptor::kCacheAll) s.domain = Match::exactly(d.domain);
      if (d.process_granularity == Descriptor::kCachePasid) s.source = Match{d.pasid, ones(19, 0)};
      break;
    case Type::interrupt_entry:
      s.caches = s.caches.with(CacheKind::interrupt_entry);
      if (d.granularity == Granularity::selective)
        s.interrupt_index = Match{d.index, d.index_mask >= 16 ? 0 : ~std::uint64_t{0} << d.index_mask};
      break;
    default: break;
  }
  return {s, also};
}

Command command_for(const Descriptor& d, const VtdConfig& config, bool scalable) {
  Command c;
  c.kind = Command::Kind::invalidate;
  switch (d.type) {
    case Type::context: c.form = Command::Form::context_cache; break;
    case Type::iotlb:
      c.form = d.granularity == Granularity::global   ? Command::Form::iotlb_global
               : d.granularity == Granularity::domain ? Command::Form::iotlb_domain
                                                      : Command::Form::iotlb_page;
      break;
    case Type::interrupt_entry: c.form = Command::Form::interrupt_entry; break;
    case Type::process_iotlb:
      c.form = d.process_granularity == Descriptor::kPages ? Command::Form::iotlb_page : Command::Form::iotlb_domain;
      break;
    case Type::process_cache: c.form = Command::Form::pasid_cache; break;
    case Type::device_tlb:
    case Type::process_device_tlb: return device_command(d);
    case Type::page_response:
      c.kind = Command::Kind::page_response;
      c.form = Command::Form::page_response;
      c.source = SourceId(d.source);
      c.message.kind = DeviceMessage::Kind::page_response;
      c.message.device = c.source;
      c.message.has_pasid = d.has_pasid;
      if (d.has_pasid) c.message.pasid = Pasid(d.pasid);
      c.message.body = page_response_body(c.source, static_cast<PageResponseCode>(d.code), d.group);
      return c;
    case Type::wait:
      c.kind = Command::Kind::wait;
      c.form = Command::Form::wait;
      c.write_status = d.status_write;
      c.status_address = Hpa(d.address);
      c.status = d.status;
      c.interrupt = d.interrupt;
      c.fence = d.fence;
      return c;
    case Type::none: c.kind = Command::Kind::illegal; return c;
  }
  std::tie(c.scope, c.also) = scope_for(d, config, scalable);
  return c;
}

Descriptor descriptor_for(const Invalidation& i, const VtdConfig& config) {
  using Kind = Invalidation::Kind;
  const bool scalable = config.is_scalable();
  const TableStage stage = i.stage == TableStage::domain && scalable ? config.scalable.domain_stage : i.stage;
  const bool by_process = scalable && (i.has_pasid || stage == TableStage::first) && i.stage != TableStage::second;
  Descriptor d;
  d.domain = static_cast<std::uint16_t>(i.domain.value());
  d.source = static_cast<std::uint16_t>(i.source.value());
  d.pasid = i.has_pasid || i.kind == Kind::process ? i.pasid.value() : 0;
  d.drain_reads = d.drain_writes = true;
  const auto only_scalable = [scalable](const char* what) {
    if (!scalable) throw std::logic_error(std::string("VT-d descriptors: legacy mode has no ") + what);
  };
  switch (i.kind) {
    case Kind::context_global:
    case Kind::context_domain:
    case Kind::context_source:
      if (scalable) {
        // What a driver changes of a source is its PASID entry; the context entry only ever points to the table.
        d.type = Type::process_cache;
        d.process_granularity = i.kind == Kind::context_global   ? Descriptor::kCacheAll
                                : i.kind == Kind::context_domain ? Descriptor::kCacheDomain
                                                                 : Descriptor::kCachePasid;
        d.pasid = 0;
        break;
      }
      d.type = Type::context;
      d.granularity = i.kind == Kind::context_global   ? Granularity::global
                      : i.kind == Kind::context_domain ? Granularity::domain
                                                       : Granularity::selective;
      break;
    case Kind::iotlb_global:
      d.type = Type::iotlb;
      d.granularity = Granularity::global;
      break;
    case Kind::iotlb_domain:
    case Kind::iotlb_pages: {
      const bool pages = i.kind == Kind::iotlb_pages;
      d.type = by_process ? Type::process_iotlb : Type::iotlb;
      d.process_granularity = pages ? Descriptor::kPages : Descriptor::kAddresses;
      d.granularity = pages ? Granularity::selective : Granularity::domain;
      if (!pages) break;
      d.address = i.address.value();
      d.address_mask = static_cast<std::uint8_t>(i.size_log2 - 12);
      d.leaf_only = i.leaf_only;
      break;
    }
    case Kind::device_tlb:
      d.type = i.has_pasid && scalable ? Type::process_device_tlb : Type::device_tlb;
      d.size = i.size_log2 > 12;
      d.address = i.address.value();
      if (d.size) d.address |= i.size_log2 > 13 ? ones(i.size_log2 - 2u, 12) : 0;
      break;
    case Kind::interrupt_entries:
      d.type = Type::interrupt_entry;
      d.granularity = i.all_interrupts ? Granularity::global : Granularity::selective;
      d.index = static_cast<std::uint16_t>(i.index);
      d.index_mask = i.count_log2;
      break;
    case Kind::process:
      only_scalable("PASID cache");
      d.type = Type::process_cache;
      d.process_granularity = Descriptor::kCachePasid;
      break;
    case Kind::page_response:
      only_scalable("page requests");
      d.type = Type::page_response;
      d.has_pasid = i.has_pasid;
      d.group = i.group;
      d.code = static_cast<std::uint8_t>(i.code);
      break;
    case Kind::wait:
      d.type = Type::wait;
      d.status_write = true;
      d.status = i.status;
      d.address = i.status_address.value();
      break;
  }
  return d;
}

}  // namespace iommusim::iommu::vtd
