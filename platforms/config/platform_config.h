// A whole machine: memory, cores, interconnect, IOMMU, endpoints, and where each of them lies in the address map.
#pragma once

#include <vector>

#include "models/host/interrupt_region.h"
#include "models/memory/memory_config.h"
#include "models/pcie/root_complex.h"
#include "platforms/address_plan.h"
#include "platforms/config/address_map_config.h"
#include "platforms/config/core_config.h"
#include "platforms/config/endpoint_config.h"
#include "platforms/config/iommu_config.h"
#include "platforms/config/switch_use_config.h"
#include "platforms/topology.h"

namespace iommusim::platforms {

/// The `platform` section of a file.
struct PlatformConfig {
  mem::MemoryConfig memory;
  std::vector<CoreConfig> cores{CoreConfig{}};
  pcie::RootComplexConfig root_complex;
  unsigned io_node = 0;  ///< of memory.nodes: where root complex and IOMMU are
  host::InterruptRegionConfig interrupts;
  std::optional<IommuConfig> iommu;
  std::vector<SwitchUseConfig> switches;
  std::vector<BridgeUseConfig> bridges;
  std::vector<EndpointConfig> endpoints;
  AddressMapConfig address_map;
  static const base::Fields<PlatformConfig>& fields();

  /// True if there is an IOMMU on the path.
  bool has_iommu() const { return iommu && iommu->present; }
};

/// Name of the endpoint that a replay adds.
constexpr const char* kChipset = "chipset";
constexpr std::size_t kMaxEndpoints = 1024;
constexpr std::size_t kMaxCores = 255;  ///< APIC IDs of unremapped messages have 8 bits, 255 is broadcast

/// Physical memory for buffers: the largest DRAM range of a node. Of that of the IOMMU's node the last sixteenth (4 MiB
/// at least, half at most) holds what drivers allocate. Both are multiples of 4 KiB and not empty.
mem::MemoryRange buffer_range(const PlatformConfig& config, unsigned node);
mem::MemoryRange table_range(const PlatformConfig& config);

/// Registers of all functions of an endpoint together, a power of two: bar_size for each, in the order of functions.
base::Bytes register_window(const EndpointConfig& e);

/// Bytes of the window of an endpoint's memory, a power of two; 0 if it has none.
std::uint64_t memory_window(const EndpointConfig& e);

/// Outputs of the router, the targets of the address map.
enum RouterOutput : unsigned {
  to_memory,
  to_interrupts,
  to_root_complex,
  to_iommu_registers
};  // then other nodes' memory

/// The address map that follows from a description; `target` of each range is a RouterOutput. Ranges are named
/// "memory.ranges[0]", "interrupts", "iommu.registers", "nfp.bar", "nfp.memory", "ecam". BARs without an address get
/// one in the window, in order of endpoints; one that finds no room is left out and its setting added to `homeless`.
AddressPlan address_plan_of(const PlatformConfig& config, std::vector<std::string>* homeless = nullptr);

}  // namespace iommusim::platforms
