#include "models/host/buffer_policy.h"

#include <algorithm>
#include <stdexcept>

namespace iommusim::host {

Pieces pages_of(const Pieces& buffer, std::uint64_t offset, std::uint64_t bytes) {
  constexpr std::uint64_t kPage = 4096;
  std::uint64_t from = offset & ~(kPage - 1);
  const std::uint64_t to = (offset + bytes + kPage - 1) & ~(kPage - 1);
  Pieces pages;
  std::uint64_t start = 0;  // offset of the piece looked at
  for (const Piece& piece : buffer) {
    if (from >= to) break;
    if (from < start + piece.bytes) {
      const std::uint64_t end = std::min(to, start + piece.bytes);
      pages.push_back({piece.address + (from - start), end - from});
      from = end;
    }
    start += piece.bytes;
  }
  if (from < to) throw std::out_of_range("a DMA reaches beyond its buffer");
  return pages;
}

}  // namespace iommusim::host
