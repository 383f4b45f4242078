// What host software asks of an architecture: writing the structures a remapping unit reads. The same code writes
// instantly at boot (through transport_dbg) and in simulated time (through a CPU core's memory writes): only the
// TableMemory differs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "models/base/error.h"
#include "models/iommu/api/architecture.h"
#include "models/iommu/api/commands.h"
#include "models/iommu/api/request.h"

namespace iommusim::iommu {

/// Memory as a table builder sees it. Reads and writes are little-endian and may take simulated time.
class TableMemory {
 public:
  virtual ~TableMemory() = default;
  virtual std::uint64_t read64(Hpa address) = 0;
  virtual void write64(Hpa address, std::uint64_t value) = 0;
  /// A zeroed block of `bytes` (a power of two, at least 4 KiB), aligned to its size. Throws base::UserError when
  /// memory is full.
  virtual Hpa allocate(std::uint64_t bytes) = 0;
  virtual void release(Hpa block, std::uint64_t bytes) = 0;
};

/// One register write a driver does by MMIO, in the order given.
struct RegisterWrite {
  std::uint64_t offset = 0;
  std::uint8_t bytes = 4;
  std::uint64_t value = 0;
};

/// Page tables of one domain.
class PageTables {
 public:
  virtual ~PageTables() = default;
  /// first or second.
  virtual TableStage stage() const { return TableStage::second; }
  /// Maps [iova, iova + bytes) to [hpa, hpa + bytes) with the largest pages that alignment and `max_page` (bytes)
  /// allow. All three are multiples of 4 KiB. Mapping over a live mapping is a caller's error: throws std::logic_error.
  virtual void map(TableMemory& memory, Iova iova, Hpa hpa, std::uint64_t bytes, Rights rights,
                   std::uint64_t max_page) = 0;
  /// Clears [iova, iova + bytes); parts not mapped are skipped. A superpage only partly covered is a caller's error.
  /// Returns the bytes that were mapped. `tables_freed` tells if non-leaf entries changed (walk caches need
  /// invalidating): a table goes when one call covers all that it maps, as in Linux.
  virtual std::uint64_t unmap(TableMemory& memory, Iova iova, std::uint64_t bytes, bool& tables_freed) = 0;
  /// Gives back the memory of tables that unmap() took out of use: call it once no walker can hold a pointer to them,
  /// that is after their invalidation has completed.
  virtual void release_freed(TableMemory& memory) = 0;
  /// Where an address maps to now, from the tables in memory: nothing if unmapped.
  virtual std::optional<Translation> lookup(TableMemory& memory, Iova iova) const = 0;
};

/// How a domain's addresses are translated.
struct DomainGeometry {
  std::uint8_t levels = 4;  ///< 3, 4 or 5
  TableStage stage = TableStage::domain;
};

/// What a driver can set up besides domains of the default stage, given the unit's capabilities.
struct DriverFeatures {
  bool first_stage = false;
  bool second_stage = false;
  bool nested = false;            ///< attach_nested
  bool processes = false;         ///< attach_process
  bool nested_processes = false;  ///< attach_process with a second stage
};

/// The software side of an architecture for one remapping unit.
class Driver {
 public:
  virtual ~Driver() = default;
  /// Allocates device tables, queue and interrupt table, and gives the register writes that turn the unit on.
  /// `queue_entries`: capacity of the command queue, a power of two that the architecture supports.
  virtual std::vector<RegisterWrite> set_up(TableMemory& memory, std::uint32_t queue_entries) = 0;
  /// The writes after which the unit remaps DMA and interrupts (last step of boot).
  virtual std::vector<RegisterWrite> enable(bool interrupt_remapping) = 0;
  /// The writes after which the unit lets DMA pass untranslated again; the rest stays on.
  virtual std::vector<RegisterWrite> disable_translation() = 0;
  /// The writes that make the unit send `message` for its own events (faults, queue errors, completions). Masked until
  /// then.
  virtual std::vector<RegisterWrite> route_events(InterruptMessage /*message*/) { return {}; }
  /// Empty page tables for a domain.
  virtual std::unique_ptr<PageTables> create_tables(TableMemory& memory, DomainGeometry geometry) = 0;
  /// Writes the source's context: translated through `tables`, or pass-through when `tables` is null (domain type
  /// identity).
  virtual void attach(TableMemory& memory, SourceId source, DomainId domain, const PageTables* tables) = 0;
  /// Clears the source's context: its requests without a process fault until the next attach (domain type blocked).
  virtual void detach(TableMemory& memory, SourceId source) = 0;

  virtual DriverFeatures features() const { return {}; }
  /// attach() for a source whose requests pass both stages. `first` lies at guest-physical addresses, its root and all
  /// its tables: it was made and is filled through a TableMemory of the guest. Invalidations name the domain and say
  /// `nested`.
  virtual void attach_nested(TableMemory& /*memory*/, SourceId /*source*/, DomainId /*domain*/,
                             const PageTables& /*first*/, const PageTables& /*second*/) {
    throw base::UserError("this unit's driver nests no stages");
  }
  /// The source's requests with `pasid` (1 to 2^20 - 1) go through `tables`, over `second` if there is one; null
  /// `tables` lets them pass. The source must have been attached, with the same second stage or none; attaching it anew
  /// leaves its processes alone. Invalidations say `has_pasid`.
  virtual void attach_process(TableMemory& /*memory*/, SourceId /*source*/, Pasid /*pasid*/, DomainId /*domain*/,
                              const PageTables* /*tables*/, const PageTables* /*second*/ = nullptr) {
    throw base::UserError("this unit's driver has no processes");
  }
  /// Requests of the source with `pasid` fault from now on.
  virtual void detach_process(TableMemory& /*memory*/, SourceId /*source*/, Pasid /*pasid*/) {
    throw base::UserError("this unit's driver has no processes");
  }

  /// Writes an interrupt entry: the remappable message to program into a device for entry `index`, to arrive as
  /// `target`.
  virtual InterruptMessage set_interrupt(TableMemory& memory, std::uint32_t index, SourceId source,
                                         InterruptMessage target) = 0;

  /// True if the unit may cache that an address is unmapped, so that mapping needs an invalidation too (VT-d caching
  /// mode).
  virtual bool invalidate_on_map() const { return false; }

  // --- command queue: where entries and the tail register are
  virtual CommandBytes encode(const Invalidation& invalidation) const = 0;
  virtual Hpa queue_base() const = 0;
  virtual std::uint32_t queue_entries() const = 0;
  virtual std::uint8_t command_bytes() const = 0;
  /// The MMIO write that tells the unit the queue's new tail (an entry index).
  virtual RegisterWrite tail_write(std::uint32_t tail) const = 0;
  /// Offset of the register that holds the queue's head, and the entry index in a value read from it.
  virtual std::uint64_t head_register() const = 0;
  virtual std::uint32_t head_index(std::uint64_t value) const = 0;
};

}  // namespace iommusim::iommu
