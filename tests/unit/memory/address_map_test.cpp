// Ranges of addresses and the router that follows them.
#include "models/interconnect/address_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/error.h"
#include "models/interconnect/router.h"
#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "tests/support/foreign_models.h"
#include "tests/support/own_models.h"

namespace iommusim::interconnect {
namespace {

using base::Time;
using namespace base::literals;
using test::OwnInitiator;
using test::OwnTarget;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AddressMapTest, FindsTheRangeThatHoldsTheWholeAccess) {
  AddressMap map;
  map.add({"high", RangeKind::dram, Hpa(0x10000), 4_KiB, 0});
  map.add({"low", RangeKind::bar, Hpa(0x1000), 4_KiB, 1});
  EXPECT_EQ(map.find(Hpa(0x1000))->name, "low");
  EXPECT_EQ(map.find(Hpa(0x1ff8), 8)->name, "low");
  EXPECT_EQ(map.find(Hpa(0x1ff9), 8), nullptr);
  EXPECT_EQ(map.find(Hpa(0x2000)), nullptr);
  EXPECT_EQ(map.find(Hpa(0xfff)), nullptr);
  EXPECT_EQ(map.find(Hpa(0x10fff))->name, "high");
  EXPECT_EQ(map.ranges().front().name, "low");
}

TEST(AddressMapTest, AnOverlapNamesBothRanges) {
  AddressMap map;
  map.add({"dram", RangeKind::dram, Hpa(0), 1_GiB, 0});
  try {
    map.add({"nic0 BAR 0", RangeKind::bar, Hpa(0x3ffff000), 8_KiB, 1});
    FAIL();
  } catch (const base::UserError& e) {
    EXPECT_STREQ(e.what(), "address range 'nic0 BAR 0' (0x3ffff000 to 0x40000fff) overlaps 'dram' (0x0 to 0x3fffffff)");
  }
  EXPECT_THROW(map.add({"empty", RangeKind::bar, Hpa(0x50000000), 0_B, 0}), base::UserError);
  EXPECT_THROW(map.add({"end", RangeKind::bar, Hpa(~std::uint64_t{0} - 4095), 8_KiB, 0}), base::UserError);
  map.add({"touching", RangeKind::bar, Hpa(0x40000000), 4_KiB, 0});
}

TEST(AddressMapTest, PrintsALinePerRange) {
  AddressMap map;
  map.add({"interrupts", RangeKind::interrupt, Hpa(0xfee00000), 1_MiB, 0});
  map.add({"dram", RangeKind::dram, Hpa(0), 2_GiB, 0});
  EXPECT_EQ(map.to_text(),
            "0x0000000000000000 - 0x000000007fffffff       2 GiB  dram       dram\n"
            "0x00000000fee00000 - 0x00000000feefffff       1 MiB  interrupt  interrupts\n");
}

struct Fabric {
  static AddressMap map() {
    AddressMap m;
    m.add({"memory", RangeKind::dram, Hpa(0), 64_KiB, 0});
    m.add({"registers", RangeKind::registers, Hpa(0x100000), 4_KiB, 1});
    return m;
  }
  tlm::Simulation s;
  OwnInitiator a{"a", s.context}, b{"b", s.context};
  tlm::ProtocolChecker link_a{"link_a"}, link_b{"link_b"}, link_memory{"link_memory"}, link_registers{"link_registers"};
  Router router{"router", s.context, map(), 2, 2};
  OwnTarget memory{"memory", s.context, Time::ns(20), Time::ns(5)};  // accepts a request every 5 ns
  OwnTarget registers{"registers", s.context, Time::ns(3)};
  Fabric() {
    a.port.bind(link_a.from_initiator);
    link_a.to_target.bind(router.input(0));
    b.port.bind(link_b.from_initiator);
    link_b.to_target.bind(router.input(1));
    router.output(0).bind(link_memory.from_initiator);
    link_memory.to_target.bind(memory.port);
    router.output(1).bind(link_registers.from_initiator);
    link_registers.to_target.bind(registers.port);
  }
  void expect_clean() {
    for (const auto* link : {&link_a, &link_b, &link_memory, &link_registers}) {
      EXPECT_THAT(link->violations(), IsEmpty());
      EXPECT_EQ(link->open(), 0u);
    }
    EXPECT_EQ(s.pool.live(), 0u) << s.pool.leak_report();
  }
};

std::vector<std::uint64_t> times(const OwnInitiator& i) {
  std::vector<std::uint64_t> out;
  for (const auto& d : i.done) out.push_back(d.at.ps());
  return out;
}

TEST(RouterTest, AddsNoTimeAndReturnsEachResponseToItsOwnInitiator) {
  Fabric f;
  f.a.read(0x40, 64, Time::ns(1));
  f.b.read(0x100000, 8, Time::ns(1));
  f.s.scheduler.run_until(Time::us(1));
  EXPECT_THAT(times(f.a), ElementsAre(26000u));
  EXPECT_THAT(times(f.b), ElementsAre(4000u));
  f.expect_clean();
}

TEST(RouterTest, HoldsARequestWhoseOutputIsTakenAndServesInOrderOfArrival) {
  Fabric f;
  f.a.read(0x40, 64, Time::ns(1));
  f.b.read(0x80, 64, Time::ns(1));
  f.a.read(0xc0, 64, Time::ns(2));
  f.b.read(0x100000, 8, Time::ns(2));  // behind b's held request
  f.s.scheduler.run_until(Time::us(1));
  EXPECT_THAT(times(f.a), ElementsAre(26000u, 36000u));
  EXPECT_THAT(times(f.b), ElementsAre(9000u, 31000u));
  f.expect_clean();
}

TEST(RouterTest, RefusesAnAddressThatNothingAnswersToInTheSamePicosecond) {
  Fabric f;
  f.a.read(0x200000, 8, Time::ns(7));
  f.a.read(0xfff8, 16, Time::ns(8));  // leaves its range
  f.s.scheduler.run_until(Time::us(1));
  EXPECT_THAT(times(f.a), ElementsAre(7000u, 8000u));
  EXPECT_EQ(f.a.done[0].status, ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(f.a.done[1].status, ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(f.router.unmapped(), 2u);
  f.expect_clean();
}

TEST(RouterTest, PassesDebugAccessesThrough) {
  Fabric f;
  f.s.scheduler.run_until(Time::ns(1));
  tlm::Payload& p = f.a.make(::tlm::TLM_READ_COMMAND, 0x40, 8);
  EXPECT_EQ(f.a.port.debug(p), 8u);
  p.set_address(0x300000);
  EXPECT_EQ(f.a.port.debug(p), 0u);
  EXPECT_EQ(p.get_response_status(), ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  p.release();
}

TEST(RouterTest, ServesForeignModelsOnBothSides) {
  tlm::Simulation s;
  using test::ForeignInitiator;
  using test::ForeignTarget;
  ForeignInitiator initiator("initiator", ForeignInitiator::Style::end_response_later, {2, ::sc_core::SC_NS});
  tlm::ProtocolChecker up("up"), down("down");
  AddressMap map;
  map.add({"memory", RangeKind::dram, Hpa(0), 64_KiB, 0});
  Router router("router", s.context, map, 1, 1);
  ForeignTarget target("target", ForeignTarget::Style::end_request_later, {40, ::sc_core::SC_NS}, {1, ::sc_core::SC_NS},
                       {6, ::sc_core::SC_NS});
  initiator.socket.bind(up.from_initiator);
  up.to_target.bind(router.input());
  router.output().bind(down.from_initiator);
  down.to_target.bind(target.socket);
  unsigned char out[8] = {1, 2, 3, 4, 5, 6, 7, 8}, in[8] = {};
  initiator.add(::tlm::TLM_WRITE_COMMAND, 0x100, out, 8);
  initiator.add(::tlm::TLM_READ_COMMAND, 0x100, in, 8);
  s.scheduler.run_until(Time::us(1));
  EXPECT_EQ(initiator.response_times.size(), 2u);
  EXPECT_EQ(std::memcmp(in, out, 8), 0);
  EXPECT_THAT(up.violations(), IsEmpty());
  EXPECT_THAT(down.violations(), IsEmpty());
  EXPECT_EQ(up.open() + down.open(), 0u);
}

}  // namespace
}  // namespace iommusim::interconnect
