// Contents of physical memory: only what was written exists. Bytes never written read as zero and cost nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/types.h"

namespace iommusim::mem {

using base::Hpa;

/// Byte-addressed over the whole 64-bit space, functional, without time. 4 KiB frames are allocated at their first
/// write and found through one open-addressed table, so resident memory grows with frames written only.
class SparseMemory {
 public:
  static constexpr std::uint64_t kFrameBytes = 4096;

  SparseMemory();

  /// Any address and length that do not wrap around the end of the address space; frames may be crossed.
  void read(Hpa at, void* out, std::size_t bytes) const;
  void write(Hpa at, const void* in, std::size_t bytes);
  /// Little-endian 64-bit word at any address.
  std::uint64_t read64(Hpa at) const { return read_word(at, 8); }
  void write64(Hpa at, std::uint64_t value) { write_word(at, 8, value); }
  /// Stores `desired` if the little-endian word of `bytes` (4 or 8) at `at` is `expected`; returns what the word was.
  /// `at` is a multiple of `bytes`; operands of 4 bytes are below 2^32.
  std::uint64_t compare_and_swap(Hpa at, unsigned bytes, std::uint64_t expected, std::uint64_t desired);

  /// Frames that exist.
  std::size_t frames() const { return count_; }

 private:
  using Frame = std::array<unsigned char, kFrameBytes>;
  struct Slot {
    std::uint64_t number = 0;  // address / 4096
    std::unique_ptr<Frame> frame;
  };
  std::uint64_t read_word(Hpa at, unsigned bytes) const;
  void write_word(Hpa at, unsigned bytes, std::uint64_t value);
  const Frame* find(std::uint64_t number) const;
  Frame& make(std::uint64_t number);
  std::size_t start_of(std::uint64_t number) const { return (number * 0x9e3779b97f4a7c15u) >> shift_; }
  void grow();

  std::vector<Slot> slots_;  // a power of two, at most half full; a slot without frame ends a probe
  unsigned shift_;           // 64 - log2(slots)
  std::size_t count_ = 0;
};

}  // namespace iommusim::mem
