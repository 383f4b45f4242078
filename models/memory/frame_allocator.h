// Hands out physical memory to what needs some: page tables, queues, buffers.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>

#include "models/base/random/stream.h"
#include "models/base/types.h"
#include "models/base/units.h"

namespace iommusim::mem {

using base::Bytes;
using base::Hpa;

/// Where the next frame comes from: the lowest free address, or a random one as on a machine that has been up for
/// weeks.
enum class Placement : std::uint8_t { contiguous, scattered };

/// A buddy allocator over one range of physical addresses. All sizes are multiples of 4 KiB. Time and memory:
/// O(log(range)) per call; what is free is kept as maximal aligned blocks, so memory grows with what is allocated,
/// never with the range.
class FrameAllocator {
 public:
  static constexpr std::uint64_t kFrameBytes = 4096;

  /// `base` and `size` are multiples of 4 KiB, size > 0. `seed` chooses the random places under `scattered`.
  FrameAllocator(Hpa base, Bytes size, Placement placement, std::uint64_t seed);

  /// A block of `bytes` contiguous bytes, aligned to the next power of two at or above it (2 MiB for 2 MiB, 16 KiB for
  /// 12 KiB). Throws base::UserError when there is none, naming the size asked for, what is free and the range.
  Hpa allocate(Bytes bytes = Bytes(kFrameBytes));
  /// Gives back a block, or part of one. Freeing what is free is an internal error.
  void free(Hpa at, Bytes bytes = Bytes(kFrameBytes));

  Bytes available() const { return Bytes(free_frames_ * kFrameBytes); }
  Bytes used() const { return size_ - available(); }
  Hpa base() const { return base_; }
  Bytes size() const { return size_; }

 private:
  // Frame numbers throughout. Order k: blocks of 2^k frames starting at multiples of 2^k.
  static constexpr unsigned kOrders = 52;
  struct Block {
    std::uint64_t start;
    unsigned order;
  };
  Block choose_lowest(unsigned order) const;
  Block choose_near(std::uint64_t frame, unsigned order) const;
  bool any_free(unsigned order) const;
  bool is_free(std::uint64_t frame) const;
  void insert_merging(std::uint64_t start, unsigned order);
  void insert_range(std::uint64_t start, std::uint64_t count);

  Hpa base_;
  Bytes size_;
  Placement placement_;
  base::RandomStream random_;
  std::uint64_t free_frames_ = 0;
  std::array<std::set<std::uint64_t>, kOrders> free_;  // starts of free blocks by order
};

}  // namespace iommusim::mem
