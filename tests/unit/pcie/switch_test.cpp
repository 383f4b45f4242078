#include "models/pcie/switch.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/fabric.h"

namespace iommusim::pcie {
namespace {

using base::Time;
using test::Fabric;
using test::FabricSpec;
using test::FixedMemory;
using test::nanosecond_per_byte;
using test::switch_of;

constexpr std::uint64_t high = Fabric::kMemory;

SwitchConfig config(ForwardMode mode) {
  SwitchConfig c;
  c.mode = mode;
  c.latency = Time::ns(100);
  return c;
}

FabricSpec device(unsigned width = 4) {
  FabricSpec s;
  s.link = nanosecond_per_byte(width);
  return s;
}

// A switch with as many devices as widths are given, on one root port. No latency in the root complex, 100 ns in
// memory, 10 ns in registers.
struct Bench {
  explicit Bench(const FabricSpec& tree, const RootComplexConfig& rc = {}) : fabric(sim, "", rc, {tree}) {}
  Bench(ForwardMode mode, const std::vector<unsigned>& widths, unsigned up_width = 4)
      : Bench(switch_of(devices(widths), config(mode), nanosecond_per_byte(up_width))) {}
  ~Bench() {
    EXPECT_TRUE(fabric.drained()) << fabric.holding();
    EXPECT_EQ("", fabric.lost());
    EXPECT_EQ("", sim.pool.leak_report());
  }
  static std::vector<FabricSpec> devices(const std::vector<unsigned>& widths) {
    std::vector<FabricSpec> all;
    for (const unsigned w : widths) all.push_back(device(w));
    return all;
  }
  void run() { sim.scheduler.run_until(Time::ms(1)); }
  Fabric::Leaf& leaf(unsigned i) { return fabric.leaves[i]; }
  Switch& the_switch() { return *fabric.switches[0]; }
  std::size_t read(unsigned i, Time at, std::uint64_t address, unsigned bytes = 64) {
    return leaf(i).dma->read(at, address, leaf(i).source(), bytes);
  }
  std::size_t write(unsigned i, Time at, std::uint64_t address, unsigned bytes = 64, std::uint32_t data = 0) {
    return leaf(i).dma->write(at, address, leaf(i).source(), bytes, data);
  }
  Time at_memory(std::uint64_t address) {
    for (const auto& a : fabric.memory.accesses)
      if (a.address == address) return a.at;
    return Time();
  }
  const test::Requester::Sent& sent(unsigned i, std::size_t n) { return leaf(i).dma->sent[n]; }

