#include "platforms/config/switch_use_config.h"

#include "platforms/config/endpoint_config.h"

namespace iommusim::platforms {

const char* const kBehindHelp = "Switch or bridge it is linked to; empty: a root port of its own";
const char* const kPortHelp =
    "Downstream port of the switch it is behind: weight and access control. Of no effect at a root port";

namespace {

template <class C>
base::Fields<C> common_fields(const char* name, const char* help) {
  return base::Fields<C>(name, help)
      .field("name", &C::name, "Name in results and references")
      .required()
      .field("behind", &C::behind, kBehindHelp)
      .object("port", &C::port, kPortHelp)
      .object("link", &C::link, "Link to the port above")
      .check([](const C& c, base::Report& r) {
        if (!is_name(c.name)) r.error("name", kNameRule);
      });
}

}  // namespace

const base::Fields<SwitchUseConfig>& SwitchUseConfig::fields() {
  static const auto f =
      common_fields<SwitchUseConfig>("switch_use", "PCIe switch of a platform")
          .field("isolate", &SwitchUseConfig::isolate,
                 "Its downstream ports have the access control that Linux turns on where there is an IOMMU: "
                 "source validation, request and completion redirect, upstream forwarding. Without it "
                 "endpoints behind the switch reach each other past the IOMMU and share an IOMMU group")
          .object("settings", &SwitchUseConfig::settings, "What kind of switch it is");
  return f;
}

const base::Fields<BridgeUseConfig>& BridgeUseConfig::fields() {
  static const auto f = common_fields<BridgeUseConfig>("bridge_use", "Bridge from PCIe to conventional PCI")
                            .object("settings", &BridgeUseConfig::settings, "What kind of bridge it is");
  return f;
}

}  // namespace iommusim::platforms
