// When DRAM answers: banks, rows, the data bus, the scheduler and the write buffer, to the picosecond.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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

// One channel of four banks, each 1 KiB in turn (kilobytes 0 to 3 are banks 0 to 3; the folded bank number makes 5 the
// next of bank 0), rows of 1 KiB, and round numbers: an idle read takes 84 ns of which an activate is 10 ns; a line
// takes 5 ns of the bus, a precharge 12 ns, a row cycle 42 ns. No cache, so that writes reach DRAM.
MemoryConfig small(PagePolicy policy) {
  MemoryConfig c;
  c.ranges = {{Hpa(0), 1_MiB}};
  c.llc.size = 0_B;
  DramConfig& d = c.dram;
  d.channels = 1;
  d.latency = 84_ns;
  d.bandwidth = base::Bandwidth::bits_per_second(102400000000);
  d.banks = 4;
  d.row = 1_KiB;
  d.bank_interleave = 1_KiB;
  d.page_policy = policy;
  d.timing.t_rcd = 10_ns;
  d.timing.t_rp = 12_ns;
  d.timing.t_ras = 30_ns;
  d.timing.t_rtp = 7_ns;
  d.timing.t_wr = 20_ns;
  d.timing.read_to_write = 6_ns;
  d.timing.write_to_read = 15_ns;
  d.scheduler.writes = 8;
  d.scheduler.drain_at = 8;
  d.scheduler.drain_to = 0;
  return c;
}
constexpr std::uint64_t kBank0 = 0, kBank0OtherRow = 0x1400, kBank1 = 0x400, kBank2 = 0x800, kBank3 = 0xc00;

struct Bench {
  explicit Bench(const MemoryConfig& config) : memory("memory", s.context, config, 1) {
    device.port.bind(link.from_initiator);
    link.to_target.bind(memory.port());
  }
  tlm::Simulation s;
  test::OwnInitiator device{"device", s.context};
  tlm::ProtocolChecker link{"link"};
  MemorySystem memory;

  // Times of the responses in ps, in their order.
  std::vector<std::uint64_t> run() {
    s.scheduler.run_until(1_ms);
    std::vector<std::uint64_t> out;
    for (const auto& d : device.done) out.push_back(d.at.ps());
    EXPECT_THAT(link.violations(), IsEmpty());
    EXPECT_EQ(s.pool.live(), 0u);
    EXPECT_EQ(memory.dram().channel(0).waiting(), 0u);
    return out;
  }
  std::uint64_t count(const char* metric) {
    return s.stats.to_json(s.scheduler.now())["memory"]["dram"]["channel0"][metric]["value"].get<std::uint64_t>();
  }
};

TEST(DramMapping, TheTestsKnowWhichBankAnAddressIsIn) {
  const MemoryConfig c = small(PagePolicy::open);
  const DramMap map(c.dram);
  const auto bank = [&](std::uint64_t address) { return map.place(map.local(address / 64).line).bank; };
  EXPECT_EQ(bank(kBank0), 0u);
  EXPECT_EQ(bank(kBank0OtherRow), 0u);
  EXPECT_EQ(bank(kBank1), 1u);
  EXPECT_EQ(bank(kBank2), 2u);
  EXPECT_EQ(bank(kBank3), 3u);
}

// Open page: what an access costs depends on what its bank was left with.

TEST(OpenPage, AClosedBankCostsTheIdleLatencyAHitAnActivateLessAConflictAPrechargeMore) {
  Bench b(small(PagePolicy::open));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0 + 0x40, 64, 200_ns);
  b.device.read(kBank0OtherRow, 64, 400_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 274000u, 496000u));
  EXPECT_EQ(b.count("row_misses"), 1u);
  EXPECT_EQ(b.count("row_hits"), 1u);
  EXPECT_EQ(b.count("row_conflicts"), 1u);
  EXPECT_EQ(b.s.scheduler.dispatches(), 6u) << "an idle channel costs no event";
}

TEST(OpenPage, AConflictWaitsForTheRowToHaveBeenOpenLongEnough) {
  Bench b(small(PagePolicy::open));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0OtherRow, 64, 29_ns);  // precharge at 30 ns, not before
  EXPECT_THAT(b.run(), ElementsAre(84000u, 126000u));
}

TEST(OpenPage, AConflictThatComesWhenTheRowMayCloseDoesNotWait) {
  Bench b(small(PagePolicy::open));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0OtherRow, 64, 31_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 127000u));
}

