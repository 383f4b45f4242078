#include "models/host/buffer_policy.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace iommusim::host {

BufferLayout::BufferLayout(Pieces pieces) : pieces_(std::move(pieces)) {
  std::uint64_t start = 0;
  for (const Piece& piece : pieces_) {
    starts_.push_back(start);
    start += piece.bytes;
  }
}

Pieces BufferLayout::pages(std::uint64_t offset, std::uint64_t bytes) const {
  constexpr std::uint64_t kPage = 4096;
  std::uint64_t from = offset & ~(kPage - 1);
  const std::uint64_t to = (offset + bytes + kPage - 1) & ~(kPage - 1);
  auto i = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), from) - starts_.begin());
  Pieces pages;
  for (--i; i < pieces_.size() && from < to; ++i) {
    const std::uint64_t within = from - starts_[i];
    if (within >= pieces_[i].bytes) break;
    const std::uint64_t taken = std::min(to - from, pieces_[i].bytes - within);
    pages.push_back({pieces_[i].address + within, taken});
    from += taken;
  }
  if (from < to) throw std::out_of_range("a DMA reaches beyond its buffer");
  return pages;
}

}  // namespace iommusim::host
