// When the memory system answers: to the picosecond, and nothing one picosecond earlier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "models/memory/memory_system.h"
#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "tests/support/own_models.h"

namespace iommusim::mem {
namespace {

using namespace base::literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tlm::Traffic;

// 84 ns DRAM, 30 ns cache, 2 channels of 12.8 GB/s (a line is 5,000 ps) interleaved by 256 B, a cache of 4 sets of 4
// ways.
MemoryConfig small() {
  MemoryConfig c;
  c.ranges = {{Hpa(0), 1_MiB}, {Hpa(0x100000000), 1_MiB}};
  c.dram.channels = 2;
  c.dram.interleave = 256_B;
  c.dram.latency = 84_ns;
  c.dram.bandwidth = base::Bandwidth::bits_per_second(102400000000);
  c.llc.size = 1_KiB;
  c.llc.ways = 4;
  c.llc.ddio_ways = 2;
  c.llc.latency = 30_ns;
  return c;
}

struct Bench {
  explicit Bench(const MemoryConfig& config) : memory("memory", s.context, config, 1) {
    device.port.bind(link.from_initiator);
    link.to_target.bind(memory.port());
  }
  tlm::Simulation s;
  test::OwnInitiator device{"device", s.context};
  tlm::ProtocolChecker link{"link"};
  MemorySystem memory;

  std::vector<std::uint64_t> run() {
    s.scheduler.run_until(1_ms);
    std::vector<std::uint64_t> out;
    for (const auto& d : device.done) out.push_back(d.at.ps());
    EXPECT_THAT(link.violations(), IsEmpty());
    EXPECT_EQ(s.pool.live(), 0u);
    return out;
  }
};

TEST(MemoryTiming, AnIdleDramReadTakesTheConfiguredLatencyAndNotAPicosecondLess) {
  Bench b(small());
  b.device.read(0x1000, 64, 1_ns);
  b.s.scheduler.run_until(85_ns);
  EXPECT_THAT(b.device.done, IsEmpty());
  EXPECT_THAT(b.run(), ElementsAre(85000u));
}

TEST(MemoryTiming, LinesOfOneChannelFollowEachOtherAndTheLastOneCounts) {
  Bench b(small());
  b.device.read(0x0, 256, 0_ns);   // four lines of channel 0: the last starts at 15 ns
  b.device.read(0x100, 64, 0_ns);  // channel 1 is free
  b.device.read(0x200, 64, 0_ns);  // channel 0 again, at 20 ns
  EXPECT_THAT(b.run(), ElementsAre(84000u, 99000u, 104000u));
}

TEST(MemoryTiming, ALargeReadUsesAllChannelsAtOnce) {
  Bench b(small());
  b.device.read(0x0, 512, 0_ns);  // four lines on each
  EXPECT_THAT(b.run(), ElementsAre(99000u));
}

TEST(MemoryTiming, AnUnalignedReadPaysForEachLineItTouches) {
  Bench b(small());
  b.device.read(0x3f, 2, 0_ns);
  EXPECT_THAT(b.run(), ElementsAre(89000u));
}

TEST(MemoryTiming, TheSubPicosecondRemainderOfALineIsCarried) {
  MemoryConfig c = small();
  c.dram.channels = 1;
  c.dram.bandwidth = base::Bandwidth::bits_per_second(153600000000);  // 19.2 GB/s: 3333 1/3 ps a line
  Bench b(c);
  for (unsigned i = 0; i < 4; ++i) b.device.read(0x1000 + 64 * i, 64, 0_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 87333u, 90666u, 94000u));
}

TEST(MemoryTiming, ADmaWriteLandsInTheCacheAndAReadFindsItThere) {
  Bench b(small());
  b.device.write(0x1000, 64, 0_ns);
  b.device.read(0x1000, 64, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(30000u, 130000u));
}

TEST(MemoryTiming, ADmaReadDoesNotFillTheCacheUnlessToldTo) {
  Bench b(small());
  b.device.read(0x1000, 64, 0_ns);
  b.device.read(0x1000, 64, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 184000u));
}

TEST(MemoryTiming, ADmaReadThatMayFillMakesTheNextOneAHit) {
  MemoryConfig c = small();
  c.llc.dma_reads_allocate = true;
  Bench b(c);
  b.device.read(0x1000, 64, 0_ns);
  b.device.read(0x1000, 64, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 130000u));
}

TEST(MemoryTiming, DmaWritesReachOnlyTheirWays) {
  Bench b(small());
  // Lines 0x0, 0x100, 0x200 share a set of 4 ways, 2 of them for DMA writes: the third write evicts the first line,
  // dirty.
  b.device.write(0x0, 64, 0_ns);
  b.device.write(0x100, 64, 0_ns);
  b.device.write(0x200, 64, 0_ns);
  b.device.read(0x0, 64, 100_ns);    // gone
  b.device.read(0x100, 64, 300_ns);  // there
  EXPECT_THAT(b.run(), ElementsAre(30000u, 30000u, 30000u, 184000u, 330000u));
}

