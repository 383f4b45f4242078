// The two ways in which a driver writes structures: without time, at boot, and by the memory accesses of a core.
#pragma once

#include "models/host/cpu_core.h"
#include "models/iommu/api/driver.h"
#include "models/memory/frame_allocator.h"
#include "models/tlm/ports.h"

namespace iommusim::host {

/// Through the debug transport of a port that reaches memory: timeless, at any moment after elaboration.
class InstantTableMemory final : public iommu::TableMemory {
 public:
  InstantTableMemory(tlm::Context& context, tlm::InitiatorPort& port, mem::FrameAllocator& frames)
      : context_(context), port_(port), frames_(frames) {}
  std::uint64_t read64(Hpa address) override;
  void write64(Hpa address, std::uint64_t value) override;
  Hpa allocate(std::uint64_t bytes) override;
  void release(Hpa block, std::uint64_t bytes) override;

 private:
  void access(::tlm::tlm_command command, Hpa address, void* data, unsigned bytes);
  tlm::Context& context_;
  tlm::InitiatorPort& port_;
  mem::FrameAllocator& frames_;
};

/// By a core, inside its task. A new block is cleared by writes of the core, visible before the call returns: a walker
/// must never see what the frame held before. The allocator's own work takes no time.
class TimedTableMemory final : public iommu::TableMemory {
 public:
  TimedTableMemory(CpuCore& core, mem::FrameAllocator& frames) : core_(core), frames_(frames) {}
  std::uint64_t read64(Hpa address) override { return core_.read64(address); }
  void write64(Hpa address, std::uint64_t value) override { core_.write64(address, value); }
  Hpa allocate(std::uint64_t bytes) override;
  void release(Hpa block, std::uint64_t bytes) override { frames_.free(block, base::Bytes(bytes)); }

 private:
  CpuCore& core_;
  mem::FrameAllocator& frames_;
};

}  // namespace iommusim::host
