// When memory of several nodes answers, and when a slice of the last-level cache does: to the picosecond.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/memory/memory_system.h"
#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "tests/support/in_child.h"
#include "tests/support/own_models.h"

namespace iommusim::mem {
namespace {

using namespace base::literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Two nodes of 64 KiB; 84 ns DRAM, 30 ns cache, 46.5 ns from node to node, 2 ns of the link for a line.
MemoryConfig two_nodes() {
  MemoryConfig c;
  c.nodes = 2;
  c.ranges = {{Hpa(0), 64_KiB, 0}, {Hpa(0x10000), 64_KiB, 1}};
  c.dram.latency = 84_ns;
  c.llc.latency = 30_ns;
  c.socket_link.latency = 46500_ps;
  c.socket_link.bandwidth = 256_Gbps;
  return c;
}
constexpr std::uint64_t kOf1 = 0x10000;

// A device at each node.
struct Bench {
  explicit Bench(const MemoryConfig& config, std::vector<unsigned> nodes = {0, 1})
      : memory("memory", s.context, config, std::move(nodes)) {
    near.port.bind(link0.from_initiator);
    link0.to_target.bind(memory.port(0));
    far.port.bind(link1.from_initiator);
    link1.to_target.bind(memory.port(1));
  }
  tlm::Simulation s;
  test::OwnInitiator near{"near", s.context}, far{"far", s.context};
  tlm::ProtocolChecker link0{"link0"}, link1{"link1"};
  MemorySystem memory;

  void run() {
    s.scheduler.run_until(1_ms);
    EXPECT_THAT(link0.violations(), IsEmpty());
    EXPECT_THAT(link1.violations(), IsEmpty());
    EXPECT_EQ(s.pool.live(), 0u);
  }
  nlohmann::ordered_json metrics() { return s.stats.to_json(s.scheduler.now())["memory"]; }
};
std::vector<std::uint64_t> times(const test::OwnInitiator& device) {
  std::vector<std::uint64_t> out;
  for (const auto& d : device.done) out.push_back(d.at.ps());
  return out;
}

TEST(Nodes, AnAccessToAnotherNodeTakesTwoCrossingsMore) {
  Bench b(two_nodes());
  b.near.read(0x1000, 64, 0_ns);
  b.near.read(kOf1, 64, 500_ns);
  b.far.read(kOf1, 64, 1000_ns);
  b.far.read(0x1000, 64, 1500_ns);
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(84000u, 677000u));
  EXPECT_THAT(times(b.far), ElementsAre(1084000u, 1677000u));
  EXPECT_EQ(b.metrics()["node0"]["remote"]["value"], 1u);
  EXPECT_EQ(b.metrics()["node1"]["remote"]["value"], 1u);
  EXPECT_EQ(b.s.scheduler.dispatches(), 12u) << "issue and answer, and two crossings for each of two";
}

TEST(Nodes, ALineIsInTheCacheOfItsHomeWhoeverWroteIt) {
  Bench b(two_nodes());
  b.near.write(kOf1, 64, 0_ns);
  b.far.read(kOf1, 64, 500_ns);
  b.near.read(kOf1, 64, 1000_ns);
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(123000u, 1123000u));
  EXPECT_THAT(times(b.far), ElementsAre(530000u));
  EXPECT_TRUE(b.memory.llc(1).holds(kOf1 / 64));
  EXPECT_FALSE(b.memory.llc(0).holds(kOf1 / 64));
}

TEST(Nodes, WithUncachedRemoteReadsOnlyTheNodesOwnReadsSeeItsCache) {
  MemoryConfig c = two_nodes();
  c.llc.remote_reads = RemoteReads::uncached;
  Bench b(c);
  b.memory.warm(Hpa(kOf1), 128);
  b.near.read(kOf1, 64, 0_ns);
  b.near.read(kOf1 + 64, 64, 500_ns);
  b.far.read(kOf1, 64, 1000_ns);
  b.near.write(kOf1, 64, 1500_ns);  // a write goes where the line is
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(177000u, 677000u, 1623000u));
  EXPECT_THAT(times(b.far), ElementsAre(1030000u));
  EXPECT_EQ(b.metrics()["dma"]["dram_lines"]["value"], 2u);
}

TEST(Nodes, AWarmBufferIsInTheCacheOfItsHomeAsFarAsThatHasRoom) {
  MemoryConfig c = two_nodes();
  c.llc.size = 2_KiB;
  c.llc.ways = 4;
  Bench b(c);
  b.memory.warm(Hpa(kOf1), 4096);
  EXPECT_FALSE(b.memory.llc(0).holds(kOf1 / 64 + 63));
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(b.memory.llc(1).holds(kOf1 / 64 + i), i >= 32) << i;
  EXPECT_EQ(b.memory.llc(1).hits() + b.memory.llc(1).misses(), 0u);
}

