// How a device's driver gets the buffers of its DMAs mapped: once at boot, or for each DMA, as Linux drivers do with
// streaming mappings. A policy is one source file under buffers/ that registers itself; a device's buffer has its own
// instance.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "models/base/registry.h"
#include "models/base/stats/histogram.h"
#include "models/host/iommu_driver.h"

namespace iommusim::host {

class BufferPolicy {
 public:
  /// Where mapping happens: the tasks of one core. `buffer` is all of the memory; offsets count from its first piece.
  struct Site {
    IommuDriver& driver;
    DmaDomain& domain;
    CpuCore& core;
    Pieces buffer;
    base::Group& stats;
  };
  /// Gets the IOVA of the first byte asked for.
  using Ready = std::function<void(Iova)>;

  static const char* registry_kind() { return "buffer policy"; }
  virtual ~BufferPolicy() = default;

  /// Before a DMA of [offset, offset + bytes): calls `ready` when the device may start, from within this call if
  /// nothing has to be done, else from a task of the core.
  virtual void acquire(std::uint64_t offset, std::uint64_t bytes, iommu::Rights rights, Ready ready) = 0;
  /// After it, with the address that `ready` got.
  virtual void release(Iova iova, std::uint64_t bytes) = 0;
};

using BufferPolicies = base::Registry<BufferPolicy, const BufferPolicy::Site&>;

/// The whole pages of `buffer` that [offset, offset + bytes) touches. Throws std::out_of_range beyond its end.
Pieces pages_of(const Pieces& buffer, std::uint64_t offset, std::uint64_t bytes);

}  // namespace iommusim::host
