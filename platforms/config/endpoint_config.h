// A PCIe endpoint of a platform: who it is, its link, its DMA engine, its registers.
#pragma once

#include <string>

#include "models/base/config/config.h"
#include "models/endpoints/device_memory.h"
#include "models/endpoints/dma_engine_config.h"
#include "models/pcie/flow_control.h"
#include "models/pcie/function_config.h"
#include "models/pcie/link_config.h"
#include "models/pcie/switch.h"

namespace iommusim::platforms {

/// "Whatever its place in the tree gives."
constexpr base::Bdf kAutoBdf{0xffff};

struct EndpointConfig {
  std::string name;
  base::Bdf bdf = kAutoBdf;
  std::string behind;  ///< switch or bridge; empty: a root port of its own
  pcie::SwitchPortConfig port;
  pcie::DeviceConfig device;
  base::Bytes bar_size{65536};
  base::Hpa bar;  ///< 0: placed in the window of address_map
  ep::DeviceMemoryConfig memory;
  pcie::LinkConfig link;
  pcie::ReceiveBuffer buffer{{64, base::Bytes(4096)}, {64, base::Bytes(1024)}, {}};
  ep::DmaEngineConfig dma;
  static const base::Fields<EndpointConfig>& fields();
};

/// True for text that can name a module and a metric: a small letter, then small letters, digits and underscores, 32 at
/// most.
bool is_name(const std::string& text);
/// What to say when it is not.
extern const char* const kNameRule;

}  // namespace iommusim::platforms
