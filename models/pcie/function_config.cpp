#include "models/pcie/function_config.h"

#include <algorithm>
#include <set>
#include <string>

#include "models/base/bdf.h"
#include "models/base/config/fields.h"

namespace iommusim::pcie {

const base::Fields<SriovConfig>& SriovConfig::fields() {
  using C = SriovConfig;
  static const auto f =
      base::Fields<C>("sriov", "Virtual functions of a physical function (PCIe 5.0 section 9.3.3)")
          .field("vfs", &C::vfs, "Virtual functions, all enabled at the start")
          .range(0, 4096)
          .field("first_vf_offset", &C::first_vf_offset,
                 "From the requester ID of the physical function to that of the first virtual one")
          .range(1, 65535)
          .field("vf_stride", &C::vf_stride, "From the requester ID of one virtual function to the next")
          .range(1, 65535);
  return f;
}

const base::Fields<FunctionConfig>& FunctionConfig::fields() {
  using C = FunctionConfig;
  static const auto f =
      base::Fields<C>("pcie_function", "A physical function: identity and capabilities in configuration space")
          .field("vendor_id", &C::vendor_id, "Vendor ID")
          .range(0, 0xfffe)
          .field("device_id", &C::device_id, "Device ID")
          .range(0, 0xffff)
          .field("class_code", &C::class_code, "Base class, subclass and interface, one byte each")
          .range(0, 0xffffff)
          .field("weight", &C::weight,
                 "Turns on the link against the device's other functions; its virtual ones have as many each")
          .range(1, 1024)
          .field("msix_vectors", &C::msix_vectors, "MSI-X vectors; 0: no MSI-X")
          .range(0, 2048)
          .field("tag_bits", &C::tag_bits, "Widest tags its capabilities offer: 5, 8, 10 or 14")
          .range(5, 14)
          .field("ats", &C::ats, "Has the ATS capability")
          .field("pri", &C::pri, "Has the page request capability")
          .field("pasid", &C::pasid, "Has the PASID capability")
          .field("acs", &C::acs, "Has the ACS capability")
          .object("sriov", &C::sriov, "Its virtual functions")
          .check([](const C& c, base::Report& r) {
            if (!is_tag_bits(c.tag_bits)) r.error("tag_bits", "must be 5, 8, 10 or 14");
          });
  return f;
}

const base::Fields<DeviceConfig>& DeviceConfig::fields() {
  using C = DeviceConfig;
  static const auto f =
      base::Fields<C>("pcie_device", "The functions of a device, and what serving them takes")
          .field("functions", &C::functions, "Physical functions, with function numbers from 0 on")
          .field("config_latency", &C::config_latency, "From a configuration request to its completion")
          .range("0 ns", "1 s")
          .field("reset_time", &C::reset_time, "A function is absent so long after a function-level reset")
          .range("0 ns", "100 ms")
          .source("PCIe 5.0 section 6.6.2: 100 ms at most, which is what software waits")
          .check([](const C& c, base::Report& r) {
            if (c.functions.empty() || c.functions.size() > 8) {
              r.error("functions", "must be 1 to 8 physical functions");
              return;
            }
            std::set<base::Bdf> taken;
            for (const FunctionPlace& p : places_of(base::Bdf(0), c)) {
              if (taken.insert(p.bdf).second) continue;
              r.error("functions[" + std::to_string(p.physical) + "].sriov",
                      "virtual function " + std::to_string(p.vf) +
                          " has the requester ID of another function: change first_vf_offset or vf_stride");
              return;
            }
          });
  return f;
}

std::vector<FunctionPlace> places_of(base::Bdf first, const DeviceConfig& config) {
  std::vector<FunctionPlace> places;
  const auto count = static_cast<unsigned>(config.functions.size());
  for (unsigned pf = 0; pf < count; ++pf)
    places.push_back({base::Bdf(static_cast<std::uint16_t>(first.value() + pf)), false, pf, 0});
  for (unsigned pf = 0; pf < count; ++pf) {
    const SriovConfig& sriov = config.functions[pf].sriov;
    for (unsigned n = 1; n <= sriov.vfs; ++n) places.push_back({vf_routing_id(places[pf].bdf, sriov, n), true, pf, n});
  }
  return places;
}

}  // namespace iommusim::pcie
