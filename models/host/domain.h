// A domain: an address space of DMA and how its mappings are kept coherent with the remapping unit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/base/types.h"
#include "models/host/invalidation_policy.h"
#include "models/host/iova_allocator.h"
#include "models/host/lock.h"
#include "models/iommu/api/driver.h"

namespace iommusim::host {

using base::DomainId;
using base::SourceId;

/// As in the Linux sysfs file `type` of an IOMMU group and the API behind it.
enum class DomainType : std::uint8_t {
  identity,  ///< requests pass untranslated
  dma,       ///< "DMA": translated, strict
  dma_fq,    ///< "DMA-FQ": translated, lazy (flush queue)
  blocked,   ///< every request faults
  unmanaged  ///< translated; the user chooses the addresses (VFIO, trace replay)
};
const char* to_text(DomainType type);
std::optional<DomainType> domain_type(const std::string& text);
constexpr bool translated(DomainType t) { return t != DomainType::identity && t != DomainType::blocked; }

/// Only IommuDriver changes one.
struct DmaDomain {
  DmaDomain(DomainId id_, DomainType type_, IovaAllocator iovas_, const LockConfig& lock_config)
      : id(id_), type(type_), iovas(std::move(iovas_)), lock(lock_config) {}

  const DomainId id;
  DomainType type;
  std::unique_ptr<iommu::PageTables> tables;  ///< null unless translated
  std::vector<SourceId> sources;              ///< attached now, in order of attachment
  IovaAllocator iovas;
  Lock lock;                                   ///< of the page tables
  std::uint64_t table_releases = 0;            ///< unmaps so far that took tables out of use
  std::unique_ptr<InvalidationPolicy> policy;  ///< null unless translated
};

}  // namespace iommusim::host
