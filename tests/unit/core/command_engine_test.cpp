// The command queue as hardware, and what an invalidation does to caches and to walks in flight.
#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

Command drop_page(std::uint64_t page) {
  Command c;
  c.kind = Command::Kind::invalidate;
  c.form = Command::Form::iotlb_page;
  c.scope.caches = CacheSet().with(CacheKind::iotlb).with(CacheKind::walk);
  c.scope.space = Match::exactly(1);
  c.scope.address = Match{page << 12, ~std::uint64_t{0xfff}};
  return c;
}
Command wait(std::uint64_t address, std::uint32_t status) {
  Command c;
  c.kind = Command::Kind::wait;
  c.form = Command::Form::wait;
  c.write_status = true;
  c.status_address = Hpa(address);
  c.status = status;
  return c;
}

TEST(CommandEngine, FetchesExecutesAndSignalsInOrder) {
  auto config = Bench::defaults();
  config.command_latency = Time::ns(5);
  config.register_latency = Time::ns(2);
  Bench b(config);
  b.architecture->commands = {drop_page(3), wait(0x8000, 0xabcd)};
  b.requester.read(Time::ns(10), 0x3000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 2);
  const auto after = b.requester.read(Time::us(2), 0x3000);
  b.run();
  // Register 2 ns, two fetches of 100 ns, two executions of 5 ns; then the status write goes out.
  const auto& accesses = b.memory.accesses;
  const auto status =
      std::find_if(accesses.begin(), accesses.end(), [](const auto& a) { return a.write && a.address == 0x8000; });
  ASSERT_NE(status, accesses.end());
  EXPECT_EQ(status->at.ps(), (Time::us(1) + Time::ns(2 + 100 + 5 + 100 + 5)).ps());
  EXPECT_EQ(status->data, 0xabcdu);
  EXPECT_FALSE(b.sent(after).fields.iotlb_hit) << "the entry is gone";
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

TEST(CommandEngine, LeavesOtherPagesAlone) {
  Bench b;
  b.architecture->commands = {drop_page(3)};
  b.requester.read(Time::ns(10), 0x4000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 1);
  const auto after = b.requester.read(Time::us(2), 0x4000);
  b.run();
  EXPECT_TRUE(b.sent(after).fields.iotlb_hit);
}

TEST(CommandEngine, WalkOvertakenByAnInvalidationInstallsNothingAndHoldsTheWait) {
  Bench b;
  b.architecture->commands = {drop_page(3), wait(0x8000, 1)};
  b.requester.read(Time::ns(10), 0x9000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 2);
  // Looked up at 1.093 us; its leaf read is in memory until 1.193 us, the invalidation executes at 1.100 us.
  const auto racing = b.requester.read(Time::us(1) + Time::ns(90), 0x3000);
  const auto after = b.requester.read(Time::us(2), 0x3000);
  b.run();
  EXPECT_EQ(b.left(racing).ps(), (Time::us(1) + Time::ns(193)).ps());
  EXPECT_FALSE(b.sent(after).fields.iotlb_hit);
  for (const auto& a : b.memory.accesses) {
    if (a.write) {
      EXPECT_EQ(a.at.ps(), (Time::us(1) + Time::ns(200)).ps()) << "fetched at 1.2 us, nothing left to drain";
    }
  }
}

TEST(CommandEngine, WaitCompletesOnlyAfterTheOvertakenWalk) {
  Bench b(Bench::defaults(), 3);
  b.architecture->commands = {drop_page(3), wait(0x8000, 1)};
  b.requester.read(Time::ns(10), 0x40000000 - 0x1000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 2);
  const auto racing = b.requester.read(Time::us(1) + Time::ns(90), 0x3000);  // three reads: ends at 1.393 us
  b.run();
  EXPECT_EQ(b.left(racing).ps(), (Time::us(1) + Time::ns(393)).ps());
  bool seen = false;
  for (const auto& a : b.memory.accesses) {
    if (!a.write) continue;
    seen = true;
    EXPECT_EQ(a.at.ps(), (Time::us(1) + Time::ns(393)).ps());
  }
  EXPECT_TRUE(seen);
}

TEST(CommandEngine, WaitCompletesOnlyAfterAWriteThatWasTranslatedBeforeTheInvalidation) {
  Bench b(Bench::defaults(), 3);
  b.architecture->commands = {drop_page(0x40), wait(0x8000, 1)};
  b.map(0x40, 0x50000000, 3);
  b.requester.read(Time::ns(10), 0x40000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 2);
  // The first write walks three levels until 1.353 us; the second hits page 0x40 and is held behind it: its old
  // translation is in use until then, so the wait fetched at 1.200 us must not complete before.
  b.requester.write(Time::us(1) + Time::ns(50), 0x40000000 - 0x2000);
  const auto held = b.requester.write(Time::us(1) + Time::ns(60), 0x40000);
  b.run();
  EXPECT_EQ(b.left(held).ps(), (Time::us(1) + Time::ns(353)).ps());
  bool seen = false;
  for (const auto& a : b.memory.accesses) {
    if (a.address != 0x8000) continue;
    seen = true;
    EXPECT_EQ(a.at.ps(), (Time::us(1) + Time::ns(353)).ps());
  }
  EXPECT_TRUE(seen);
}

TEST(CommandEngine, LeafOnlyInvalidationKeepsTheWalkCaches) {
  Command leaf = drop_page(3);
  leaf.scope.leaf_only = true;
  Bench b(Bench::defaults(), 3);
  b.architecture->commands = {leaf, drop_page(3)};
  b.requester.read(Time::ns(10), 0x3000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 1);
  const auto kept = b.requester.read(Time::us(2), 0x3000);
  b.registers->write(Time::us(3), 0, base::SourceId(0), 8, 2);
  const auto dropped = b.requester.read(Time::us(4), 0x3000);
  b.run();
  EXPECT_EQ(b.sent(kept).fields.walk_reads, 1);
  EXPECT_EQ(b.sent(dropped).fields.walk_reads, 3);
}

TEST(InvalidationScope, SelectsLargerEntriesThatContainTheAddress) {
  InvalidationScope s;
  s.space = Match::exactly(7);
  s.address = Match{0x203000, ~std::uint64_t{0xfff}};
  EXPECT_TRUE(s.selects(RangeTag{7, 0x203000, 12, 0, 0}));
  EXPECT_FALSE(s.selects(RangeTag{7, 0x204000, 12, 0, 0}));
  EXPECT_TRUE(s.selects(RangeTag{7, 0x200000, 21, 0, 0}));
  EXPECT_FALSE(s.selects(RangeTag{8, 0x203000, 12, 0, 0}));
}

}  // namespace
}  // namespace iommusim::test