  tlm::Simulation sim;
  Fabric fabric;
};

// --- forwarding

TEST(Switch, StoresATlpBeforeItForwardsIt) {
  Bench b(ForwardMode::store_and_forward, {4});
  b.write(0, Time::ns(0), high, 256);
  b.read(0, Time::ns(1000), high + 0x1000);
  b.run();
  // 280 bytes and 5 ns to the switch, 100 ns in it, 280 and 5 again.
  EXPECT_EQ(Time::ns(285 + 100 + 285), b.at_memory(high));
  // The read's 24 bytes up, 100 ns of memory, its completion's 84 bytes down, each twice.
  EXPECT_EQ(Time::ns(1000 + 29 + 100 + 29), b.at_memory(high + 0x1000));
  EXPECT_EQ(Time::ns(1158 + 100 + 89 + 100 + 89), b.sent(0, 1).answered_at);
}

TEST(Switch, CutsThroughWhenTheHeaderIsThere) {
  Bench b(ForwardMode::cut_through, {4});
  b.write(0, Time::ns(0), high, 256);
  b.read(0, Time::ns(1000), high + 0x1000);
  b.run();
  // The header is there after 24 + 5; 100 ns later the same 280 bytes begin to leave.
  EXPECT_EQ(Time::ns(29 + 100 + 280 + 5), b.at_memory(high));
  EXPECT_EQ(Time::ns(1000 + 29 + 100 + 29), b.at_memory(high + 0x1000)) << "a read is all header";
  EXPECT_EQ(Time::ns(1158 + 100 + 25 + 100 + 84 + 5), b.sent(0, 1).answered_at);
}

TEST(Switch, ATlpThatComesSlowlyStartsLateEnoughNotToRunDry) {
  Bench b(ForwardMode::cut_through, {1});
  b.write(0, Time::ns(0), high, 256);
  b.run();
  // 280 bytes of 4 ns: the last byte is there at 1,125, and leaves 100 ns later.
  EXPECT_EQ(Time::ns(280 * 4 + 5 + 100 + 5), b.at_memory(high));
}

TEST(Switch, ATlpThatComesSlowlyDoesNotHoldTheEgressMeanwhile) {
  Bench b(ForwardMode::cut_through, {1, 4});
  b.write(0, Time::ns(0), high, 256);        // at the egress from 945 to 1,225
  b.write(1, Time::ns(500), high + 0x1000);  // 88 bytes: from 500 + 29 + 100 on
  b.write(1, Time::ns(900), high + 0x2000);  // from 1,029 on, while the first is on the wire
  b.run();
  EXPECT_EQ(Time::ns(500 + 29 + 100 + 88 + 5), b.at_memory(high + 0x1000));
  EXPECT_EQ(Time::ns(1230), b.at_memory(high));
  EXPECT_EQ(Time::ns(1225 + 88 + 5), b.at_memory(high + 0x2000));
}

TEST(Switch, ATlpThatComesFastLeavesFromItsHeaderOn) {
  Bench b(ForwardMode::cut_through, {4}, 1);
  b.write(0, Time::ns(0), high, 256);
  b.run();
  EXPECT_EQ(Time::ns(29 + 100 + 280 * 4 + 5), b.at_memory(high));
}

TEST(Switch, NoLatencyMeansNone) {
  SwitchConfig c = config(ForwardMode::cut_through);
  c.latency = Time();
  Bench b(switch_of(Bench::devices({4}), c));
  b.write(0, Time::ns(0), high, 256);
  b.run();
  EXPECT_EQ(Time::ns(29 + 280 + 5), b.at_memory(high));
}

TEST(Switch, ForwardsCompletionsAsTheyAreCut) {
  Bench b(ForwardMode::store_and_forward, {4});
  b.read(0, Time::ns(0), high, 512);
  b.run();
  EXPECT_EQ(2u, b.fabric.links[0]->down_stats().completions.value());
  EXPECT_EQ(2u, b.fabric.links[1]->down_stats().completions.value());
  // Up 29, 100, 29; memory 100; the first of two completions of 276 bytes is at the switch after 281, the second is
  // behind it on both links.
  EXPECT_EQ(Time::ns(258 + 281 + 100 + 2 * 276 + 5), b.sent(0, 0).answered_at);
}

TEST(Switch, CompletionsOfReadsOnTheWayTogetherFindTheirDevices) {
  Bench b(ForwardMode::cut_through, {4, 4, 4});
  for (unsigned i = 0; i < 3; ++i) {
    for (unsigned n = 0; n < 8; ++n) {
      b.fabric.memory.set_word(high + i * 0x10000 + n * 0x1000, 100 * i + n);
      b.read(i, Time::ns(n), high + i * 0x10000 + n * 0x1000, 1024);
    }
  }
  b.run();
  for (unsigned i = 0; i < 3; ++i) {
    for (unsigned n = 0; n < 8; ++n) EXPECT_EQ(100 * i + n, b.sent(i, n).value);
  }
}

TEST(Switch, TwoLevelsAddUp) {
  const auto inner = switch_of(Bench::devices({4}), config(ForwardMode::store_and_forward));
  Bench b(switch_of({inner}, config(ForwardMode::store_and_forward)));
  b.read(0, Time::ns(0), high);
  b.run();
  EXPECT_EQ(Time::ns(29 * 3 + 200), b.at_memory(high));
  EXPECT_EQ(Time::ns(287 + 100 + 3 * 89 + 200), b.sent(0, 0).answered_at);
}

// --- routing

TEST(Switch, CpuAccessesFindTheDeviceWhoseWindowHoldsThem) {
  Bench b(ForwardMode::store_and_forward, {4, 4});
  b.leaf(1).registers->set_word(b.leaf(1).window + 8, 77);
  b.fabric.cpu.read(Time::ns(0), b.leaf(1).window + 8, base::SourceId(0), 8);
  b.fabric.cpu.write(Time::ns(5000), b.leaf(0).window, base::SourceId(0), 4, 5);
  b.run();
  EXPECT_EQ(77u, b.fabric.cpu.sent[0].value);
  // 20 bytes down twice with 100 ns between, 10 ns of register, 28 bytes up twice.
  EXPECT_EQ(Time::ns(25 + 100 + 25 + 10 + 33 + 100 + 33), b.fabric.cpu.sent[0].answered_at);
  ASSERT_EQ(1u, b.leaf(0).registers->accesses.size());
  EXPECT_EQ(Time::ns(5000 + 29 + 100 + 29), b.leaf(0).registers->accesses[0].at);
}

TEST(Switch, AReadFromAboveThatNobodyClaimsIsUnsupported) {
  Bench b(switch_of({device(), device()}, config(ForwardMode::store_and_forward)));
  // Below the root port's window, but no port of the switch claims it any more.
  b.fabric.rc.add_window(base::Hpa(0xe8000000), 0x1000, 0);
  b.fabric.cpu.read(Time::ns(0), 0xe8000000, base::SourceId(0), 8);
  b.fabric.cpu.write(Time::ns(0), 0xe8000000, base::SourceId(0), 8);
  b.run();
  EXPECT_EQ(tlm::CompletionStatus::unsupported_request, b.fabric.cpu.sent[0].fields.status);
  EXPECT_EQ(~std::uint64_t{0}, b.fabric.cpu.sent[0].value);
  EXPECT_EQ(Time::ns(25 + 100 + 25), b.fabric.cpu.sent[0].answered_at) << "a completion without data comes back";
  EXPECT_TRUE(b.fabric.cpu.sent[1].answered) << "the write vanishes";
}

TEST(Switch, PeersTalkDirectlyWithoutAccessControl) {
  Bench b(ForwardMode::store_and_forward, {4, 4});
  b.leaf(1).registers->set_word(b.leaf(1).window, 42);
  b.read(0, Time::ns(0), b.leaf(1).window, 8);
  b.write(0, Time::ns(1000), b.leaf(1).window + 64, 64);
  b.run();
  EXPECT_EQ(42u, b.sent(0, 0).value);
  EXPECT_EQ(Time::ns(25 + 100 + 25 + 10 + 33 + 100 + 33), b.sent(0, 0).answered_at);
  EXPECT_EQ(2u, b.leaf(1).registers->accesses.size());
  EXPECT_EQ(0u, b.fabric.links[2]->up_stats().requests.value()) << "nothing goes upstream";
}

TEST(Switch, MessagesAndConfigurationRequestsAreRoutedById) {
  Bench b(ForwardMode::store_and_forward, {4, 4});
  b.fabric.unit.prepare = [&](std::size_t i, tlm::Payload& p) {
    tlm::DmaExtension& x = tlm::dma(p);
    x.target = b.leaf(i % 2).bdf;
    if (i < 2) {
      p.set_command(::tlm::TLM_IGNORE_COMMAND);
      p.set_data_length(0);
      x.message = tlm::Message::invalidate_request;
    } else {
      p.set_address(0);
      x.space = tlm::AddressSpace::configuration;
    }
  };
  b.fabric.unit.write(Time::ns(0), 0);
  b.fabric.unit.write(Time::ns(0), 0);
  b.fabric.unit.read(Time::ns(3000), 0, base::SourceId(0), 4);
  b.fabric.unit.read(Time::ns(3000), 0, base::SourceId(0), 4);
  b.run();
  for (unsigned i = 0; i < 2; ++i) {
    EXPECT_EQ(2u, b.fabric.links[i]->down_stats().requests.value()) << i;
    EXPECT_EQ(0x00011234u, b.fabric.unit.sent[2 + i].value & 0xffffffff) << "device and vendor";
  }
}

TEST(Switch, AMessageToABusOfNobodyVanishes) {
  Bench b(ForwardMode::store_and_forward, {4});
  b.fabric.rc.set_buses(1, 9, 0);
  b.fabric.unit.prepare = [&](std::size_t, tlm::Payload& p) {
    p.set_command(::tlm::TLM_IGNORE_COMMAND);
    p.set_data_length(0);
    tlm::dma(p).message = tlm::Message::page_group_response;
    tlm::dma(p).target = base::make_bdf(9, 0, 0);
  };
  b.fabric.unit.write(Time::ns(0), 0);
  b.run();
  EXPECT_EQ(0u, b.fabric.links[0]->down_stats().requests.value());
  EXPECT_TRUE(b.fabric.unit.sent[0].answered);
}

TEST(Switch, AConfigurationRequestFromBelowIsUnsupported) {
  Bench b(ForwardMode::store_and_forward, {4, 4});
  b.leaf(0).dma->prepare = [&](std::size_t, tlm::Payload& p) {
    tlm::dma(p).space = tlm::AddressSpace::configuration;
    tlm::dma(p).target = b.leaf(1).bdf;
  };
  b.read(0, Time::ns(0), 0, 4);
  b.run();
  EXPECT_EQ(tlm::CompletionStatus::unsupported_request, b.sent(0, 0).fields.status);
}

TEST(Switch, DebugAccessReachesMemoryAndPeers) {
  Bench b(ForwardMode::store_and_forward, {4, 4});
  b.fabric.memory.set_word(high, 42);
  b.leaf(1).registers->set_word(b.leaf(1).window, 43);
  tlm::Payload& p = b.sim.pool.acquire();
  unsigned char* data = b.sim.pool.use_buffer(p, 8);
  p.set_command(::tlm::TLM_READ_COMMAND);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  p.set_address(high);
  EXPECT_EQ(8u, b.leaf(0).dma->port.debug(p));
  EXPECT_EQ(42, data[0]);
  p.set_address(b.leaf(1).window);
  EXPECT_EQ(8u, b.leaf(0).dma->port.debug(p));
  EXPECT_EQ(43, data[0]);
  p.release();
}

// --- buffers

TEST(Switch, ATlpOccupiesItsIngressBufferUntilItHasLeft) {
  SwitchConfig c = config(ForwardMode::store_and_forward);
  c.buffer.posted = {1, base::Bytes(256)};
  Bench b(switch_of({device()}, c));
  b.write(0, Time::ns(0), high);
  b.write(0, Time::ns(0), high + 0x1000);
  b.run();
  // The first has left the egress at 88 + 5 + 100 + 88 = 281; the device knows 40 + 5 later.
  EXPECT_EQ(Time::ns(281 + 5), b.at_memory(high));
  EXPECT_EQ(Time::ns(281 + 45 + 93 + 100 + 93), b.at_memory(high + 0x1000));
}

TEST(Switch, ABlockedEgressDoesNotHoldWhatGoesElsewhere) {
  FabricSpec slow = device(1);
  slow.buffer.posted = {1, base::Bytes(256)};
  Bench b(switch_of({device(), slow}, config(ForwardMode::store_and_forward)));
  for (unsigned i = 0; i < 4; ++i) b.write(0, Time::ns(0), b.leaf(1).window + 64 * i);  // 20-byte headers: 84 bytes
  b.write(0, Time::ns(0), high);
  b.run();
  EXPECT_EQ(Time::ns(4 * 84 + 88 + 5 + 100 + 88 + 5), b.at_memory(high));
  EXPECT_LT(b.at_memory(high), b.leaf(1).registers->accesses[1].at);
}

TEST(Switch, VirtualChannelsDoNotWaitForEachOther) {
  LinkConfig up = nanosecond_per_byte();
  up.virtual_channels = 2;
  FabricSpec d = device();
  d.link.virtual_channels = 2;
  RootComplexConfig rc;
  rc.buffer.posted = {1, base::Bytes(256)};
  Bench b(switch_of({d}, config(ForwardMode::store_and_forward), up), rc);
  b.leaf(0).dma->prepare = [](std::size_t i, tlm::Payload& p) { tlm::dma(p).traffic_class = i == 3 ? 7 : 0; };
  for (unsigned i = 0; i < 4; ++i) b.write(0, Time::ns(0), high + 0x1000 * i);
  b.run();
  EXPECT_LT(b.at_memory(high + 0x3000), b.at_memory(high + 0x1000));
  EXPECT_EQ(Time::ns(2 * 88 + 5 + 100 + 88 + 5), b.at_memory(high + 0x3000)) << "and a higher one goes first";
}

// --- arbitration

// Counts TLPs by device among the `n` first at memory after the `skip` first.
std::vector<unsigned> shares(const Fabric& f, std::size_t skip, std::size_t n) {
  std::vector<unsigned> count(f.leaves.size());
  for (std::size_t i = skip; i < skip + n; ++i) ++count.at((f.memory.accesses.at(i).address - high) >> 24);
  return count;
}

TEST(Switch, RoundRobinSharesEqually) {
  Bench b(ForwardMode::cut_through, {4, 4, 4, 4});
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned n = 0; n < 300; ++n) b.write(i, Time::ns(0), high + (std::uint64_t{i} << 24) + n * 256, 256);
  }
  b.run();
  for (const unsigned n : shares(b.fabric, 100, 400)) EXPECT_NEAR(100, n, 1);
}