TEST(OpenPage, ARowHitFollowsOnTheBusAsSoonAsTheRowIsOpen) {
  Bench b(small(PagePolicy::open));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0 + 0x40, 64, 3_ns);  // bus: column commands at 10 ns and 15 ns
  EXPECT_THAT(b.run(), ElementsAre(84000u, 89000u));
}

TEST(OpenPage, AHitIsServedBeforeAnOlderConflict) {
  Bench b(small(PagePolicy::open));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0OtherRow, 64, 1_ns);
  b.device.read(kBank0 + 0x40, 64, 2_ns);
  b.device.read(kBank0 + 0x80, 64, 3_ns);
  // The hits' columns are at 15 and 20 ns, so the row may close at 30 ns all the same.
  EXPECT_THAT(b.run(), ElementsAre(84000u, 89000u, 94000u, 126000u));
  EXPECT_EQ(b.device.done[3].address, kBank0OtherRow);
}

MemoryConfig capped(unsigned limit) {
  MemoryConfig c = small(PagePolicy::open);
  c.dram.scheduler.bypass_limit = limit;
  return c;
}
void reads_that_starve_a_conflict(Bench& b) {
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0OtherRow, 64, 1_ns);
  for (unsigned i = 1; i <= 4; ++i) b.device.read(kBank0 + 0x40 * i, 64, 1_ns);
}

TEST(OpenPage, HitsPassAnOlderConflictWhileTheyLast) {
  Bench b(capped(32));
  reads_that_starve_a_conflict(b);
  // Columns of the hits at 15, 20, 25 and 30 ns; the row closes 7 ns after the last, at 37 ns.
  EXPECT_THAT(b.run(), ElementsAre(84000u, 89000u, 94000u, 99000u, 104000u, 133000u));
  EXPECT_EQ(b.device.done[5].address, kBank0OtherRow);
}

TEST(OpenPage, NoMoreAccessesPassAWaitingOneThanTheLimitAllows) {
  Bench b(capped(2));
  reads_that_starve_a_conflict(b);
  // After two hits the conflict is next: it starts at 30 ns. The third hit has become a conflict (precharge at
  // 42 + 30 ns), the fourth follows it as a hit.
  EXPECT_THAT(b.run(), ElementsAre(84000u, 89000u, 94000u, 126000u, 168000u, 173000u));
  EXPECT_EQ(b.device.done[3].address, kBank0OtherRow);
}

// Closed page.

TEST(ClosedPage, EveryIdleAccessTakesTheLatency) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0 + 0x40, 64, 200_ns);
  b.device.read(kBank0OtherRow, 64, 400_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 284000u, 484000u));
  EXPECT_EQ(b.count("row_misses"), 3u);
  EXPECT_EQ(b.s.scheduler.dispatches(), 6u);
}

TEST(ClosedPage, ABankIsUsedAgainAfterItsRowCycle) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0OtherRow, 64, 41_ns);  // activate at 42 ns
  b.device.read(kBank0, 64, 85_ns);          // activate at 84 ns was possible
  EXPECT_THAT(b.run(), ElementsAre(84000u, 126000u, 169000u));
}

TEST(ClosedPage, BanksOverlapAndTheBusIsWhatTheyShare) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank1, 64, 0_ns);
  b.device.read(kBank2, 64, 0_ns);
  b.device.read(kBank3, 64, 16_ns);  // the bus was free from 15 ns on, seen from an access that activates
  EXPECT_THAT(b.run(), ElementsAre(84000u, 89000u, 94000u, 100000u));
}

TEST(ClosedPage, AnAccessToAFreeBankPassesAnOlderOneWhoseBankIsBusy) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0OtherRow, 64, 1_ns);
  b.device.read(kBank1, 64, 20_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 104000u, 126000u));
}

TEST(ClosedPage, ARowStaysOpenForAnAccessThatWaits) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank0, 64, 0_ns);
  b.device.read(kBank0 + 0x40, 64, 0_ns);  // the row was closed before it came: activates at 42 ns
  b.device.read(kBank0 + 0x80, 64, 0_ns);  // column right after it, at 57 ns
  b.device.read(kBank0 + 0xc0, 64, 200_ns);
  EXPECT_THAT(b.run(), ElementsAre(84000u, 126000u, 131000u, 284000u));
  EXPECT_EQ(b.count("row_hits"), 1u);
  EXPECT_EQ(b.count("row_misses"), 3u);
}

