#include "models/base/config/fields.h"
#include "models/pcie/switch.h"

namespace iommusim::pcie {

const base::Fields<SwitchPortConfig>& SwitchPortConfig::fields() {
  using C = SwitchPortConfig;
  static const auto f =
      base::Fields<C>("switch_port", "Downstream port of a switch")
          .field("weight", &C::weight,
                 "TLPs of this port in a round of each egress port's arbitration; equal weights are round robin")
          .range(1, 256)
          .object("acs", &C::acs, "Access control of requests that come by this port");
  return f;
}

const base::Fields<SwitchConfig>& SwitchConfig::fields() {
  using C = SwitchConfig;
  static const auto f =
      base::Fields<C>("switch", "PCIe switch, but for its ports")
          .field("mode", &C::mode,
                 "A TLP goes on when its header is there (cut_through), or when its last byte is (store_and_forward)",
                 {{"cut_through", ForwardMode::cut_through}, {"store_and_forward", ForwardMode::store_and_forward}})
          .field("latency", &C::latency,
                 "From there until it stands at the egress port: routing, fabric and both ports' layers")
          .range("0 ns", "10 us")
          .source("product brief of the PEX 8747 (Gen3): 100 ns from x16 to x16, cut-through; PEX 8647 (Gen2): 140 ns")
          .object("buffer", &C::buffer,
                  "Receive buffer of every port and virtual channel. By default 8 KiB of posted requests and of "
                  "completions, which fills a Gen3 x16 link over a round trip of 500 ns; an assumption, as vendors do "
                  "not publish what they advertise.")
          .field("upstream_weight", &C::upstream_weight,
                 "Weight of the upstream port where it competes with peers for a downstream port")
          .range(1, 256);
  return f;
}

}  // namespace iommusim::pcie
