#include "experiments/import/live_map.h"

namespace iommusim::importer {

const LiveMap::Piece* LiveMap::find(std::uint32_t domain, std::uint64_t iova) const {
  auto at = pieces_.upper_bound({domain, iova});
  if (at == pieces_.begin()) return nullptr;
  --at;
  return at->first.first == domain && iova < at->second.end ? &at->second : nullptr;
}

void LiveMap::insert(std::uint32_t domain, const Piece& piece) { pieces_[{domain, piece.begin}] = piece; }

std::vector<LiveMap::Piece> LiveMap::remove(std::uint32_t domain, std::uint64_t begin, std::uint64_t end) {
  std::vector<Piece> removed;
  auto at = pieces_.upper_bound({domain, begin});
  if (at != pieces_.begin()) --at;
  while (at != pieces_.end() && at->first < std::pair{domain, end}) {
    if (at->first.first != domain || at->second.end <= begin) {
      ++at;
      continue;
    }
    Piece piece = at->second;
    at = pieces_.erase(at);
    if (piece.begin < begin) {
      Piece left = piece;
      left.end = begin;
      insert(domain, left);
    }
    if (piece.end > end) {
      Piece right = piece;
      right.paddr = piece.translate(end);
      right.begin = end;
      insert(domain, right);
      at = pieces_.upper_bound({domain, end});
    }
    Piece middle = piece;
    middle.begin = std::max(piece.begin, begin);
    middle.paddr = piece.translate(middle.begin);
    middle.end = std::min(piece.end, end);
    removed.push_back(middle);
  }
  return removed;
}

}  // namespace iommusim::importer
