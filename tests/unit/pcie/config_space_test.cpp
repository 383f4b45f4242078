#include "models/pcie/config_space.h"

#include <gtest/gtest.h>

#include <map>

namespace iommusim::pcie {
namespace {

using base::Bytes;
using base::Hpa;
using Kind = ConfigSpace::Kind;

FunctionConfig with_vfs(unsigned vfs) {
  FunctionConfig c;
  c.vendor_id = 0x8086;
  c.device_id = 0x10fb;
  c.class_code = 0x020000;
  c.sriov.vfs = vfs;
  return c;
}

// Walks the list of extended capabilities: ID to offset.
std::map<unsigned, unsigned> extended(const ConfigSpace& s) {
  std::map<unsigned, unsigned> found;
  for (unsigned at = 0x100; at != 0;) {
    const std::uint32_t header = s.read(static_cast<std::uint16_t>(at), 4);
    found[header & 0xffff] = at;
    at = header >> 20;
  }
  return found;
}

TEST(ConfigSpace, IdentifiesTheFunction) {
  const ConfigSpace s(with_vfs(0), Kind::physical, true);
  EXPECT_EQ(0x10fb8086u, s.read(cfg::vendor_id, 4));
  EXPECT_EQ(0x0200u, s.read(cfg::class_code + 2, 2));
  EXPECT_EQ(0x80u, s.read(cfg::header_type, 1)) << "type 0, multi-function";
  EXPECT_EQ(0x10u, s.read(cfg::status, 2)) << "has a capabilities list";
}

TEST(ConfigSpace, ListsItsCapabilities) {
  const ConfigSpace s(with_vfs(4), Kind::physical, false);
  EXPECT_EQ(cfg::express, s.read(cfg::capabilities, 1));
  EXPECT_EQ(0x10u, s.read(cfg::express, 1));
  EXPECT_EQ(cfg::msix, s.read(cfg::express + 1, 1));
  EXPECT_EQ(0x11u, s.read(cfg::msix, 1));
  EXPECT_EQ(0u, s.read(cfg::msix + 1, 1));
  const std::map<unsigned, unsigned> expected{{0x0d, cfg::acs}, {0x0e, cfg::ari},   {0x0f, cfg::ats},
                                              {0x13, cfg::pri}, {0x1b, cfg::pasid}, {0x10, cfg::sriov}};
  EXPECT_EQ(expected, extended(s));
}

TEST(ConfigSpace, OfAVirtualFunctionHasNoIdentityAndFewerCapabilities) {
  const ConfigSpace s(with_vfs(4), Kind::virtual_function, true);
  EXPECT_EQ(0xffffffffu, s.read(cfg::vendor_id, 4));
  EXPECT_EQ(0u, s.read(cfg::header_type, 1));
  const std::map<unsigned, unsigned> expected{{0x0d, cfg::acs}, {0x0e, cfg::ari}, {0x0f, cfg::ats}};
  EXPECT_EQ(expected, extended(s));
}

TEST(ConfigSpace, WritesChangeWhatIsWritableOnly) {
  ConfigSpace s(with_vfs(0), Kind::physical, false);
  s.write(cfg::vendor_id, 4, 0);
  EXPECT_EQ(0x10fb8086u, s.read(cfg::vendor_id, 4));
  s.write(cfg::command, 2, 0xffff);
  EXPECT_EQ(cfg::memory_space_enable | cfg::bus_master_enable, s.read(cfg::command, 2));
  ConfigSpace vf(with_vfs(0), Kind::virtual_function, false);
  vf.write(cfg::command, 2, 0xffff);
  EXPECT_EQ(cfg::bus_master_enable, vf.read(cfg::command, 2)) << "Memory Space Enable is the physical function's";
  vf.write(cfg::device_control, 2, 0x7fff);
  EXPECT_EQ(0u, vf.read(cfg::device_control, 2));
}

TEST(ConfigSpace, IsOffAfterResetAndOnAfterFirmware) {
  ConfigSpace s(with_vfs(4), Kind::physical, false);
  EXPECT_FALSE(s.bus_master_enabled() || s.memory_space_enabled() || s.vfs_enabled() || s.ats_enabled() ||
               s.pri_enabled() || s.pasid_enabled() || s.msix_enabled());
  EXPECT_EQ(Bytes(128), s.mps());
  EXPECT_EQ(Bytes(512), s.mrrs());
  EXPECT_EQ(5u, s.tag_bits());
  s.enable(Bytes(256), Bytes(1024));
  EXPECT_TRUE(s.bus_master_enabled() && s.memory_space_enabled() && s.vfs_enabled() && s.vf_memory_space_enabled() &&
              s.ats_enabled() && s.pri_enabled() && s.pasid_enabled() && s.msix_enabled());
  EXPECT_EQ(4u, s.num_vfs());
  EXPECT_EQ(Bytes(256), s.mps());
  EXPECT_EQ(Bytes(1024), s.mrrs());
  EXPECT_EQ(14u, s.tag_bits());
  EXPECT_TRUE(s.relaxed_ordering_enabled());
}

TEST(ConfigSpace, TagWidthFollowsItsEnables) {
  ConfigSpace s(with_vfs(0), Kind::physical, false);
  s.write(cfg::device_control, 2, cfg::extended_tag_enable);
  EXPECT_EQ(8u, s.tag_bits());
  s.write(cfg::device_control2, 2, cfg::ten_bit_tag_enable);
  EXPECT_EQ(14u, s.tag_bits());
  FunctionConfig narrow;
  narrow.tag_bits = 8;
  ConfigSpace n(narrow, Kind::physical, false);
  n.write(cfg::device_control2, 2, cfg::ten_bit_tag_enable);
  EXPECT_EQ(5u, n.tag_bits()) << "not offered, so not writable";
}

TEST(ConfigSpace, AResetKeepsMaxPayloadSizeOnly) {
  ConfigSpace s(with_vfs(4), Kind::physical, false);
  s.set_bar(0, Hpa(0x380000000000), 0x10000);
  s.enable(Bytes(512), Bytes(4096));
  s.reset();
  EXPECT_EQ(Bytes(512), s.mps());
  EXPECT_EQ(Bytes(512), s.mrrs());
  EXPECT_FALSE(s.bus_master_enabled() || s.memory_space_enabled() || s.vfs_enabled());
  EXPECT_EQ(Hpa(0), s.bar(0));
}

TEST(ConfigSpace, ABaseAddressRegisterTellsItsSize) {
  ConfigSpace s(with_vfs(0), Kind::physical, false);
  s.set_bar(2, Hpa(0x380000000000), 0x200000);
  EXPECT_EQ(Hpa(0x380000000000), s.bar(2));
  const std::uint16_t bar = cfg::bar0 + 8;
  s.write(bar, 4, 0xffffffff);
  s.write(bar + 4, 4, 0xffffffff);
  EXPECT_EQ(0xffe0000cu, s.read(bar, 4)) << "2 MiB, 64-bit, prefetchable";
  EXPECT_EQ(0xffffffffu, s.read(bar + 4, 4));
}

TEST(ConfigSpace, InitiateResetIsReportedAndReadsAsZero) {
  ConfigSpace s(with_vfs(0), Kind::physical, false);
  EXPECT_TRUE(s.write(cfg::device_control, 2, cfg::initiate_flr));
  EXPECT_EQ(0u, s.read(cfg::device_control, 2) & cfg::initiate_flr);
  EXPECT_FALSE(s.write(cfg::device_control, 2, 0));
}

TEST(ConfigSpace, NumVfsIsFixedWhileVirtualFunctionsAreEnabledAndNeverAboveTotal) {
  ConfigSpace s(with_vfs(4), Kind::physical, false);
  s.write(cfg::sriov_num_vfs, 2, 9);
  EXPECT_EQ(4u, s.num_vfs());
  s.write(cfg::sriov_num_vfs, 2, 3);
  s.write(cfg::sriov_control, 2, cfg::vf_enable);
  s.write(cfg::sriov_num_vfs, 2, 1);
  EXPECT_EQ(3u, s.num_vfs());
}

TEST(ConfigSpace, ReadsNothingAsZero) {
  const ConfigSpace s(with_vfs(0), Kind::physical, false);
  EXPECT_EQ(0u, s.read(0xffc, 4));
}

}  // namespace
}  // namespace iommusim::pcie