TEST(MemoryTiming, AWriteBackWaitsInTheWriteBufferWithoutDelayingReads) {
  Bench b(small());
  b.device.write(0x0, 64, 0_ns);
  b.device.write(0x100, 64, 0_ns);
  b.device.write(0x200, 64, 200_ns);  // writes line 0x0 back, to channel 0
  b.device.read(0x400, 64, 200_ns);   // channel 0
  EXPECT_THAT(b.run(), ElementsAre(30000u, 30000u, 230000u, 284000u));
  EXPECT_EQ(b.memory.dram().channel(0).buffered(), 1u);
}

TEST(MemoryTiming, WithoutDdioDmaWritesGoToDramAndDropTheLine) {
  MemoryConfig c = small();
  c.llc.ddio_ways = 0;
  Bench b(c);
  b.device.traffic = Traffic::cpu;
  b.device.write(0x1000, 64, 0_ns);  // the core has the line in the cache
  b.device.traffic = Traffic::dma;
  b.device.write(0x1000, 64, 100_ns);
  b.device.read(0x1000, 64, 300_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 184000u, 384000u));
}

TEST(MemoryTiming, WalksAreCachedOrNotAsConfiguredAndCountedExactly) {
  Bench b(small());
  b.device.traffic = Traffic::walk;
  b.device.read(0x1000, 8, 0_ns);
  b.device.read(0x1008, 8, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 130000u));
  EXPECT_EQ(b.memory.reads(Traffic::walk), 2u);
  EXPECT_EQ(b.memory.reads(Traffic::dma), 0u);
}

TEST(MemoryTiming, UncachedWalksAlwaysPayForDramThoughACoreHasTheLine) {
  MemoryConfig c = small();
  c.llc.walks = WalkCaching::uncached;
  Bench b(c);
  b.device.traffic = Traffic::cpu;
  b.device.write(0x1000, 8, 0_ns);
  b.device.traffic = Traffic::walk;
  b.device.read(0x1000, 8, 100_ns);
  b.device.read(0x1000, 8, 200_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 184000u, 284000u));
}

TEST(MemoryTiming, AWalkFindsTheTableEntryACoreHasJustWritten) {
  Bench b(small());
  b.device.traffic = Traffic::cpu;
  b.device.write(0x1000, 8, 0_ns);
  b.device.traffic = Traffic::walk;
  b.device.read(0x1000, 8, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 130000u));
}

TEST(MemoryTiming, WithoutACacheEverythingIsDram) {
  MemoryConfig c = small();
  c.llc.size = 0_B;
  Bench b(c);
  b.device.write(0x1000, 64, 0_ns);
  b.device.read(0x1000, 64, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 184000u));
}

TEST(MemoryTiming, SpendsOneEventPerAccessHoweverManyLinesItHas) {
  Bench b(small());
  for (unsigned i = 0; i < 10; ++i) b.device.read(0, 4096, Time::us(10 * i));
  b.run();
  EXPECT_EQ(b.s.scheduler.dispatches(), 20u) << "one to issue, one to answer";
}

TEST(MemoryContents, AReadSeesEveryWriteThatArrivedBeforeItThoughItIsAnsweredFirst) {
  MemoryConfig c = small();
  c.llc.ddio_ways = 0;
  Bench b(c);
  b.device.write(0x1000, 8, 1_ns, 0xabcdef);
  b.device.traffic = Traffic::cpu;
  b.device.read(0x1000, 8, 2_ns);
  b.run();
  ASSERT_EQ(b.device.done.size(), 2u);
  EXPECT_EQ(b.device.done[1].word, 0xabcdefu);
  EXPECT_EQ(b.memory.contents().read64(Hpa(0x1000)), 0xabcdefu);
}

TEST(MemoryContents, BulkDmaWithoutContentsTouchesNothing) {
  Bench b(small());
  tlm::Payload& p = b.s.pool.acquire();
  b.s.pool.use_scratch(p, 4096);
  p.set_write();
  p.set_address(0x2000);
  tlm::dma(p).space = tlm::AddressSpace::hpa;
  b.device.push(p, 1_ns);
  b.run();
  EXPECT_EQ(b.memory.contents().frames(), 0u);
  EXPECT_EQ(b.memory.writes(Traffic::dma), 1u);
}

tlm::Payload& swap(Bench& b, std::uint64_t address, unsigned operand, std::uint64_t expected, std::uint64_t desired) {
  tlm::Payload& p = b.device.make(::tlm::TLM_WRITE_COMMAND, address, 2 * operand, 0);
  for (unsigned i = 0; i < operand; ++i) {
    p.get_data_ptr()[i] = static_cast<unsigned char>(expected >> 8 * i);
    p.get_data_ptr()[operand + i] = static_cast<unsigned char>(desired >> 8 * i);
  }
  tlm::dma(p).compare_and_swap = true;
  tlm::dma(p).traffic = Traffic::walk;
  return p;
}

TEST(MemoryContents, CompareAndSwapHappensOnceAndReturnsWhatWasThere) {
  Bench b(small());
  b.memory.contents().write64(Hpa(0x3000), 5);
  for (const Time at : {1_ns, 200_ns}) b.device.push(swap(b, 0x3000, 8, 5, 6), at);
  b.run();
  EXPECT_EQ(b.device.done[0].word, 5u);
  EXPECT_EQ(b.device.done[1].word, 6u);
  EXPECT_EQ(b.memory.contents().read64(Hpa(0x3000)), 6u);
}

