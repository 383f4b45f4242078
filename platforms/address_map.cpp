#include "platforms/address_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/base/units.h"

namespace iommusim::platforms {
namespace {

std::string range_text(const Region& r) {
  return fmt::format("{} (0x{:x}-0x{:x})", r.name, r.base.value(), r.end().value() - 1);
}

}  // namespace

std::vector<Region> AddressMap::sorted() const {
  std::vector<Region> copy = regions_;
  std::stable_sort(copy.begin(), copy.end(), [](const Region& a, const Region& b) { return a.base < b.base; });
  return copy;
}

std::vector<MapConflict> AddressMap::conflicts(unsigned address_bits) const {
  std::vector<MapConflict> found;
  const std::uint64_t limit = address_bits >= 64 ? ~std::uint64_t{0} : std::uint64_t{1} << address_bits;
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    const Region& r = regions_[i];
    if (r.base.value() >= limit || r.bytes > limit - r.base.value()) {
      found.push_back({r.setting, fmt::format("{} at 0x{:x} with {} ends above the {} address bits of the platform", r.name,
                                              r.base.value(), base::to_text(base::Bytes(r.bytes)), address_bits)});
      continue;
    }
    for (std::size_t j = 0; j < i; ++j) {
      const Region& other = regions_[j];
      if (r.base < other.end() && other.base < r.end()) {
        found.push_back({r.setting, range_text(r) + " overlaps " + range_text(other)});
        break;
      }
    }
  }
  return found;
}

Hpa AddressMap::find_free(Hpa from, Hpa to, std::uint64_t bytes) const {
  Hpa at = (from + (bytes - 1)).align_down(bytes);
  for (const Region& r : sorted()) {
    if (r.end() <= at) continue;
    if (at + bytes <= r.base) break;
    at = (r.end() + (bytes - 1)).align_down(bytes);
  }
  return at + bytes <= to ? at : Hpa(0);
}

std::string AddressMap::text() const {
  std::string out;
  for (const Region& r : sorted()) {
    out += fmt::format("0x{:016x}-0x{:016x}  {:>9}  {}\n", r.base.value(), r.end().value() - 1, base::to_text(base::Bytes(r.bytes)), r.name);
  }
  return out;
}

}  // namespace iommusim::platforms
