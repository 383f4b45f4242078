// Mappings of the IommuDriver.
#include <stdexcept>

#include "models/host/iommu_driver.h"

namespace iommusim::host {

namespace {

constexpr std::uint64_t kPage = 4096;

std::uint64_t total_bytes(const Pieces& pieces) {
  std::uint64_t bytes = 0;
  for (const Piece& p : pieces) {
    if (p.bytes == 0 || p.bytes % kPage != 0 || p.address.offset_in(kPage) != 0) {
      throw std::logic_error("a piece of a mapping is not made of whole 4 KiB pages");
    }
    bytes += p.bytes;
  }
  if (bytes == 0) throw std::logic_error("mapping nothing");
  return bytes;
}

Iova identity_address(const Pieces& pieces) {
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    if (pieces[i].address != pieces[i - 1].address + pieces[i - 1].bytes) {
      throw std::logic_error("pieces that are not contiguous have no common address in the identity domain");
    }
  }
  return Iova(pieces.front().address.value());
}

void require_translated(const DmaDomain& domain) {
  if (!translated(domain.type)) {
    throw std::logic_error("domain " + std::to_string(domain.id.value()) + " of type " + to_text(domain.type) +
                           " has no page tables");
  }
}

IovaRange page_range(Iova iova, std::uint64_t bytes) {
  const Iova first = iova.align_down(kPage);
  return {first, (iova.offset_in(kPage) + bytes + kPage - 1) & ~(kPage - 1)};
}

}  // namespace

void IommuDriver::map_tables(CpuCore* core, DmaDomain& domain, Iova iova, const Pieces& pieces, iommu::Rights rights) {
  const std::uint64_t bytes = total_bytes(pieces);
  require_translated(domain);
  const auto write_entries = [&] {
    Iova at = iova;
    for (const Piece& p : pieces) {
      domain.tables->map(memory(core), at, p.address, p.bytes, rights, config_.max_page.value());
      at = at + p.bytes;
    }
  };
  if (core == nullptr) {
    write_entries();
  } else {
    const base::Time start = now();
    const CpuCore::Span span(*core, "map");
    core->spend(config_.map_cost);
    {
      Lock::Guard guard(domain.lock, *core);
      write_entries();
    }
    // A unit that caches absence (VT-d caching mode) still knows the range as unmapped.
    if (hardware_->invalidate_on_map()) {
      queue_.invalidate(*core, {invalidation_of(domain.id, {iova, bytes}, true, config_.invalidation)});
    }
    map_time_.add(now() - start);
  }
  ++maps_;
  mapped_bytes_ += bytes;
  if (observer_ != nullptr) observer_->mapped(domain, {iova, bytes});
}

Iova IommuDriver::map_anywhere(CpuCore* core, DmaDomain& domain, const Pieces& pieces, iommu::Rights rights) {
  const std::uint64_t bytes = total_bytes(pieces);
  if (domain.type == DomainType::identity) return identity_address(pieces);
  require_translated(domain);
  const Iova iova = domain.iovas.allocate(bytes);
  map_tables(core, domain, iova, pieces, rights);
  return iova;
}

Iova IommuDriver::map(DmaDomain& domain, const Pieces& pieces, iommu::Rights rights) {
  return map_anywhere(nullptr, domain, pieces, rights);
}

Iova IommuDriver::map(CpuCore& core, DmaDomain& domain, const Pieces& pieces, iommu::Rights rights) {
  return map_anywhere(&core, domain, pieces, rights);
}

void IommuDriver::map_at(DmaDomain& domain, Iova iova, const Pieces& pieces, iommu::Rights rights) {
  map_tables(nullptr, domain, iova, pieces, rights);
}

void IommuDriver::map_at(CpuCore& core, DmaDomain& domain, Iova iova, const Pieces& pieces, iommu::Rights rights) {
  map_tables(&core, domain, iova, pieces, rights);
}

Iova IommuDriver::map_buffer(CpuCore& core, DmaDomain& domain, Hpa buffer, std::uint64_t bytes, iommu::Rights rights) {
  const IovaRange pages = page_range(Iova(buffer.value()), bytes);
  return map(core, domain, {{buffer.align_down(kPage), pages.bytes}}, rights) + buffer.offset_in(kPage);
}

void IommuDriver::unmap_buffer(CpuCore& core, DmaDomain& domain, Iova iova, std::uint64_t bytes) {
  const IovaRange pages = page_range(iova, bytes);
  unmap(core, domain, pages.first, pages.bytes);
}

std::uint64_t IommuDriver::clear_tables(CpuCore& core, DmaDomain& domain, IovaRange range, bool& tables_freed) {
  tables_freed = false;
  Lock::Guard guard(domain.lock, core);
  const std::uint64_t bytes = domain.tables->unmap(memory(&core), range.first, range.bytes, tables_freed);
  if (tables_freed) ++domain.table_releases;
  ++unmaps_;
  unmapped_bytes_ += bytes;
  return bytes;
}

std::uint64_t IommuDriver::unmap_tables(CpuCore& core, DmaDomain& domain, Iova iova, std::uint64_t bytes) {
  require_translated(domain);
  bool tables_freed = false;
  const IovaRange range{iova, bytes};
  if (observer_ != nullptr) observer_->unmap_begins(domain, range);
  const std::uint64_t unmapped = clear_tables(core, domain, range, tables_freed);
  if (observer_ != nullptr) observer_->unmap_ends(domain, range);
  return unmapped;
}

void IommuDriver::unmap(CpuCore& core, DmaDomain& domain, Iova iova, std::uint64_t bytes) {
  if (domain.type == DomainType::identity) return;
  require_translated(domain);
  const base::Time start = now();
  const CpuCore::Span span(core, "unmap");
  const IovaRange range{iova, bytes};
  if (observer_ != nullptr) observer_->unmap_begins(domain, range);
  core.spend(config_.unmap_cost);
  bool tables_freed = false;
  clear_tables(core, domain, range, tables_freed);
  domain.policy->unmapped(core, range, tables_freed);
  unmap_time_.add(now() - start);
  if (observer_ != nullptr) observer_->unmap_ends(domain, range);
}

}  // namespace iommusim::host
