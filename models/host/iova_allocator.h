// I/O virtual addresses of one domain, given out as Linux does: from the top of 32-bit space downwards, above it only
// when that is full; aligned to the size rounded up to a power of two; sizes that Linux caches (below 32 pages) also
// rounded up to one (alloc_iova_fast, drivers/iommu/iova.c; the first page is never used).
//
// Left out: the per-CPU magazines and the red-black tree with its lock, whose order and cost belong to the
// host-software study: the highest free place is always taken, in no time.
#pragma once

#include <cstdint>
#include <map>

#include "models/base/types.h"

namespace iommusim::host {

using base::Iova;

class IovaAllocator {
 public:
  static constexpr std::uint64_t kPage = 4096;
  static constexpr std::uint64_t kCachedBelow = 32 * kPage;  ///< IOVA_RANGE_CACHE_MAX_SIZE 6

  /// Addresses from one page up to `limit`, then from there to `top`.
  explicit IovaAllocator(Iova limit = Iova(std::uint64_t{1} << 32), Iova top = Iova(std::uint64_t{1} << 48));

  /// Takes [first, first + bytes) out of use, whatever of it is free. Both are multiples of 4 KiB.
  void reserve(Iova first, std::uint64_t bytes);
  /// A place for `bytes`, a multiple of 4 KiB above zero. Throws base::UserError when there is none.
  Iova allocate(std::uint64_t bytes);
  /// Gives back what allocate() returned; false, and nothing happens, if `first` is not such an address.
  bool release(Iova first);

  std::uint64_t allocated_bytes() const { return allocated_bytes_; }
  std::size_t allocations() const { return allocated_.size(); }

 private:
  bool take_below(std::uint64_t limit, std::uint64_t bytes, std::uint64_t alignment, std::uint64_t& first);
  void cut(std::uint64_t first, std::uint64_t end);

  std::uint64_t limit_, top_;
  std::map<std::uint64_t, std::uint64_t> free_;       // start -> end, maximal
  std::map<std::uint64_t, std::uint64_t> allocated_;  // start -> bytes
  std::uint64_t allocated_bytes_ = 0;
};

}  // namespace iommusim::host
