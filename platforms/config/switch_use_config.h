// A PCIe switch, or a bridge to conventional PCI, of a platform: what it is called, what it is behind, its link up.
#pragma once

#include <string>

#include "models/base/config/config.h"
#include "models/pcie/bridge.h"
#include "models/pcie/link_config.h"
#include "models/pcie/switch.h"

namespace iommusim::platforms {

struct SwitchUseConfig {
  std::string name;
  std::string behind;           ///< empty: a root port of its own
  pcie::SwitchPortConfig port;  ///< of the switch above
  pcie::LinkConfig link;
  bool isolate = true;  ///< its downstream ports: AcsConfig::isolating(), besides what their own `port` says
  pcie::SwitchConfig settings;
  static const base::Fields<SwitchUseConfig>& fields();
};

struct BridgeUseConfig {
  std::string name;
  std::string behind;
  pcie::SwitchPortConfig port;
  pcie::LinkConfig link;
  pcie::BridgeConfig settings;
  static const base::Fields<BridgeUseConfig>& fields();
};

/// Help texts of keys that all members of the tree have.
extern const char* const kBehindHelp;
extern const char* const kPortHelp;

}  // namespace iommusim::platforms
