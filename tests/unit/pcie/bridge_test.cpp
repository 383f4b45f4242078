#include "models/pcie/bridge.h"

#include <gtest/gtest.h>

#include "models/base/config/fields.h"
#include "tests/support/fabric.h"

namespace iommusim::pcie {
namespace {

using base::Time;
using test::Fabric;
using test::FabricSpec;

constexpr std::uint64_t high = Fabric::kMemory;  // one clock more for the address
constexpr std::uint64_t low = 0xe0000000;

FabricSpec bridge_of(unsigned devices, BridgeConfig c = {}) {
  FabricSpec s;
  s.kind = FabricSpec::bridge;
  s.bridged = devices;
  s.bridge_config = c;
  return s;
}

// A bridge with three devices on one root port; bus 2 behind it. 33 MHz and 32 bits: 30 ns for 4 bytes.
struct Bench {
  explicit Bench(const BridgeConfig& config = {}, unsigned devices = 3)
      : fabric(sim, "", {}, {bridge_of(devices, config)}) {}
  ~Bench() {
    EXPECT_TRUE(fabric.drained()) << fabric.holding();
    EXPECT_EQ("", fabric.lost());
    EXPECT_EQ("", sim.pool.leak_report());
  }
  void run(Time until = Time::ms(1)) { sim.scheduler.run_until(until); }
  test::Requester& dma(unsigned i) { return *fabric.leaves[i].dma; }
  base::SourceId source(unsigned i) { return fabric.leaves[i].source(); }
  tlm::Simulation sim;
  Fabric fabric;
};

constexpr std::uint64_t clocks(std::uint64_t n) { return n * 30; }

TEST(Bridge, AWriteTakesTheBusOnceThenTheLink) {
  Bench b;
  b.dma(0).write(Time::ns(0), high, b.source(0), 64);
  b.run();
  // 6 clocks, one for the high address, 16 of data; 300 ns; 88 bytes and 5 ns.
  EXPECT_EQ(Time::ns(clocks(6 + 1 + 16) + 300 + 93), b.fabric.memory.accesses[0].at);
}

TEST(Bridge, AReadTakesTheBusTwice) {
  Bench b;
  b.fabric.memory.set_word(high, 42);
  b.dma(0).read(Time::ns(0), high, b.source(0), 64);
  b.run();
  EXPECT_EQ(Time::ns(clocks(7) + 300 + 29 + 100 + 89 + 300 + clocks(7 + 16)), b.dma(0).sent[0].answered_at);
  EXPECT_EQ(42u, b.dma(0).sent[0].value);
  EXPECT_EQ(2u, b.fabric.bridges[0]->bridge_stats().transactions.value());
  EXPECT_EQ(64u, b.fabric.bridges[0]->bridge_stats().bus_bytes.value());
  EXPECT_EQ(clocks(30) * 1000, b.fabric.bridges[0]->bridge_stats().bus_ps.value());
}

TEST(Bridge, AFasterWiderBusTakesLess) {
  BridgeConfig c;
  c.clock_mhz = 66;
  c.width_bits = 64;
  Bench b(c);
  b.dma(0).write(Time::ns(0), high, b.source(0), 64);
  b.run();
  EXPECT_EQ(Time::ns(15 * (6 + 1 + 8) + 300 + 93), b.fabric.memory.accesses[0].at);
}

TEST(Bridge, UnalignedDataTakeTheClocksOfTheWordsTheyTouch) {
  Bench b;
  b.dma(0).write(Time::ns(0), high + 3, b.source(0), 4);
  b.run();
  EXPECT_EQ(clocks(7 + 2) * 1000, b.fabric.bridges[0]->bridge_stats().bus_ps.value());
}

TEST(Bridge, TheDevicesShareTheBus) {
  Bench b;
  for (unsigned i = 0; i < 3; ++i) b.dma(i).write(Time::ns(i), high + i * 0x1000, b.source(i), 64);
  b.run();
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(Time::ns((i + 1) * clocks(23) + 300 + 93), b.fabric.memory.accesses[i].at);
}

// What memory cannot show: who asks.
struct Spy : tlm::Module, private tlm::TargetPort::Owner {
  Spy(sc_core::sc_module_name name, tlm::Context& context) : Module(name, context), port("port", context, *this) {}
  tlm::TargetPort port;
  std::vector<base::SourceId> requesters;
  bool request(tlm::TargetPort&, tlm::Payload& p) override {
    requesters.push_back(tlm::dma(p).requester);
    p.set_response_status(::tlm::TLM_OK_RESPONSE);
    port.respond(p);
    return true;
  }
  unsigned debug(tlm::TargetPort&, tlm::Payload&) override { return 0; }
};

TEST(Bridge, AllRequestsCarryItsAliasAndTheirResponsesFindBack) {
  tlm::Simulation sim;
  RootComplex rc("rc", sim.context, {}, 1);
  Bridge bridge("bridge", sim.context, {}, 7, 2);
  Link link("link", sim.context, test::nanosecond_per_byte(), rc.root_port(0), bridge.link_port);
  Spy spy("spy", sim.context);
  test::Requester cpu("cpu", sim.context), a("a", sim.context), b("b", sim.context);
  test::FixedMemory registers("registers", sim.context, Time::ns(1), 2);
  rc.to_host(0).bind(spy.port);
  cpu.port.bind(rc.from_cpu);
  a.port.bind(bridge.from_device(0));
  b.port.bind(bridge.from_device(1));
  bridge.to_device(0).bind(registers.port(0));
  bridge.to_device(1).bind(registers.port(1));
  const auto own_a = base::make_source_id(3, base::make_bdf(7, 4, 0));
  const auto own_b = base::make_source_id(3, base::make_bdf(7, 5, 1));
  a.read(Time::ns(0), high, own_a);
  b.write(Time::ns(0), high, own_b);
  b.read(Time::ns(0), high, own_b);
  sim.scheduler.run_until(Time::ms(1));
  EXPECT_EQ(base::make_bdf(7, 0, 0), bridge.alias());
  ASSERT_EQ(3u, spy.requesters.size());
  for (const auto id : spy.requesters) EXPECT_EQ(base::make_source_id(3, base::make_bdf(7, 0, 0)), id);
  EXPECT_TRUE(a.sent[0].ok && b.sent[0].ok && b.sent[1].ok);
  EXPECT_EQ(own_a, a.sent[0].fields.requester);
  EXPECT_EQ(own_b, b.sent[0].fields.requester);
  EXPECT_EQ(own_b, b.sent[1].fields.requester);
}

TEST(Bridge, CpuAccessesTakeTheBusToo) {
  Bench b;
  b.fabric.leaves[1].registers->set_word(b.fabric.leaves[1].window, 9);
  b.fabric.cpu.read(Time::ns(0), b.fabric.leaves[1].window, base::SourceId(0), 4);
  b.fabric.cpu.write(Time::us(9), b.fabric.leaves[2].window, base::SourceId(0), 4, 5);
  b.run();
  EXPECT_EQ(9u, b.fabric.cpu.sent[0].value);
  // 25 down, 300, 6 clocks, 10 ns of register, 6 + 1 clocks, 300, 24 + 5 up.
  EXPECT_EQ(Time::ns(25 + 300 + clocks(6) + 10 + clocks(7) + 300 + 29), b.fabric.cpu.sent[0].answered_at);
  EXPECT_EQ(Time::ns(9000 + 29 + 300 + clocks(7)), b.fabric.leaves[2].registers->accesses[0].at);
}

TEST(Bridge, ConfigurationRequestsGoToTheFunctionOfThatId) {
  Bench b;
  b.fabric.leaves[2].registers->set_word(0, 0x12345678);
  b.fabric.unit.prepare = [&](std::size_t, tlm::Payload& p) {
    tlm::dma(p).space = tlm::AddressSpace::configuration;
    tlm::dma(p).target = b.fabric.leaves[2].bdf;
  };
  b.fabric.unit.read(Time::ns(0), 0, base::SourceId(0), 4);
  b.run();
  EXPECT_EQ(0x12345678u, b.fabric.unit.sent[0].value);
}

TEST(Bridge, WhatNobodyOnTheBusTakesIsUnsupported) {
  Bench b;
  b.fabric.rc.add_window(base::Hpa(low + 0x8000000), 0x1000, 0);
  b.fabric.cpu.read(Time::ns(0), low + 0x8000000, base::SourceId(0), 4);
  b.fabric.cpu.write(Time::ns(0), low + 0x8000000, base::SourceId(0), 4);
  b.run();
  EXPECT_EQ(tlm::CompletionStatus::unsupported_request, b.fabric.cpu.sent[0].fields.status);
  EXPECT_TRUE(b.fabric.cpu.sent[1].answered);
  EXPECT_EQ(2u, b.fabric.bridges[0]->bridge_stats().unclaimed.value());
}

TEST(Bridge, WritesKeepTheirOrderAndReadsStayBehind) {
  Bench b;
  for (unsigned n = 0; n < 20; ++n) {
    if (n % 3 == 2) {
      b.dma(0).read(Time::ns(n), high + 0x1000 * n, b.source(0));
    } else {
      b.dma(0).write(Time::ns(n), high + 0x1000 * n, b.source(0));
    }
  }
  b.run();
  for (unsigned n = 0; n < 20; ++n) EXPECT_EQ(high + 0x1000 * n, b.fabric.memory.accesses[n].address);
}

// 23 clocks for 64 bytes: 92.75 MB/s of the bus's 133.
TEST(Bridge, LimitsTheBandwidthOfAllDevicesTogether) {
  Bench b;
  for (unsigned n = 0; n < 100; ++n) {
    for (unsigned i = 0; i < 3; ++i) b.dma(i).write(Time::ns(n), high + 0x1000 * n, b.source(i), 64);
  }
  b.run();
  const auto& a = b.fabric.memory.accesses;
  EXPECT_EQ(Time::ns(299 * clocks(23)), a.back().at - a.front().at);
}

TEST(BridgeConfiguration, KnowsTheTwoClocksAndWidths) {
  const BridgeConfig c;
  EXPECT_EQ(33u, c.clock_mhz);
  EXPECT_EQ("bridge", BridgeConfig::fields().component());
}

}  // namespace
}  // namespace iommusim::pcie