TEST(ClosedPage, TheLinesOfOneRequestInARowAreOneAccess) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank0, 256, 0_ns);
  b.device.read(kBank0 + 0x380, 256, 200_ns);  // two lines in bank 0, two in bank 1
  EXPECT_THAT(b.run(), ElementsAre(99000u, 299000u));
  EXPECT_EQ(b.count("row_misses"), 3u);
  EXPECT_EQ(b.count("row_hits"), 5u);
  EXPECT_EQ(b.s.scheduler.dispatches(), 4u);
}

TEST(ClosedPage, ALineWhoseBankIsBusyWaitsWithoutHoldingTheBus) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank1, 64, 0_ns);
  b.device.read(kBank1 - 0x40, 128, 20_ns);  // its second line is of bank 1: activates at 42 ns
  b.device.read(kBank2, 64, 21_ns);          // starts at 25 ns, 10 ns before the bus is free
  EXPECT_THAT(b.run(), ElementsAre(84000u, 109000u, 126000u));
  EXPECT_EQ(b.device.done[1].address, kBank2);
}

TEST(ClosedPage, ALineWhoseBankIsReadyByTheTimeOfItsSlotStartsWithTheOthers) {
  Bench b(small(PagePolicy::closed));
  b.device.read(kBank1, 64, 0_ns);
  b.device.read(kBank1 - 0x80, 192, 32_ns);  // slots at 42, 47 and 52 ns, and bank 1 activates at 42 ns
  EXPECT_THAT(b.run(), ElementsAre(84000u, 126000u));
  EXPECT_EQ(b.s.scheduler.dispatches(), 4u);
}

// Writes.

void fill_write_buffer(Bench& b, unsigned lines, Time at) {
  for (unsigned i = 0; i < lines; ++i) b.device.write(0x400 * (i % 4) + 0x40 * (i / 4), 64, at);
}

TEST(WriteBuffer, AWriteIsDoneWhenTheBufferHasItAndAReadDoesNotWaitForIt) {
  Bench b(small(PagePolicy::closed));
  fill_write_buffer(b, 7, 0_ns);
  b.device.read(kBank2, 64, 1_ns);
  std::vector<std::uint64_t> expected(7, 84000u);
  expected.push_back(85000u);
  EXPECT_THAT(b.run(), ::testing::ElementsAreArray(expected));
  EXPECT_EQ(b.memory.dram().channel(0).buffered(), 7u);
  EXPECT_EQ(b.count("drains"), 0u);
  EXPECT_EQ(b.s.scheduler.dispatches(), 16u) << "buffered writes cost no event";
}

TEST(WriteBuffer, AtTheHighWatermarkItDrainsAndAReadComesAfterTheTurnAround) {
  MemoryConfig c = small(PagePolicy::closed);
  c.dram.scheduler.drain_at = 4;
  Bench b(c);
  fill_write_buffer(b, 4, 100_ns);  // one to each bank: slots from 110 to 130 ns
  b.device.read(kBank0, 64, 300_ns);
  b.device.read(kBank1, 64, 400_ns);
  b.run();
  EXPECT_EQ(b.device.done[4].at, 384_ns) << "long over";
  EXPECT_EQ(b.device.done[5].at, 484_ns);
  EXPECT_EQ(b.count("drains"), 1u);
  EXPECT_EQ(b.count("written_lines"), 4u);
  EXPECT_EQ(b.count("turnarounds"), 2u);
  EXPECT_EQ(b.memory.dram().channel(0).buffered(), 0u);
}

TEST(WriteBuffer, AReadDuringADrainWaitsForItsEndAndTheTurnAround) {
  MemoryConfig c = small(PagePolicy::closed);
  c.dram.banks = 8;
  c.dram.scheduler.drain_at = 4;
  Bench b(c);
  fill_write_buffer(b, 4, 100_ns);
  b.device.read(0x1000, 64, 101_ns);  // bank 4
  // Write slots end at 130 ns, the column command is at 145 ns: 74 ns to the response.
  b.run();
  EXPECT_EQ(b.device.done.back().at, 219_ns);
}