TEST(Switch, WeightsAreShares) {
  FabricSpec s = switch_of({device(), device(), device()}, config(ForwardMode::cut_through));
  s.ports[0].weight = 5;
  s.ports[1].weight = 2;
  Bench b(s);
  for (unsigned i = 0; i < 3; ++i) {
    for (unsigned n = 0; n < 800; ++n) b.write(i, Time::ns(0), high + (std::uint64_t{i} << 24) + n * 256, 256);
  }
  b.run();
  const auto n = shares(b.fabric, 200, 800);
  EXPECT_NEAR(500, n[0], 5);
  EXPECT_NEAR(200, n[1], 2);
  EXPECT_NEAR(100, n[2], 1);
}

// Credits for one large write or a few small ones: were they first come, first served, the large ones would starve.
TEST(Switch, LargeWritesGetTheirTurnWhereCreditsAreShort) {
  RootComplexConfig rc;
  rc.buffer.posted = {16, base::Bytes(256)};
  Bench b(switch_of({device(), device(), device()}, config(ForwardMode::store_and_forward)), rc);
  for (unsigned i = 0; i < 3; ++i) {
    for (unsigned n = 0; n < 300; ++n)
      b.write(i, Time::ns(0), high + (std::uint64_t{i} << 24) + n * 256, i == 0 ? 256 : 16);
  }
  b.run();
  for (const unsigned n : shares(b.fabric, 100, 300)) EXPECT_NEAR(100, n, 1);
}

}  // namespace
}  // namespace iommusim::pcie
