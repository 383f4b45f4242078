// The translation schemes that the random differential tests run on, and what the plain model has to know of each: how
// far addresses reach and which kind of fault answers what.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/iommu/api/factory.h"

namespace iommusim::test::differential {

using namespace iommusim::iommu;

struct Variant {
  std::string name;          ///< part of the names of tests
  std::string architecture;  ///< its `type` in files
  std::shared_ptr<const ArchitectureConfig> config;
  std::vector<unsigned> levels;  ///< geometries its domains take in turn
  /// Of a translated domain with tables of so many levels: addresses at and above 2^n are refused.
  unsigned (*address_bits)(unsigned levels);
  unsigned pass_through_bits = 64;  ///< the same where a context lets requests pass
  bool signed_addresses = false;    ///< addresses whose upper bits are all ones are merely not mapped
  bool write_implies_read = false;  ///< of a mapping
  FaultKind not_mapped = FaultKind::not_present;
  FaultKind beyond_reach = FaultKind::address_width;
};

/// At least one of every architecture that is linked in: a test sees to it.
const std::vector<Variant>& variants();

inline std::ostream& operator<<(std::ostream& out, const Variant& v) { return out << v.name; }

}  // namespace iommusim::test::differential