TEST(Nodes, ReadDataQueuesOnTheWayBack) {
  Bench b(two_nodes());
  b.near.write(kOf1, 512, 0_ns);
  b.near.read(kOf1, 64, 1000_ns);
  b.near.read(kOf1, 128, 1000_ns);  // at the link 2 ns later, and 2 ns more for its second line
  b.near.read(kOf1, 64, 1000_ns);   // 6 ns after the first
  b.run();
  // The write's last line comes 14 ns after its first.
  EXPECT_THAT(times(b.near), ElementsAre(137000u, 1123000u, 1127000u, 1129000u));
  EXPECT_EQ(b.metrics()["link0_1"]["lines"]["value"], 8u);
  EXPECT_EQ(b.metrics()["link1_0"]["lines"]["value"], 4u);
  EXPECT_EQ(b.metrics()["link1_0"]["busy"]["value"], 8000u);
}

TEST(Nodes, LinesCrossAsTheyComeSoThatALongReadTakesNoLongerOnAFreeLink) {
  Bench b(two_nodes());
  b.memory.warm(Hpa(kOf1), 512);
  b.near.read(kOf1, 512, 1000_ns);
  b.near.read(kOf1, 64, 1000_ns);  // behind the eighth line
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(1123000u, 1125000u));
  EXPECT_EQ(b.metrics()["link1_0"]["busy"]["value"], 18000u);
}

TEST(Nodes, WrittenDataQueuesOnTheWayThereAndDoesNotHinderReadData) {
  Bench b(two_nodes());
  b.near.write(kOf1, 64, 0_ns);
  b.near.write(kOf1 + 64, 64, 0_ns);
  b.far.write(0x0, 64, 0_ns);
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(123000u, 125000u));
  EXPECT_THAT(times(b.far), ElementsAre(123000u));
}

TEST(Nodes, EachNodeHasChannelsOfItsOwn) {
  MemoryConfig c = two_nodes();
  c.dram.channels = 1;
  Bench b(c);
  b.near.read(0x0, 64, 0_ns);
  b.far.read(kOf1, 64, 0_ns);
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(84000u));
  EXPECT_THAT(times(b.far), ElementsAre(84000u));
}

TEST(Nodes, ContentsAreOneAndOrderedByArrivalAtThePorts) {
  Bench b(two_nodes());
  b.near.write(kOf1, 8, 1_ns, 0xabcdef);
  b.far.read(kOf1, 8, 2_ns);  // answered long before the write's line has crossed
  b.run();
  ASSERT_EQ(b.far.done.size(), 1u);
  EXPECT_EQ(b.far.done[0].word, 0xabcdefu);
}

TEST(Nodes, AnAccessAcrossTheBorderOfTwoNodesIsRefused) {
  Bench b(two_nodes());
  b.near.read(0xffe0, 64, 0_ns);
  b.run();
  EXPECT_EQ(b.near.done[0].status, ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST(NodesDeathTest, APortOfANodeThatDoesNotExistIsAFaultOfOurs) {
  EXPECT_DEATH(Bench(two_nodes(), {0, 2}), "memory.*port 1 is of node 2, which is none");
}

// Slices of the last-level cache.

MemoryConfig sliced(unsigned slices, Time interval) {
  MemoryConfig c = two_nodes();
  c.nodes = 1;
  c.ranges[1].node = 0;
  c.llc.slices = slices;
  c.llc.slice_interval = interval;
  return c;
}

TEST(LlcSlicesTiming, LookupsOfOneSliceFollowEachOther) {
  Bench b(sliced(1, 2_ns), {0, 0});
  b.near.write(0x0, 256, 0_ns);  // four lines
  b.near.read(0x0, 64, 100_ns);
  b.far.read(0x40, 64, 101_ns);  // 1 ns after the other: waits 1 ns
  b.far.read(0x80, 64, 104_ns);
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(36000u, 130000u));
  EXPECT_THAT(times(b.far), ElementsAre(132000u, 134000u));
}

TEST(LlcSlicesTiming, AMissPaysForTheWaitToo) {
  Bench b(sliced(1, 2_ns), {0, 0});
  b.near.read(0x4000, 64, 0_ns);
  b.far.read(0x4100, 64, 0_ns);  // another channel
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(84000u));
  EXPECT_THAT(times(b.far), ElementsAre(86000u));
}

TEST(LlcSlicesTiming, LinesOfDifferentSlicesDoNotWait) {
  MemoryConfig c = sliced(8, 2_ns);
  const LlcSlices slices(c.llc);
  std::uint64_t other = 1;
  while (slices.slice_of(other) == slices.slice_of(0)) ++other;
  Bench b(c, {0, 0});
  b.near.write(0x0, 64, 0_ns);
  b.far.write(other * 64, 64, 0_ns);
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(30000u));
  EXPECT_THAT(times(b.far), ElementsAre(30000u));
}

TEST(LlcSlicesTiming, PortsAreUnlimitedByDefault) {
  Bench b(two_nodes(), {0, 0});
  b.near.write(0x0, 4096, 0_ns);
  b.run();
  EXPECT_THAT(times(b.near), ElementsAre(30000u));
}

}  // namespace
}  // namespace iommusim::mem
