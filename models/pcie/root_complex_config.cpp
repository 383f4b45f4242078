#include "models/base/config/fields.h"
#include "models/pcie/root_complex.h"

namespace iommusim::pcie {

const base::Fields<RootComplexConfig>& RootComplexConfig::fields() {
  using C = RootComplexConfig;
  static const auto f =
      base::Fields<C>("root_complex", "Root ports, the same for every link")
          .field("request_latency", &C::request_latency,
                 "DMA request: from its last byte at the root port to the host side")
          .range("0 ns", "10 us")
          .field("completion_latency", &C::completion_latency,
                 "DMA completion: from the host side to the root port's link")
          .range("0 ns", "10 us")
          .field("mmio_request_latency", &C::mmio_request_latency,
                 "CPU request: from the host side to the root port's link")
          .range("0 ns", "10 us")
          .field("mmio_completion_latency", &C::mmio_completion_latency,
                 "Completion of a CPU read: from the root port to the host side")
          .range("0 ns", "10 us")
          .object(
              "buffer", &C::buffer,
              "Receive buffer of each root port. Posted requests stay until they are visible, by default 128 of 64 "
              "bytes: F&S (SOSP 2024) finds about 100 posted cache lines per host. Non-posted requests leave for the "
              "host side at once, so their number hardly matters. Completions are not limited.")
          .object("acs", &C::acs,
                  "Access control of each root port. Requests to peers always go to the host side, that is through the "
                  "remapping unit, as with redirect and upstream forwarding on.");
  return f;
}

}  // namespace iommusim::pcie
