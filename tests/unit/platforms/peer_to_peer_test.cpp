// Peer-to-peer DMA in a whole machine: which way it takes, and what the remapping unit sees of it.
#include <gtest/gtest.h>

#include "tests/support/machine.h"

namespace iommusim::platforms {
namespace {

using test::Machine;

std::string machine(const std::string& isolate, const std::string& domain, const std::string& reads = "50 %") {
  return R"(schema: 1
platform:
  iommu: {architecture: {type: vtd}}
  switches: [{name: sw0, isolate: )" +
         isolate + R"(}]
  endpoints:
    - {name: nic, behind: sw0}
    - {name: gpu, behind: sw0, memory: {size: 16 MiB}}
    - {name: other, memory: {size: 1 MiB}}
workloads:
  - endpoint: nic
    domain: {type: )" +
         domain + R"(}
    buffer: {size: 1 MiB, peer: gpu}
    traffic: {type: generator, count: 300, write_done: visible, window: 8, streams: [{reads: )" +
         reads +
         R"(, pattern: {type: random}, size: {type: fixed, bytes: 512 B}}]}
)";
}

void run(Machine& m) {
  m.finish();
  EXPECT_EQ(300u, m.count("nic.dma.reads") + m.count("nic.dma.writes"));
  EXPECT_EQ(
      0u, m.count("nic.dma.failed_unsupported") + m.count("nic.dma.failed_abort") + m.count("nic.dma.dropped_writes"));
  EXPECT_EQ(0u, m.count("memory.dma.reads") + m.count("memory.dma.writes")) << "main memory has no part in it";
}

TEST(PeerToPeer, BehindASwitchWithoutAccessControlItNeverReachesTheRootPort) {
  Machine m(machine("false", "DMA"));
  run(m);
  EXPECT_EQ(0u, m.count("sw0.link.up.requests"));
  EXPECT_EQ(0u, m.count("iommu.requests"));
  EXPECT_GE(m.count("gpu.link.down.requests"), 300u);
}

TEST(PeerToPeer, RedirectedItIsTranslatedAndComesDownAgain) {
  Machine m(machine("true", "DMA"));
  run(m);
  EXPECT_GE(m.count("sw0.link.up.requests"), 300u);
  EXPECT_EQ(m.count("sw0.link.up.requests"), m.count("gpu.link.down.requests"));
  EXPECT_EQ(m.count("sw0.link.up.requests"), m.count("iommu.requests"));
}

TEST(PeerToPeer, RedirectedUnderPassthroughItUsesThePhysicalAddress) {
  Machine m(machine("true", "identity"));
  run(m);
  EXPECT_EQ(m.count("sw0.link.up.requests"), m.count("gpu.link.down.requests"));
}

TEST(PeerToPeer, WithoutARemappingUnitNobodyTurnsAccessControlOn) {
  Machine m(machine("true", "identity"), {"platform.iommu.present=false"});
  run(m);
  EXPECT_EQ(m.count("sw0.link.up.requests"), 0u);
}

TEST(PeerToPeer, WithoutARemappingUnitTheRootComplexSendsItDownAgain) {
  Machine m(machine("true", "identity"),
            {"platform.iommu.present=false", "platform.endpoints[0].port.acs.p2p_request_redirect=true",
             "platform.endpoints[0].port.acs.upstream_forwarding=true"});
  run(m);
  EXPECT_EQ(m.count("sw0.link.up.requests"), m.count("gpu.link.down.requests"));
}

TEST(PeerToPeer, WhatAccessControlDropsIsNotCountedAsDone) {
  Machine m(machine("false", "identity"), {"platform.endpoints[0].port.acs.p2p_egress_control=true",
                                           "platform.endpoints[0].port.acs.egress_blocked=[1]"});
  m.finish();
  EXPECT_EQ(0u, m.count("nic.dma.reads") + m.count("nic.dma.writes"));
  EXPECT_EQ(300u, m.count("nic.dma.failed_abort") + m.count("nic.dma.dropped_writes"));
}

TEST(PeerToPeer, ReachesAcrossTwoDeepTrees) {
  std::string yaml = "schema: 1\nplatform:\n  iommu: {architecture: {type: vtd}}\n  switches:\n";
  for (const std::string tree : {"a", "b"}) {
    for (unsigned i = 0; i < 12; ++i) {
      yaml += "    - {name: " + tree + std::to_string(i);
      if (i > 0) yaml += ", behind: " + tree + std::to_string(i - 1);
      yaml += "}\n";
    }
  }
  yaml += R"(  endpoints:
    - {name: nic, behind: a11}
    - {name: gpu, behind: b11, memory: {size: 1 MiB}}
workloads:
  - endpoint: nic
    domain: {type: DMA}
    buffer: {size: 1 MiB, peer: gpu}
    traffic: {type: generator, count: 50, write_done: visible, streams: [{reads: 50 %, pattern: {type: random}, size: {type: fixed, bytes: 64 B}}]}
)";
  Machine m(yaml);
  m.finish();
  EXPECT_EQ(50u, m.count("nic.dma.reads") + m.count("nic.dma.writes"));
}

TEST(PeerToPeer, AcrossRootPortsItGoesThroughTheRemappingUnit) {
  Machine m(machine("false", "DMA"), {"workloads[0].buffer.peer=other"});
  run(m);
  EXPECT_EQ(m.count("sw0.link.up.requests"), m.count("other.link.down.requests"));
  EXPECT_EQ(m.count("iommu.requests"), m.count("other.link.down.requests"));
}

TEST(PeerToPeer, TheDirectWayIsFaster) {
  Machine direct(machine("false", "DMA", "1"));
  run(direct);
  EXPECT_LT(direct.number("nic.dma.read.latency", "mean"), 1.5e6) << "ps";
}

}  // namespace
}  // namespace iommusim::platforms
