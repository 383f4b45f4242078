// The mappings that exist at one point of the trace, per domain.
#pragma once

#include <map>
#include <vector>

#include "experiments/import/kernel_stream.h"

namespace iommusim::importer {

/// Pieces of physically contiguous pages, keyed by (domain key, IOVA). A domain key is the domain id, or a stand-in for
/// an unknown one.
class LiveMap {
 public:
  struct Piece {
    std::uint64_t begin = 0, end = 0, paddr = 0;
    std::uint32_t mapping = 0;
    bool seeded = false;
    base::Bdf requester;
    base::DomainId domain;
    std::uint8_t permissions = 0;
    MappingUse use;
    std::uint64_t translate(std::uint64_t iova) const { return paddr + (iova - begin); }
  };

  /// The piece that holds `iova`, or nullptr.
  const Piece* find(std::uint32_t domain, std::uint64_t iova) const;
  /// Adds a piece; nothing may be live in its range.
  void insert(std::uint32_t domain, const Piece& piece);
  /// Removes [begin, end), cutting pieces that reach beyond; returns what was removed, in order.
  std::vector<Piece> remove(std::uint32_t domain, std::uint64_t begin, std::uint64_t end);
  std::size_t size() const { return pieces_.size(); }

 private:
  std::map<std::pair<std::uint32_t, std::uint64_t>, Piece> pieces_;
};

}  // namespace iommusim::importer
