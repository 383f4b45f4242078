// What a wait command of the command queue waits for inside the unit: requests whose translation may be one that a
// command before it has invalidated. That is what has been resolved and not left, and, where the command asks for the
// order of reads or writes (RISC-V IOFENCE.C PR and PW, specification 1.0 section 4.1.2), what has left and memory has
// not answered yet. Walks that an invalidation overtook are counted by the walkers.
#pragma once

#include <array>
#include <cstdint>

namespace iommusim::iommu {

class Drain {
 public:
  /// A request is resolved and held until left(). `stale`: by what has been invalidated since, so it counts as one of
  /// before the wait command in progress. Returns its epoch, to be given back.
  std::uint32_t hold(bool stale) {
    ++held_;
    if (stale) ++old_held_;
    return stale ? epoch_ - 1 : epoch_;
  }
  /// It leaves: downstream, until answered(), or for good.
  void left(std::uint32_t epoch, bool downstream, bool write) {
    --held_;
    if (epoch != epoch_) --old_held_;
    if (!downstream) return;
    ++under_way_[write];
    if (epoch != epoch_) ++old_under_way_[write];
  }
  void answered(std::uint32_t epoch, bool write) {
    --under_way_[write];
    if (epoch != epoch_) --old_under_way_[write];
  }

  /// A wait command begins; all that is in the unit now is older than it.
  void begin(bool order_reads, bool order_writes) {
    ++epoch_;
    old_held_ = held_;
    old_under_way_ = under_way_;
    wanted_ = {order_reads, order_writes};
  }
  bool done() const {
    return old_held_ == 0 && !(wanted_[0] && old_under_way_[0] != 0) && !(wanted_[1] && old_under_way_[1] != 0);
  }
  /// Requests that have gone downstream and are not answered.
  std::uint32_t under_way() const { return under_way_[0] + under_way_[1]; }

 private:
  std::uint32_t epoch_ = 0;  ///< number of wait commands so far
  std::uint32_t held_ = 0, old_held_ = 0;
  std::array<std::uint32_t, 2> under_way_{}, old_under_way_{};  ///< reads, writes
  std::array<bool, 2> wanted_{};
};

}  // namespace iommusim::iommu
