// The IOMMU driver and DMA mapping layer of one remapping unit: boot, domains and their types, mappings, interrupt
// entries.
//
// Operations come in two forms. With a core: inside a task of that core, by its memory writes and MMIO, with the
// invalidations Linux does. Without: at boot, through the debug transport, timeless and without invalidations, since
// nothing can be cached yet.
//
// Left out: IOMMU groups (a domain has sources), reserved regions other than the interrupt window, faults beyond
// counting their interrupts, ATS, nested and shared address spaces.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "models/base/config/fields.h"
#include "models/base/stats/histogram.h"
#include "models/host/domain.h"
#include "models/host/interrupt_region.h"
#include "models/host/invalidation_queue.h"
#include "models/host/table_memory.h"
#include "models/tlm/module.h"
#include "models/tlm/timed_queue.h"

namespace iommusim::host {

enum class Boot : std::uint8_t { instant, timed };

struct IommuDriverConfig {
  Boot boot = Boot::instant;  ///< for whoever builds the machine: which form of the boot operations to use
  std::uint32_t levels = 4;
  base::Bytes max_page{std::uint64_t{1} << 30};
  base::Iova iova_limit{std::uint64_t{1} << 32};
  bool interrupt_remapping = true;
  std::string dma_policy = "strict";
  std::string dma_fq_policy = "lazy";
  base::Time map_cost;
  base::Time unmap_cost;
  InvalidationConfig invalidation;
  InvalidationQueueConfig queue;
  LockConfig domain_lock;
  static const base::Fields<IommuDriverConfig>& fields();
};

/// Physically contiguous part of a buffer; both are multiples of 4 KiB.
struct Piece {
  Hpa address;
  std::uint64_t bytes = 0;
};
using Pieces = std::vector<Piece>;

/// Told what software does to mappings: for the stale-hit oracle and logs. Called in task context; must not wait.
class MappingObserver {
 public:
  virtual ~MappingObserver() = default;
  virtual void mapped(const DmaDomain&, IovaRange) {}
  virtual void unmap_begins(const DmaDomain&, IovaRange) {}  ///< the tables still map it
  virtual void unmap_ends(const DmaDomain&, IovaRange) {}    ///< the call returns
  virtual void detach_begins(const DmaDomain&, SourceId) {}  ///< the source's context still leads to the domain
  virtual void detach_ends(const DmaDomain&, SourceId) {}    ///< the call returns
};

class IommuDriver : public tlm::Module {
 public:
  /// `registers`: where the unit's registers are. `cores[0].port` also carries the debug accesses of boot.
  IommuDriver(::sc_core::sc_module_name name, tlm::Context& context, const IommuDriverConfig& config,
              std::unique_ptr<iommu::Driver> hardware, Hpa registers, mem::FrameAllocator& frames,
              std::vector<CpuCore*> cores, InterruptRegion& interrupts);

  // --- boot: allocates tables and queue, turns the unit on. Its own interrupts go to the first core.
  using WriteRegister = std::function<void(const iommu::RegisterWrite&)>;
  void boot(const WriteRegister& write_now);
  void boot(CpuCore& core);
  /// Switches translation of an already booted unit, as firmware and kernel do around a change of hands. On a core.
  void set_translation(CpuCore& core, bool on);

  // --- domains. They live until the end of the run.
  /// Identifiers are given from 2 upward; 1 is the identity domain's, of which there is one (as in Linux's VT-d
  /// driver).
  DmaDomain& create_domain(DomainType type);
  DmaDomain& create_domain(CpuCore& core, DomainType type);
  /// With an identifier of the caller's choice, not in use (std::logic_error otherwise).
  DmaDomain& create_domain(DomainType type, DomainId id);
  DmaDomain* find_domain(DomainId id);
  DmaDomain* domain_of(SourceId source);
  /// Moves the source to the domain. On a core a source that had one is detached first.
  void attach(SourceId source, DmaDomain& domain);
  void attach(CpuCore& core, SourceId source, DmaDomain& domain);
  /// Clears the source's context and invalidates it: first the context, then the domain's IOTLB entries, each waited
  /// for.
  void detach(CpuCore& core, SourceId source);
  /// As writing a group's `type`; `sources` are all of the group, in one domain (std::logic_error otherwise). From DMA
  /// to DMA-FQ it is the live domain that changes, if it has no other sources; else the sources move to a new domain,
  /// which is returned: mappings stay behind, and what the old domain had put off is carried out first.
  DmaDomain& switch_type(CpuCore& core, const std::vector<SourceId>& sources, DomainType type);