TEST(WriteBuffer, AWriteAfterAReadWaitsForTheTurnAround) {
  MemoryConfig c = small(PagePolicy::closed);
  c.dram.scheduler.drain_at = 1;
  c.dram.scheduler.writes = 1;
  Bench b(c);
  b.device.read(kBank0, 64, 100_ns);   // slot 110 to 115 ns
  b.device.write(kBank1, 64, 105_ns);  // starts 5 ns later, slot 121 to 126 ns instead of 115 to 120
  b.device.write(kBank2, 64, 106_ns);  // finds the buffer empty: the other line left it when the drain began
  b.device.read(kBank3, 64, 107_ns);   // has its turn before the second drain: column at 126 + 15 ns
  b.device.read(kBank0, 64, 150_ns);   // after it: its slot is 152 to 157 ns, so the column is at 172 ns
  EXPECT_THAT(b.run(), ElementsAre(184000u, 189000u, 190000u, 215000u, 246000u));
  EXPECT_EQ(b.count("turnarounds"), 4u);
}

TEST(WriteBuffer, AWrittenBankIsUsedAgainAfterItsWriteRecovery) {
  MemoryConfig c = small(PagePolicy::closed);
  c.dram.scheduler.drain_at = 1;
  Bench b(c);
  b.device.write(kBank0, 64, 100_ns);  // slot 110 to 115, precharge at 135, activate at 147 ns
  b.device.read(kBank0OtherRow, 64, 146_ns);
  EXPECT_THAT(b.run(), ElementsAre(184000u, 231000u));
}

TEST(WriteBuffer, AWriteThatFindsItFullIsDoneWhenALineHasLeft) {
  MemoryConfig c = small(PagePolicy::closed);
  c.dram.scheduler.writes = 2;
  c.dram.scheduler.drain_at = 2;
  c.dram.scheduler.drain_to = 1;
  Bench b(c);
  // The second write starts a drain of one line at 100 ns (slot 110 to 115). The third fills the buffer again; its
  // drain starts at 105 ns, and the slot of the line it sends begins at 115 ns: then the fourth has room.
  fill_write_buffer(b, 4, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(184000u, 184000u, 184000u, 199000u));
}

TEST(WriteBuffer, ReadsThatWaitHaveTheirTurnBetweenTwoDrains) {
  MemoryConfig c = small(PagePolicy::closed);
  c.dram.scheduler.writes = 4;
  c.dram.scheduler.drain_at = 2;
  c.dram.banks = 16;
  Bench b(c);
  b.device.write(0x0, 64, 100_ns);
  b.device.write(0x400, 64, 100_ns);  // drain: slots 110 to 120 ns
  for (std::uint64_t i = 4; i < 7; ++i) b.device.read(0x400 * i, 64, 101_ns);
  b.device.write(0x800, 64, 102_ns);
  b.device.write(0xc00, 64, 102_ns);
  // Two reads at columns 135 and 140, two writes at slots 151 and 156 ns, and the third read at 161 + 15 ns.
  b.run();
  std::vector<std::uint64_t> reads;
  for (const auto& d : b.device.done) {
    if (d.address >= 0x1000) reads.push_back(d.at.ps());
  }
  EXPECT_THAT(reads, ElementsAre(209000u, 214000u, 250000u));
  EXPECT_EQ(b.count("drains"), 2u);
  EXPECT_EQ(b.count("turnarounds"), 4u);
}

TEST(WriteBuffer, ADrainTakesRowHitsTogether) {
  MemoryConfig c = small(PagePolicy::open);
  c.dram.scheduler.drain_at = 4;
  Bench b(c);
  for (const std::uint64_t a : {kBank0, kBank0OtherRow, kBank0 + 0x40, kBank0OtherRow + 0x40}) {
    b.device.write(a, 64, 0_ns);
  }
  b.run();
  EXPECT_EQ(b.count("row_hits"), 2u);
  EXPECT_EQ(b.count("row_conflicts"), 1u);
}

// Refresh.

TEST(Refresh, AnAccessDuringARefreshWaitsForItsEndAndFindsTheRowClosed) {
  MemoryConfig c = small(PagePolicy::open);
  c.dram.timing.t_refi = 1_us;
  c.dram.timing.t_rfc = 350_ns;
  Bench b(c);
  b.device.read(kBank0, 64, 900_ns);
  b.device.read(kBank0, 64, 1100_ns);  // the refresh lasts until 1,350 ns
  b.device.read(kBank0, 64, 1900_ns);  // a hit
  b.device.read(kBank0, 64, 2350_ns);  // just after the next one
  b.device.read(kBank0, 64, 3349_ns);
  EXPECT_THAT(b.run(), ElementsAre(984000u, 1434000u, 1974000u, 2434000u, 3434000u));
}

}  // namespace
}  // namespace iommusim::mem
