#include "models/base/config/fields.h"
#include "models/pcie/bridge.h"

namespace iommusim::pcie {

const base::Fields<BridgeConfig>& BridgeConfig::fields() {
  using C = BridgeConfig;
  static const auto f =
      base::Fields<C>("bridge", "PCIe-to-PCI bridge and the conventional PCI bus behind it")
          .field("clock_mhz", &C::clock_mhz, "Clock of the bus: 33 or 66, that is 100/3 or 200/3 MHz")
          .range(33, 66)
          .field("width_bits", &C::width_bits, "Data lines of the bus: 32 or 64")
          .range(32, 64)
          .field("setup_clocks", &C::setup_clocks,
                 "Clocks of a transaction without data: arbitration, address, target's first answer, turnaround")
          .range(1, 256)
          .source(
              "assumption: address 1, medium decode 2, first data 1, turnaround 1, arbitration 1 (PCI 3.0 chapter 3)")
          .field("latency", &C::latency, "From the end of a transaction on the bus to the link's queue, and back")
          .range("0 ns", "10 us")
          .source("assumption: about ten clocks of a 33 MHz bus")
          .object("buffer", &C::buffer,
                  "Receive buffer of its PCIe side. Completions are not limited: it asks for what it has room for.")
          .check([](const C& c, base::Report& r) {
            if (c.clock_mhz != 33 && c.clock_mhz != 66) r.error("clock_mhz", "a conventional PCI bus has 33 or 66 MHz");
            if (c.width_bits != 32 && c.width_bits != 64) r.error("width_bits", "a PCI bus has 32 or 64 data lines");
          });
  return f;
}

}  // namespace iommusim::pcie
