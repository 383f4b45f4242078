#include "models/iommu/core/prefetch.h"

namespace iommusim::iommu {

const base::Fields<PrefetchConfig>& PrefetchConfig::fields() {
  static const base::Fields<PrefetchConfig> f =
      base::Fields<PrefetchConfig>("prefetch", "Translations fetched before they are asked for, by idle walkers")
          .field("kind", &PrefetchConfig::kind,
                 "Which pages: those behind a miss, or at the distance a requester keeps",
                 {{"none", Kind::none}, {"next_page", Kind::next_page}, {"stride", Kind::stride}})
          .source("none: no vendor documents a prefetcher in its IOMMU")
          .field("degree", &PrefetchConfig::degree, "Pages fetched ahead of each miss")
          .range(1, kMostDegree)
          .source("assumed")
          .field("into", &PrefetchConfig::into, "Where they go", {{"iotlb", Into::iotlb}, {"buffer", Into::buffer}})
          .source("assumed")
          .field("buffer_entries", &PrefetchConfig::buffer_entries,
                 "Entries of the buffer; into iotlb: fetched entries whose first use is watched for")
          .range(1, 1024)
          .source("assumed");
  return f;
}

Prefetcher::Pages Prefetcher::after(const Request& request) {
  Pages pages;
  const std::uint64_t page = request.address >> 12;
  std::int64_t stride = 1;
  if (config_.kind == PrefetchConfig::Kind::stride) {
    const std::uint64_t process = request.has_pasid ? request.pasid.value() + std::uint64_t{1} : 0;
    Stream& s = streams_[std::uint64_t{request.source.value()} << 32 | process];
    const auto distance = static_cast<std::int64_t>(page - s.last);
    if (distance == 0) return pages;
    s.steady = distance == s.stride;
    s.stride = distance;
    s.last = page;
    if (!s.steady) return pages;
    stride = distance;
  }
  for (unsigned i = 1; i <= config_.degree; ++i) {
    const std::uint64_t next = page + static_cast<std::uint64_t>(stride) * i;
    if (next >> 52 != 0) break;  // past either end of the address space
    pages.number[pages.count++] = next;
  }
  return pages;
}

void Prefetcher::brought(const RangeTag& tag, const Translation& translation) {
  for (Fetched& f : fetched_) {
    if (!(f.tag == tag)) continue;  // two pages of one large page were fetched
    f.translation = translation;
    return;
  }
  if (fetched_.size() >= config_.buffer_entries) {
    useless++;
    fetched_.erase(fetched_.begin());
  }
  fetched_.push_back({tag, translation});
}

std::size_t Prefetcher::find(Space space, std::uint64_t address) const {
  std::size_t i = 0;
  while (i < fetched_.size() && !(range_around(space, address, fetched_[i].tag.size_log2) == fetched_[i].tag)) ++i;
  return i;
}

std::optional<Translation> Prefetcher::take(Space space, std::uint64_t address) {
  const std::size_t i = find(space, address);
  if (i == fetched_.size()) return std::nullopt;
  const Translation found = fetched_[i].translation;
  fetched_.erase(fetched_.begin() + static_cast<std::ptrdiff_t>(i));
  useful++;
  return found;
}

void Prefetcher::missed(Space space, std::uint64_t address) {
  const std::size_t i = find(space, address);
  if (i == fetched_.size()) return;
  useless++;
  fetched_.erase(fetched_.begin() + static_cast<std::ptrdiff_t>(i));
}

void Prefetcher::invalidate(const InvalidationScope& scope) {
  for (std::size_t i = 0; i < fetched_.size();) {
    if (scope.drops(CacheKind::iotlb, fetched_[i].tag)) {
      useless++;
      fetched_.erase(fetched_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

void Prefetcher::register_stats(base::Group& group) {
  group.add("issued", issued, "1", "Walks begun for pages nobody had asked for");
  group.add("no_walker", no_walker, "1", "Pages proposed while no walker was idle");
  group.add("late", late, "1", "Prefetches whose page was asked for while the walk was under way");
  group.add("faults", faults, "1", "Prefetches that found no translation; nobody hears of them");
  group.add("useful", useful, "1", "Prefetched translations that were used");
  group.add("useless", useless, "1", "Those that were displaced or invalidated before they were used");
}

}  // namespace iommusim::iommu
