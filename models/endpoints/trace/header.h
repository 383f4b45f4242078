// What holds for a whole trace: where it was recorded, behind which unit, with which devices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/endpoints/trace/record.h"

namespace iommusim::ep {

/// A device of the recorded machine.
struct TraceDevice {
  base::Bdf bdf;        ///< the function itself
  base::Bdf requester;  ///< what the unit sees: differs behind a PCIe-to-PCI bridge
  std::uint16_t vendor = 0, device = 0;
  std::uint16_t class_code = 0;           ///< PCI class and subclass, 0x0108 NVMe, 0x0200 Ethernet; 0 not known
  std::uint32_t group = 0;                ///< IOMMU group
  DomainType type = DomainType::unknown;  ///< domain type when the trace begins
  base::DomainId domain = no_domain;      ///< domain id of its first translated access, no_domain if it made none
};

enum class TraceIommu : std::uint8_t { none, vtd, virtio };

struct TraceHeader {
  static constexpr unsigned current_version = 1;
  unsigned version = current_version;
  std::string name;              ///< capture
  std::string kernel, recorder;  ///< versions: Linux release, QEMU version
  TraceIommu iommu = TraceIommu::none;
  unsigned page_mask_bits = 64;  ///< width of the recorder's page-selective mask: 8 for QEMU 7.2, 64 since the fix
  bool resets_recorded = true;   ///< the event list of the recorder surely included its full-IOTLB resets
  std::uint64_t unit_clock_start = 0;  ///< ns since 1970 of time 0
  std::vector<TraceDevice> devices;
};

/// The name of a domain type as Linux spells it; "unknown" for what is not one.
const char* domain_type_name(DomainType type);
DomainType domain_type_from(const std::string& name);

}  // namespace iommusim::ep
