// How a device's driver gets the buffers of its DMAs mapped: once at boot, or for each DMA, as Linux drivers do with
// streaming mappings. A policy is one source file under buffers/ that registers itself; a device's buffer has its own
// instance.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "models/base/registry.h"
#include "models/base/stats/histogram.h"
#include "models/host/iommu_driver.h"

namespace iommusim::host {

class BufferPolicy {
 public:
  /// Where mapping happens: the tasks of one core. `buffer` is all of the memory; offsets count from its first piece.
  /// `stats`: of the device, for groups of the policy's own.
  /// `boot`: the core in whose task the policy is made; null: made timeless, before the start.
  struct Site {
    IommuDriver& driver;
    DmaDomain& domain;
    CpuCore& core;
    Pieces buffer;
    base::Group& stats;
    CpuCore* boot = nullptr;
  };
  /// Gets the IOVA of the first byte asked for.
  using Ready = std::function<void(Iova)>;

  static const char* registry_kind() { return "buffer policy"; }
  virtual ~BufferPolicy() = default;

  /// Where the whole buffer is mapped for good, if it is: DMAs may then go without acquire() and release().
  virtual std::optional<Iova> fixed() const { return std::nullopt; }
  /// Before a DMA of [offset, offset + bytes): calls `ready` when the device may start, from within this call if
  /// nothing has to be done, else from a task of the core.
  virtual void acquire(std::uint64_t offset, std::uint64_t bytes, iommu::Rights rights, Ready ready) = 0;
  /// After it, with the address that `ready` got. The device must not touch the memory any more: a posted write has to
  /// be visible.
  virtual void release(Iova iova, std::uint64_t bytes) = 0;
};

using BufferPolicies = base::Registry<BufferPolicy, const BufferPolicy::Site&>;

/// A buffer's memory by offset.
class BufferLayout {
 public:
  explicit BufferLayout(Pieces pieces);
  /// The whole 4 KiB pages that [offset, offset + bytes) touches. Throws std::out_of_range beyond the end.
  Pieces pages(std::uint64_t offset, std::uint64_t bytes) const;

 private:
  Pieces pieces_;
  std::vector<std::uint64_t> starts_;  // offset of each piece
};

}  // namespace iommusim::host