TEST(MemoryContents, CompareAndSwapOfFourBytesReturnsThemAndLeavesTheNeighbour) {
  Bench b(small());
  b.memory.contents().write64(Hpa(0x3000), 0x700000005);
  b.device.push(swap(b, 0x3004, 4, 7, 8), 1_ns);
  b.device.push(swap(b, 0x3004, 4, 7, 9), 200_ns);
  b.run();
  EXPECT_EQ(b.device.done[0].word & 0xffffffff, 7u);
  EXPECT_EQ(b.device.done[1].word & 0xffffffff, 8u) << "it failed: the old value comes back all the same";
  EXPECT_EQ(b.memory.contents().read64(Hpa(0x3000)), 0x800000005u);
}

TEST(MemoryTiming, ACompareAndSwapTakesAReadOfItsLineAndLeavesItInTheCache) {
  Bench b(small());
  b.device.push(swap(b, 0x3038, 8, 0, 1), 1_ns);    // the last word of its line: not two lines
  b.device.push(swap(b, 0x3038, 8, 1, 2), 100_ns);  // now in the cache
  EXPECT_THAT(b.run(), ElementsAre(85000, 130000));
  EXPECT_EQ(b.memory.writes(Traffic::walk), 2u);
}

TEST(MemoryTiming, ACompareAndSwapPastTheCacheTakesAReadAndWritesItsLineBack) {
  MemoryConfig c = small();
  c.llc.walks = WalkCaching::uncached;
  Bench b(c);
  b.device.push(swap(b, 0x3000, 4, 0, 1), 1_ns);
  b.device.push(swap(b, 0x3000, 4, 1, 2), 300_ns);
  EXPECT_THAT(b.run(), ElementsAre(85000, 384000));
  EXPECT_FALSE(b.memory.llc().holds(0x3000 / 64));
}

TEST(MemoryErrors, ACompareAndSwapIsOfFourOrEightBytesAlignedAndMayEndWhereMemoryEnds) {
  Bench b(small());
  b.device.push(swap(b, 0xffff8, 8, 0, 1), 0_ns);
  b.device.push(swap(b, 0x3004, 8, 0, 1), 0_ns);
  b.device.push(swap(b, 0x3002, 4, 0, 1), 0_ns);
  b.device.push(swap(b, 0x3010, 2, 0, 1), 0_ns);
  b.run();
  std::map<std::uint64_t, ::tlm::tlm_response_status> status;
  for (const auto& d : b.device.done) status[d.address] = d.status;
  EXPECT_EQ(status[0xffff8], ::tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(status[0x3004], ::tlm::TLM_COMMAND_ERROR_RESPONSE);
  EXPECT_EQ(status[0x3002], ::tlm::TLM_COMMAND_ERROR_RESPONSE);
  EXPECT_EQ(status[0x3010], ::tlm::TLM_COMMAND_ERROR_RESPONSE);
}

TEST(MemoryErrors, AnAccessThatLeavesDramIsRefused) {
  Bench b(small());
  b.device.read(0xfffc0, 64, 0_ns);      // the last line of the first range
  b.device.read(0xfffc1, 64, 0_ns);      // one byte too far
  b.device.read(0x100000000, 64, 0_ns);  // the second range
  b.device.read(0x200000, 64, 0_ns);     // a hole
  b.run();
  std::map<std::uint64_t, ::tlm::tlm_response_status> status;
  for (const auto& d : b.device.done) status[d.address] = d.status;
  EXPECT_EQ(status[0xfffc0], ::tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(status[0xfffc1], ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(status[0x100000000], ::tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(status[0x200000], ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(b.memory.reads(Traffic::dma), 2u);
}

TEST(MemoryErrorsDeathTest, AnUntranslatedAddressIsAFaultOfOurs) {
  Bench b(small());
  b.device.space = tlm::AddressSpace::iova;
  b.device.read(0x1000, 64, 7_ns);
  EXPECT_DEATH(b.run(), "memory.*7 ns.*0x1000 arrives with an address that is not a host physical one");
}

TEST(MemoryDebug, IsFunctionalTimelessAndLeavesNoTrace) {
  Bench b(small());
  b.s.scheduler.run_until(1_ns);
  tlm::Payload& w = b.device.make(::tlm::TLM_WRITE_COMMAND, 0x5000, 8, 77);
  EXPECT_EQ(b.device.port.debug(w), 8u);
  w.release();
  EXPECT_EQ(b.memory.contents().read64(Hpa(0x5000)), 77u);
  EXPECT_FALSE(b.memory.llc().holds(0x5000 / 64));
  EXPECT_EQ(b.memory.writes(Traffic::dma), 0u);
  tlm::Payload& r = b.device.make(::tlm::TLM_READ_COMMAND, 0x200000, 8);
  EXPECT_EQ(b.device.port.debug(r), 0u);
  r.release();
}

}  // namespace
}  // namespace iommusim::mem