  // --- mappings. In the identity domain the IOVA is the physical address and nothing is done (the pieces must then be
  // contiguous).
  /// Allocates addresses and maps the pieces one after the other. Returns the first address.
  Iova map(DmaDomain& domain, const Pieces& pieces, iommu::Rights rights);
  Iova map(CpuCore& core, DmaDomain& domain, const Pieces& pieces, iommu::Rights rights);
  /// Maps at an address of the caller's choice, nothing of which is mapped (std::logic_error otherwise).
  void map_at(DmaDomain& domain, Iova iova, const Pieces& pieces, iommu::Rights rights);
  void map_at(CpuCore& core, DmaDomain& domain, Iova iova, const Pieces& pieces, iommu::Rights rights);
  /// Unmaps what was mapped in one or several calls, and invalidates by the domain's policy.
  void unmap(CpuCore& core, DmaDomain& domain, Iova iova, std::uint64_t bytes);
  /// The same for a buffer of any address and size within pages: returns the IOVA of its first byte.
  Iova map_buffer(CpuCore& core, DmaDomain& domain, Hpa buffer, std::uint64_t bytes, iommu::Rights rights);
  void unmap_buffer(CpuCore& core, DmaDomain& domain, Iova iova, std::uint64_t bytes);

  // --- for replay: exactly this, no policy
  /// Clears the page tables only. Returns the bytes that were mapped.
  std::uint64_t unmap_tables(CpuCore& core, DmaDomain& domain, Iova iova, std::uint64_t bytes);
  /// Writes the source's context only, whatever it was before.
  void attach_context(CpuCore& core, SourceId source, DmaDomain& domain);
  InvalidationQueue& queue() { return queue_; }

  // --- interrupts
  /// The message to program into a device so that its MSI raises a new vector of `target`; remapped if the unit does
  /// that.
  iommu::InterruptMessage route_interrupt(SourceId source, CpuCore& target, InterruptRegion::Handler handler = {});
  /// On a core; invalidates the entry, as Linux does at each change (modify_irte).
  iommu::InterruptMessage route_interrupt(CpuCore& core, SourceId source, CpuCore& target,
                                          InterruptRegion::Handler handler = {});

  void observe(MappingObserver* observer) { observer_ = observer; }
  /// Carries out everything put off, in all domains.
  void flush(CpuCore& core);
  const IommuDriverConfig& config() const { return config_; }
  iommu::Driver& hardware() { return *hardware_; }
  /// Functional view of memory, for looking at tables.
  iommu::TableMemory& instant_memory() { return instant_; }

 private:
  struct WakeUp {
    InvalidationPolicy* policy = nullptr;
    CpuCore* core = nullptr;
  };
  iommu::TableMemory& memory(CpuCore* core);
  std::vector<iommu::RegisterWrite> set_up(iommu::TableMemory& memory);
  DmaDomain& create(iommu::TableMemory& memory, DomainType type, DomainId id);
  DomainId next_id(DomainType type);
  void set_policy(DmaDomain& domain);
  void attach_now(CpuCore* core, SourceId source, DmaDomain& domain);
  void map_tables(CpuCore* core, DmaDomain& domain, Iova iova, const Pieces& pieces, iommu::Rights rights);
  Iova map_anywhere(CpuCore* core, DmaDomain& domain, const Pieces& pieces, iommu::Rights rights);
  std::uint64_t clear_tables(CpuCore& core, DmaDomain& domain, IovaRange range, bool& tables_freed);
  iommu::InterruptMessage set_interrupt(CpuCore* core, SourceId source, CpuCore& target,
                                        InterruptRegion::Handler handler);
  void fire(WakeUp wake_up);

  const IommuDriverConfig config_;
  std::unique_ptr<iommu::Driver> hardware_;
  const Hpa registers_;
  mem::FrameAllocator& frames_;
  std::vector<CpuCore*> cores_;
  InterruptRegion& interrupts_;
  InstantTableMemory instant_;
  std::map<CpuCore*, std::unique_ptr<TimedTableMemory>> timed_;
  PolicyStats policy_stats_;
  InvalidationQueue queue_;
  Lock structures_;  // of device tables and interrupt entries
  tlm::TimedQueue<WakeUp> wake_ups_;
  std::map<std::uint32_t, std::unique_ptr<DmaDomain>> domains_;
  std::vector<std::unique_ptr<InvalidationPolicy>> retired_policies_;  // a timer may still name them
  std::map<SourceId, DmaDomain*> attached_;
  std::uint32_t next_interrupt_ = 0;
  MappingObserver* observer_ = nullptr;

  base::Counter maps_, unmaps_, mapped_bytes_, unmapped_bytes_, attaches_, detaches_, switches_, event_interrupts_;
  base::Histogram map_time_, unmap_time_;
};

}  // namespace iommusim::host
