#include "models/iommu/core/iotlb.h"

namespace iommusim::iommu {
namespace {

const char* const kClass[] = {"size_4k", "size_2m", "size_1g"};

/// 0: below 2 MiB, 1: below 1 GiB, 2: from there.
unsigned size_class(unsigned size_log2) { return size_log2 < 21 ? 0 : size_log2 < 30 ? 1 : 2; }

}  // namespace

Iotlb::Iotlb(const UnitCacheConfig& config, std::uint64_t seed, const std::string& path) {
  arrays_.emplace_back(config, seed, path);
}

Iotlb::Iotlb(const IotlbConfig& config, std::uint64_t seed, const std::string& path)
    : duplicate_fills_(config.duplicate_fills) {
  arrays_.reserve(3);
  arrays_.emplace_back(config, seed, path);
  if (config.split == IotlbConfig::Split::by_size) {
    arrays_.emplace_back(config.size_2m, seed, path + ".size_2m");
    arrays_.emplace_back(config.size_1g, seed, path + ".size_1g");
  }
}

bool Iotlb::fill(const RangeTag& tag, const Translation& translation, const Tenant& tenant) {
  Array& array = arrays_.size() == 1 ? arrays_[0] : arrays_[size_class(tag.size_log2)];
  return array.fill(tag, translation, tenant, duplicate_fills_);
}

void Iotlb::reserve(Reservation& reservation, Space space, std::uint64_t address, const Tenant& tenant) {
  reservation.tag = range_around(space, address, 12);
  reservation.tenant = tenant;
  reservation.held = arrays_[0].reserve(reservation.tag, tenant);
}

void Iotlb::release(Reservation& reservation) {
  if (!reservation.held) return;
  reservation.held = false;
  arrays_[0].of(reservation.tenant).release(reservation.tag);
}

std::uint64_t Iotlb::invalidate(const InvalidationScope& scope) {
  std::uint64_t dropped = 0;
  for (Array& array : arrays_) dropped += array.invalidate(scope);
  return dropped;
}

SearchCost Iotlb::search_cost(const InvalidationScope& scope) const {
  SearchCost cost;
  for (const Array& array : arrays_) cost.add(array.search_cost(scope));
  return cost;
}

std::size_t Iotlb::size() const {
  std::size_t n = 0;
  for (const Array& array : arrays_) n += array.size();
  return n;
}

std::uint64_t Iotlb::full_drops() const {
  std::uint64_t n = 0;
  for (const Array& array : arrays_) n += array.full_drops.value();
  return n;
}

void Iotlb::register_stats(base::Group& group) {
  if (arrays_.size() == 1) return arrays_[0].register_stats(group);
  for (std::size_t i = 0; i < arrays_.size(); ++i) arrays_[i].register_stats(group.group(kClass[i]));
}

}  // namespace iommusim::iommu
