// What follows from who is behind whom: bus numbers, requester IDs, IOMMU groups, and what is wrong with a description.
#include "platforms/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/bdf.h"
#include "models/base/config/config.h"
#include "models/base/error.h"
#include "platforms/config/platform_config.h"

namespace iommusim::platforms {
namespace {

using ::testing::HasSubstr;

struct Description {
  PlatformConfig platform;
  static const base::Fields<Description>& fields() {
    static const auto f =
        base::Fields<Description>("test", "a machine").object("platform", &Description::platform, "machine");
    return f;
  }
};

PlatformConfig parse(const std::string& platform) {
  return base::parse_config<Description>("schema: 1\nplatform:\n  iommu: {architecture: {type: vtd}}\n" + platform)
      .platform;
}
Topology tree(const std::string& platform) { return topology_of(parse(platform)); }
std::string error_of(const std::string& platform) {
  try {
    parse(platform);
  } catch (const base::UserError& e) {
    return e.what();
  }
  return "";
}
std::string bdf(const Topology& t, const std::string& function) { return base::to_text(t.find(function)->bdf); }
unsigned group(const Topology& t, const std::string& function) { return t.find(function)->group; }

const char* const kTree = R"(
  switches:
    - {name: sw0}
    - {name: sw1, behind: sw0}
  endpoints:
    - {name: a, behind: sw0}
    - {name: b, behind: sw1}
    - {name: c, behind: sw1}
    - {name: d}
)";

TEST(Topology, BusesAreNumberedDepthFirst) {
  const Topology t = tree(kTree);
  // sw0: bus 1, its downstream ports bus 2. a hangs from its port 0, sw1 from port 1 if made first: order of the tree.
  const auto& sw0 = t.nodes[t.roots[0]];
  EXPECT_EQ("sw0", sw0.name);
  EXPECT_EQ(1u, sw0.first_bus);
  EXPECT_EQ("01:00.0", base::to_text(sw0.bdf));
  EXPECT_EQ(7u, sw0.last_bus);
  EXPECT_EQ("03:00.0", base::to_text(t.nodes[sw0.below[0]].bdf)) << t.nodes[sw0.below[0]].name;
  EXPECT_EQ("08:00.0", bdf(t, "d"));
  for (const TopologyNode& node : t.nodes) {
    EXPECT_LE(node.first_bus, node.last_bus);
    if (!node.above) continue;
    const TopologyNode& above = t.nodes[*node.above];
    EXPECT_LT(above.first_bus + 1, node.first_bus) << "one bus for the link, one for the ports";
    EXPECT_LE(node.last_bus, above.last_bus);
  }
}

TEST(Topology, NoTwoPortsOfASwitchShareABus) {
  const Topology t = tree(kTree);
  for (const TopologyNode& node : t.nodes) {
    for (std::size_t i = 1; i < node.below.size(); ++i)
      EXPECT_LT(t.nodes[node.below[i - 1]].last_bus, t.nodes[node.below[i]].first_bus);
  }
}

TEST(Topology, ANumberWrittenDownAtARootPortIsTakenAsItIs) {
  const Topology t = tree("  endpoints: [{name: a, bdf: \"00:03.0\"}, {name: b}, {name: c, bdf: \"05:00.1\"}]\n");
  EXPECT_EQ("00:03.0", bdf(t, "a"));
  EXPECT_EQ("06:00.0", bdf(t, "b"));
  EXPECT_EQ("05:00.1", bdf(t, "c"));
  EXPECT_EQ(1u, t.root_port_of(1));
}

TEST(Topology, ANumberBehindASwitchIsTakenIfItKeepsTheOrder) {
  const Topology t = tree(
      "  switches: [{name: sw0}]\n  endpoints: [{name: a, behind: sw0, bdf: \"10:00.0\"}, {name: b, behind: sw0}]\n");
  EXPECT_EQ("10:00.0", bdf(t, "a"));
  EXPECT_EQ("11:00.0", bdf(t, "b"));
  EXPECT_THAT(error_of("  switches: [{name: sw0}]\n  endpoints: [{name: a, behind: sw0, bdf: \"02:00.0\"}]\n"),
              HasSubstr("endpoints[0].bdf: bus 02 belongs to something above or before 'a'"));
}

TEST(Topology, FunctionsAndVirtualFunctionsHaveRoutingIdsOfTheirOwn) {
  const Topology t = tree(
      "  endpoints: [{name: nic, device: {functions: [{sriov: {vfs: 3, first_vf_offset: 16, vf_stride: 2}}, {}]}}, "
      "{name: m}]\n");
  EXPECT_EQ("01:00.0", bdf(t, "nic"));
  EXPECT_EQ("01:00.1", bdf(t, "nic.f1"));
  EXPECT_EQ("01:02.0", bdf(t, "nic.vf0"));
  EXPECT_EQ("01:02.4", bdf(t, "nic.vf2"));
  EXPECT_EQ(4u, t.find("nic.vf2")->number);
  EXPECT_EQ("02:00.0", bdf(t, "m"));
}

TEST(Topology, VirtualFunctionsMayReachIntoFurtherBuses) {
  const Topology t = tree(
      "  endpoints: [{name: nic, device: {functions: [{sriov: {vfs: 64, first_vf_offset: 8, vf_stride: 8}}]}}, {name: "
      "m}]\n");
  EXPECT_EQ("03:00.0", bdf(t, "nic.vf63"));
  EXPECT_EQ("04:00.0", bdf(t, "m"));
}

TEST(Topology, DevicesBehindABridgeAppearAsTheBridgesAlias) {
  const Topology t =
      tree("  bridges: [{name: pci}]\n  endpoints: [{name: a, behind: pci}, {name: b, behind: pci}, {name: c}]\n");
  EXPECT_EQ("02:00.0", bdf(t, "a"));
  EXPECT_EQ("02:01.0", bdf(t, "b"));
  EXPECT_EQ("02:00.0", base::to_text(t.find("b")->requester));
  EXPECT_EQ(group(t, "a"), group(t, "b")) << "the remapping unit cannot tell them apart";
  EXPECT_NE(group(t, "a"), group(t, "c"));
}

TEST(Topology, ASwitchThatIsolatesGivesEachEndpointAGroup) {
  const Topology t = tree(kTree);
  EXPECT_EQ(4u, t.groups);
  EXPECT_NE(group(t, "b"), group(t, "c"));
}

TEST(Topology, BehindASwitchWithoutAccessControlAllShareAGroup) {
  const Topology t = tree(
      "  switches: [{name: sw0}, {name: sw1, behind: sw0, isolate: false}]\n"
      "  endpoints: [{name: a, behind: sw0}, {name: b, behind: sw1}, {name: c, behind: sw1, device: {functions: [{}, "
      "{}]}}]\n");
  EXPECT_EQ(group(t, "b"), group(t, "c"));
  EXPECT_EQ(group(t, "b"), group(t, "c.f1"));
  EXPECT_NE(group(t, "a"), group(t, "b")) << "sw0 redirects what comes from sw1";
}

TEST(Topology, OnePortWithoutAccessControlOpensItsSwitch) {
  const Topology t = tree(R"(
  switches: [{name: sw0, isolate: false}]
  endpoints:
    - {name: a, behind: sw0}
    - {name: b, behind: sw0, port: {acs: {source_validation: true, p2p_request_redirect: true, p2p_completion_redirect: true, upstream_forwarding: true}}}
)");
  EXPECT_EQ(group(t, "a"), group(t, "b")) << "a reaches b, although b does not reach a";
}

TEST(Topology, WhatLeadsNowhereIsAnError) {
  EXPECT_THAT(error_of("  endpoints: [{name: a, behind: sw}]\n"),
              HasSubstr("endpoints[0].behind: the platform has no switch or bridge 'sw'. It has none at all"));
  EXPECT_THAT(error_of("  switches: [{name: sw0}]\n  endpoints: [{name: a, behind: sw1}, {name: b, behind: sw0}]\n"),
              HasSubstr("Did you mean 'sw0'?"));
  EXPECT_THAT(
      error_of("  switches: [{name: s0, behind: s1}, {name: s1, behind: s0}]\n  endpoints: [{name: a, behind: s1}]\n"),
      HasSubstr("'s0' is behind 's1', which does not lead to a root port"));
  EXPECT_THAT(error_of("  switches: [{name: sw0}]\n"), HasSubstr("nothing is behind 'sw0'"));
  EXPECT_THAT(
      error_of("  bridges: [{name: pci}]\n  endpoints: [{name: a, behind: pci, device: {functions: [{}, {}]}}]\n"),
      HasSubstr("has one function here"));
}

}  // namespace
}  // namespace iommusim::platforms
