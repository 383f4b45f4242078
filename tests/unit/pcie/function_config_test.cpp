#include "models/pcie/function_config.h"

#include <gtest/gtest.h>

#include "models/base/bdf.h"
#include "models/base/config/config.h"
#include "models/base/error.h"

namespace iommusim::pcie {
namespace {

SriovConfig sriov(unsigned vfs, unsigned offset, unsigned stride) {
  SriovConfig s;
  s.vfs = vfs;
  s.first_vf_offset = offset;
  s.vf_stride = stride;
  return s;
}

TEST(RoutingId, OfAVirtualFunctionIsOffsetAndStrideFromThePhysicalOne) {
  const base::Bdf pf = base::make_bdf(3, 0, 1);
  const SriovConfig s = sriov(4, 0x80, 2);
  EXPECT_EQ(base::make_bdf(3, 0x10, 1), vf_routing_id(pf, s, 1));
  EXPECT_EQ(base::make_bdf(3, 0x10, 3), vf_routing_id(pf, s, 2));
  EXPECT_EQ(base::make_bdf(3, 0x10, 7), vf_routing_id(pf, s, 4));
}

TEST(RoutingId, OfAVirtualFunctionMayLieOnAFurtherBus) {
  const SriovConfig s = sriov(300, 0x10, 1);
  EXPECT_EQ(base::make_bdf(3, 0x1f, 7), vf_routing_id(base::make_bdf(3, 0, 0), s, 0xf0));
  EXPECT_EQ(base::make_bdf(4, 0, 0), vf_routing_id(base::make_bdf(3, 0, 0), s, 0xf1));
}

TEST(RoutingId, DropsTheCarry) { EXPECT_EQ(base::Bdf(0x0010), vf_routing_id(base::Bdf(0xff90), sriov(1, 0x80, 1), 1)); }

TEST(Places, PhysicalFunctionsComeFirstThenTheVirtualOnesOfEach) {
  DeviceConfig c;
  c.functions.assign(2, FunctionConfig{});
  c.functions[0].sriov = sriov(2, 0x10, 2);
  c.functions[1].sriov = sriov(1, 0x10, 2);
  const auto places = places_of(base::make_bdf(5, 0, 0), c);
  ASSERT_EQ(5u, places.size());
  const unsigned ids[] = {0x500, 0x501, 0x510, 0x512, 0x511}, physical[] = {0, 1, 0, 0, 1}, vf[] = {0, 0, 1, 2, 1};
  for (unsigned i = 0; i < 5; ++i) {
    EXPECT_EQ(ids[i], places[i].bdf.value()) << i;
    EXPECT_EQ(i >= 2, places[i].is_virtual) << i;
    EXPECT_EQ(physical[i], places[i].physical) << i;
    EXPECT_EQ(vf[i], places[i].vf) << i;
  }
}

TEST(Tags, WidthsGiveTheNumbersOfTheSpecification) {
  EXPECT_EQ(32u, usable_tags(5));
  EXPECT_EQ(256u, usable_tags(8));
  EXPECT_EQ(768u, usable_tags(10));
  EXPECT_EQ(15360u, usable_tags(14));
  EXPECT_EQ(256u, first_tag(10));
  EXPECT_EQ(1024u, first_tag(14));
}

std::string error_of(const std::string& text) {
  try {
    base::parse_config<DeviceConfig>("schema: 1\n" + text + "\n");
  } catch (const base::ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(DeviceConfig, FunctionsOfOneRequesterIdAreAnError) {
  EXPECT_EQ("", error_of("functions: [{sriov: {vfs: 4, first_vf_offset: 1}}]"));
  EXPECT_NE(std::string::npos,
            error_of("functions: [{sriov: {vfs: 4, first_vf_offset: 2, vf_stride: 1}}, "
                     "{sriov: {vfs: 1, first_vf_offset: 1}}]")
                .find("virtual function 1 has the requester ID of another function: change first_vf_offset or "
                      "vf_stride"));
}

TEST(DeviceConfig, AFunctionHasFiveEightTenOrFourteenTagBits) {
  EXPECT_NE(std::string::npos, error_of("functions: [{tag_bits: 9}]").find("must be 5, 8, 10 or 14"));
}

}  // namespace
}  // namespace iommusim::pcie
