// What the functions of a device are: identity, capabilities, virtual functions; and who gets which requester ID.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/types.h"
#include "models/base/units.h"

namespace iommusim::base {
template <class T>
class Fields;
}

namespace iommusim::pcie {

/// Widths of the tag field (PCIe 5.0 section 2.2.6.2; 14 bits: PCIe 6.0, FLIT mode).
constexpr bool is_tag_bits(unsigned bits) { return bits == 5 || bits == 8 || bits == 10 || bits == 14; }
/// First tag value that may be used: with 10 and 14 bits the bits above the next narrower width may not all be zero, so
/// that a completer which drops them is noticed.
constexpr unsigned first_tag(unsigned bits) { return bits == 10 ? 256 : bits == 14 ? 1024 : 0; }
/// Tag values that may be used: 32, 256, 768, 15,360.
constexpr unsigned usable_tags(unsigned bits) { return (1u << bits) - first_tag(bits); }

/// SR-IOV capability of a physical function (PCIe 5.0 section 9.3.3).
struct SriovConfig {
  unsigned vfs = 0;              ///< TotalVFs and InitialVFs; all of them are modelled
  unsigned first_vf_offset = 8;  ///< First VF Offset
  unsigned vf_stride = 1;        ///< VF Stride
  static const base::Fields<SriovConfig>& fields();
};

/// One physical function. Meaning, unit, range and source of each member: fields().
struct FunctionConfig {
  std::uint32_t vendor_id = 0x1234;
  std::uint32_t device_id = 0x0001;
  std::uint32_t class_code = 0xff0000;  ///< base class, subclass, interface
  unsigned weight = 1;                  ///< of its turns on the link
  unsigned msix_vectors = 32;           ///< 0: no MSI-X
  unsigned tag_bits = 14;               ///< what its capability registers offer
  bool ats = true, pri = true, pasid = true, acs = true;
  SriovConfig sriov;
  static const base::Fields<FunctionConfig>& fields();
};

/// A device's functions and what serving them takes.
struct DeviceConfig {
  std::vector<FunctionConfig> functions{FunctionConfig{}};  ///< physical ones, with function numbers 0, 1, ...
  base::Time config_latency;                                ///< from a configuration request to its completion
  base::Time reset_time = base::Time::ms(100);              ///< a function-level reset takes so long
  static const base::Fields<DeviceConfig>& fields();
};

/// Routing ID of virtual function `n` (1 and up): PF + First VF Offset + (n - 1) x VF Stride, 16 bits, the carry
/// dropped (PCIe 5.0 section 9.2.1.2). It may lie on a further bus; on the same bus it may have any number up to 255:
/// the port above forwards as ARI does (section 6.13), not only device 0.
constexpr base::Bdf vf_routing_id(base::Bdf pf, const SriovConfig& sriov, unsigned n) {
  return base::Bdf(static_cast<std::uint16_t>(pf.value() + sriov.first_vf_offset + (n - 1) * sriov.vf_stride));
}

/// A function by its place: physical ones first, then the virtual ones of the first, of the second, ...
struct FunctionPlace {
  base::Bdf bdf;
  bool is_virtual = false;
  unsigned physical = 0;  ///< its physical function, or itself
  unsigned vf = 0;        ///< 1 and up for virtual ones
};
/// All functions of a device whose function 0 is `first`.
std::vector<FunctionPlace> places_of(base::Bdf first, const DeviceConfig& config);

}  // namespace iommusim::pcie
