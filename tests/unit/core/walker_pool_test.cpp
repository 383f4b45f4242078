// Walkers: accesses that change tables, and their time; what is counted.
#include <nlohmann/json.hpp>

#include "tests/unit/core/full_architecture.h"

namespace iommusim::test {
namespace {

class Swap : public ::testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Bytes, Swap, ::testing::Values(4u, 8u));

TEST_P(Swap, SetsTheAccessedBitAfterTheReadAndBeforeTheRequestLeaves) {
  Bench b;
  b.architecture->mark_accessed = GetParam();
  const auto r = b.requester.read(Time::ns(10), 0x3000);
  b.run();
  // Lookup 3 ns, context entry, leaf, compare-and-swap: 100 ns each.
  EXPECT_EQ(b.left(r).ps(), Time::ns(10 + 3 + 300).ps());
  EXPECT_EQ(b.memory.word(0x100000 + 8 * 3), 0x40003000u | 7u);
  const auto& swap = b.memory.accesses.at(2);
  EXPECT_TRUE(swap.write);
  EXPECT_EQ(swap.at.ps(), Time::ns(10 + 3 + 200).ps());
  EXPECT_EQ(swap.address, 0x100000u + 8 * 3);
  EXPECT_EQ(swap.bytes, 2 * GetParam());
  EXPECT_EQ(b.sent(r).fields.walk_reads, 2) << "a compare-and-swap is not a read";
}

TEST_P(Swap, ThatFindsAnotherValueReturnsItAndTheWalkLooksAnew) {
  Bench b;
  b.architecture->mark_accessed = GetParam();
  const auto r = b.requester.read(Time::ns(10), 0x3000);
  b.run(Time::ns(10 + 3 + 250));  // the entry was read at 0.213 us, the swap is under way
  b.memory.set_word(0x100000 + 8 * 3, 0x70000000u | 3u);
  b.run();
  EXPECT_EQ(b.left(r).ps(), Time::ns(10 + 3 + 400).ps()) << "one more swap";
  EXPECT_EQ(b.memory.accesses.back().address, 0x70000000u);
  EXPECT_EQ(b.memory.word(0x100000 + 8 * 3), 0x70000000u | 7u);
}

TEST_P(Swap, RefusedByMemoryRefusesTheRequest) {
  Bench b;
  b.architecture->mark_accessed = GetParam();
  const auto r = b.requester.read(Time::ns(10), 0x3000);
  b.run(Time::ns(10 + 3 + 250));
  b.memory.limit = 0x100000;
  b.run();
  EXPECT_FALSE(b.sent(r).ok);
  ASSERT_EQ(b.architecture->recorded.size(), 1u);
  EXPECT_EQ(b.architecture->recorded[0].fault.kind, FaultKind::structure_access);
}

TEST(WalkerPool, CountsWalksByWhatTheyAreForThoughOneWalkerDoesSeveral) {
  FullBench b;
  b.memory.set_word(0x2000 + 8 * 3, 0x55);
  b.read_as(Time::ns(10), 0x3000, 1);
  b.read_as(Time::us(1), 0x4000, 1);
  b.requester.write(Time::us(2), 0xfee00018, base::SourceId(8), 4, 3);
  b.run();
  const auto all = b.simulation.stats.to_json(b.simulation.scheduler.now())["unit"]["walker"];
  const auto n = [&all](const char* name) { return all[name]["value"].get<double>(); };
  EXPECT_EQ(n("context_walks"), 1);
  EXPECT_EQ(n("process_walks"), 1);
  EXPECT_EQ(n("page_walks"), 2);
  EXPECT_EQ(n("interrupt_walks"), 1);
  EXPECT_EQ(n("walks"), 5);
}

TEST(WalkerPool, TellsCorruptDataFromARefusedRead) {
  Bench b;
  b.memory.corrupt_at = 0x100000 + 8 * 3;
  b.memory.limit = 0x100000 + 8 * 4;
  const auto corrupt = b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x4000);
  b.run();
  EXPECT_FALSE(b.sent(corrupt).ok);
  ASSERT_EQ(b.architecture->recorded.size(), 2u);
  EXPECT_EQ(b.architecture->recorded[0].fault.reason, 10);
  EXPECT_EQ(b.architecture->recorded[1].fault.reason, 9);
}

}  // namespace
}  // namespace iommusim::test
