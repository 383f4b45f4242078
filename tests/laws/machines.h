// The machine that the laws are tested on, with what differs from law to law.
#pragma once

#include "tests/support/machine.h"

namespace iommusim::test {

/// One endpoint `a` at work. `traffic`: the keys of its workload's traffic; `domain`: its type, or "none" for a machine
/// without IOMMU.
inline std::string machine_with(const std::string& traffic, const std::string& domain = "DMA",
                                const std::string& buffer = "size: 4 MiB", const std::string& unit = "") {
  return std::string("schema: 1\nplatform:\n") +
         "  root_complex: {request_latency: 90 ns, completion_latency: 80 ns}\n"
         "  endpoints: [{name: a, bdf: \"01:00.0\", link: {propagation: 3 ns}, dma: {tags: 24, issue_latency: 20 ns, "
         "completion_latency: 30 ns}}]\n"
         "  iommu:\n" +
         "    present: " + (domain == "none" ? "false" : "true") + "\n    architecture: {type: vtd}\n    unit: {" +
         unit +
         "}\n    driver: {max_page: 4 KiB}\n"
         "workloads:\n  - endpoint: a\n    domain: {type: " +
         (domain == "none" ? "DMA" : domain) + "}\n    buffer: {" + buffer + "}\n    traffic: {type: generator, " +
         traffic + "}\n";
}

/// Random reads and writes of one TLP each, of the sizes given as the keys of `size`.
inline std::string mixed(const std::string& reads = "50 %", const std::string& size = "type: fixed, bytes: 64 B") {
  return "streams: [{reads: " + reads + ", pattern: {type: random}, size: {" + size + "}}]";
}

}  // namespace iommusim::test
