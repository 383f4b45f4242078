// The IOMMU under test as a replayer of vectors sees it: what devices, software and memory can do to it. Each call
// returns when the unit has become quiescent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/iommu/api/messages.h"
#include "models/iommu/api/request.h"
#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/core/config.h"

namespace iommusim::conformance {

/// Memory whose access by the IOMMU fails.
struct MemoryFault {
  enum class Kind : std::uint8_t { access, poison, read_only };
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  Kind kind = Kind::access;
  bool overlaps(std::uint64_t first, std::uint64_t length) const {
    return first < address + bytes && address < first + length;
  }
};

/// What became of a device request.
struct DmaResult {
  bool ok = false;
  std::uint16_t cause = 0;  ///< if not ok
  std::uint64_t address = 0;
  std::uint8_t memory_type = 0;
  std::uint8_t size_log2 = 12;
  bool interrupt = false;  ///< through an MSI table
  struct File {
    std::uint64_t address = 0, notice = 0;
    std::uint32_t notice_data = 0;
  };
  std::optional<File> file;  ///< for an interrupt file in memory, instead of `address`
};

/// A message from the IOMMU to a device; `tag` is that of an invalidation request.
struct SentMessage {
  iommu::DeviceMessage message;
  std::uint8_t tag = 0;
};

class Machine {
 public:
  virtual ~Machine() = default;

  // --- software
  virtual std::uint64_t read_memory(std::uint64_t address) = 0;
  virtual void write_memory(std::uint64_t address, std::uint64_t word) = 0;
  virtual std::uint64_t read_register(std::uint64_t offset, unsigned bytes) = 0;
  virtual void write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) = 0;

  // --- devices
  virtual DmaResult dma(const iommu::Request& request) = 0;
  virtual iommu::AtsCompletion translate(const iommu::Request& request) = 0;
  /// False: addresses of translation requests reach the IOMMU without their page offsets, as PCIe carries them.
  virtual bool translation_requests_carry_offsets() const { return true; }
  virtual void page_request(const iommu::PageRequest& request) = 0;
  /// False: unexpected.
  virtual bool invalidation_completed(iommu::SourceId device, bool has_segment, std::uint32_t tags, unsigned count) = 0;
  virtual void invalidation_timed_out(std::uint32_t tags) = 0;

  // --- memory, and what came out
  virtual void set_faults(std::vector<MemoryFault> faults) = 0;
  /// Words the IOMMU has written since the last call, with the values they had before.
  virtual std::map<std::uint64_t, std::uint64_t> take_written() = 0;
  virtual std::vector<SentMessage> take_messages() = 0;
  /// Ordering of reads and of writes that the last fence asked for since the last call, if it asked for any.
  virtual std::optional<std::pair<bool, bool>> take_ordering() = 0;
};

/// The architecture alone, driven without time; `caches`: unbounded ones instead of none.
std::unique_ptr<Machine> make_untimed_machine(const iommu::riscv::RiscvConfig& config, bool caches);

/// The SystemC unit around it, in simulated time; `unit`: its caches, walkers and latencies. One per process.
std::unique_ptr<Machine> make_timed_machine(const iommu::riscv::RiscvConfig& config,
                                            const iommu::RemappingUnitConfig& unit);

}  // namespace iommusim::conformance
