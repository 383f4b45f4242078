#include "platforms/address_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace iommusim::platforms {
namespace {

Hpa end_of(const AddressRange& r) { return r.base + r.size.value(); }

std::string range_text(const AddressRange& r) {
  return fmt::format("{} (0x{:x}-0x{:x})", r.name, r.base.value(), end_of(r).value() - 1);
}

}  // namespace

const AddressRange* AddressPlan::find(const std::string& name) const {
  for (const Placed& p : placed_) {
    if (p.range.name == name) return &p.range;
  }
  return nullptr;
}

std::vector<MapConflict> AddressPlan::conflicts(unsigned address_bits) const {
  std::vector<MapConflict> found;
  const std::uint64_t limit = std::uint64_t{1} << address_bits;
  for (std::size_t i = 0; i < placed_.size(); ++i) {
    const AddressRange& r = placed_[i].range;
    if (r.base.value() >= limit || r.size.value() > limit - r.base.value()) {
      found.push_back(
          {placed_[i].setting, fmt::format("{} at 0x{:x} with {} ends above the {} address bits of the platform",
                                           r.name, r.base.value(), base::to_text(r.size), address_bits)});
      continue;
    }
    for (std::size_t j = 0; j < i; ++j) {
      const AddressRange& other = placed_[j].range;
      if (r.base < end_of(other) && other.base < end_of(r)) {
        found.push_back({placed_[i].setting, range_text(r) + " overlaps " + range_text(other)});
        break;
      }
    }
  }
  return found;
}

Hpa AddressPlan::find_free(Hpa from, Hpa to, std::uint64_t bytes) const {
  std::vector<const AddressRange*> ascending;
  for (const Placed& p : placed_) ascending.push_back(&p.range);
  std::sort(ascending.begin(), ascending.end(),
            [](const AddressRange* a, const AddressRange* b) { return a->base < b->base; });
  Hpa at = (from + (bytes - 1)).align_down(bytes);
  for (const AddressRange* r : ascending) {
    if (end_of(*r) <= at) continue;
    if (at + bytes <= r->base) break;
    at = (end_of(*r) + (bytes - 1)).align_down(bytes);
  }
  return at + bytes <= to ? at : Hpa(0);
}

interconnect::AddressMap AddressPlan::map() const {
  interconnect::AddressMap map;
  for (const Placed& p : placed_) map.add(p.range);
  return map;
}

}  // namespace iommusim::platforms
