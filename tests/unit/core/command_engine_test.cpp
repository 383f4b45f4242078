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
  bool seen = false;
  for (const auto& a : b.memory.accesses) {
    if (!a.write) continue;
    seen = true;
    EXPECT_EQ(a.at.ps(), (Time::us(1) + Time::ns(200)).ps()) << "fetched at 1.2 us, nothing left to drain";
  }
  EXPECT_TRUE(seen);
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

// Two pages of one table; a leaf-only command for the first. What the second's walk reads tells what became of the
// pointer to their table, and whether the second itself is still cached.
struct Reach {
  InvalidationReach iotlb, walk;
  unsigned same_table_reads, other_reads;
};
class InvalidationReaches : public ::testing::TestWithParam<Reach> {};
INSTANTIATE_TEST_SUITE_P(Kinds, InvalidationReaches,
                         ::testing::Values(Reach{InvalidationReach::as_specified, InvalidationReach::as_specified, 1,
                                                 0},
                                           Reach{InvalidationReach::as_specified, InvalidationReach::all_levels, 3, 0},
                                           Reach{InvalidationReach::space, InvalidationReach::as_specified, 1, 1},
                                           Reach{InvalidationReach::space, InvalidationReach::space, 3, 3},
                                           Reach{InvalidationReach::all, InvalidationReach::all, 3, 3}));

TEST_P(InvalidationReaches, ByConfigurationFurtherThanTheCommandAsks) {
  auto config = Bench::defaults();
  config.invalidation.page_iotlb = GetParam().iotlb;
  config.invalidation.page_walk_caches = GetParam().walk;
  Bench b(config, 3);
  Command leaf = drop_page(3);
  leaf.scope.leaf_only = true;
  b.architecture->commands = {leaf};
  b.map(0x200, 0x50000000, 3);
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x200000);  // another table
  b.registers->write(Time::us(2), 0, base::SourceId(0), 8, 1);
  const auto same = b.requester.read(Time::us(3), 0x3000);
  const auto other = b.requester.read(Time::us(4), 0x200000);
  b.run();
  EXPECT_EQ(b.sent(same).fields.walk_reads, GetParam().same_table_reads);
  EXPECT_EQ(b.sent(other).fields.walk_reads, GetParam().other_reads);
}

struct Search {
  const char* what;
  std::uint64_t space_mask, address_mask;
  unsigned nanoseconds;
};
class InvalidationSearch : public ::testing::TestWithParam<Search> {};
INSTANTIATE_TEST_SUITE_P(Grains, InvalidationSearch,
                         ::testing::Values(Search{"Global", 0, 0, 1}, Search{"Domain", ~0ull, 0, 10 + 16 * 100},
                                           Search{"Page", ~0ull, ~0xfffull, 20 + 100},
                                           Search{"EightPages", ~0ull, ~0x7fffull, 20 + 8 * 100},
                                           Search{"HighBitsLeftOut", ~0ull, 0x7ffff000, 20 + 16 * 100}),
                         [](const auto& p) { return p.param.what; });

TEST_P(InvalidationSearch, TakesItsFixedPartAndTheSetsItLooksThrough) {
  auto config = Bench::defaults();
  config.iotlb = UnitCacheConfig{128, 8};
  config.invalidation.latency.global = Time::ns(1);
  config.invalidation.latency.selective = Time::ns(10);
  config.invalidation.latency.page = Time::ns(20);
  config.invalidation.latency.per_set = Time::ns(100);
  Bench b(config);
  Command c = drop_page(3);
  c.scope.caches = CacheSet().with(CacheKind::iotlb);
  c.scope.space.mask = GetParam().space_mask;
  c.scope.address.mask = GetParam().address_mask;
  b.architecture->commands = {c, wait(0x8000, 1)};
  b.requester.read(Time::ns(10), 0x3000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 2);
  b.run();
  const auto& last = b.memory.accesses.back();
  EXPECT_TRUE(last.write);
  EXPECT_EQ(last.at.ps(), (Time::us(1) + Time::ns(200 + GetParam().nanoseconds)).ps());
}

TEST(CommandEngine, HitsGoOnUntilTheSearchEnds) {
  auto config = Bench::defaults();
  config.invalidation.latency.page = Time::ns(400);
  Bench b(config);
  b.architecture->commands = {drop_page(3), wait(0x8000, 1)};
  b.requester.read(Time::ns(10), 0x3000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 2);  // fetched at 1.1 us
  const auto during = b.requester.read(Time::ns(1490), 0x3000);
  const auto after = b.requester.read(Time::ns(1500), 0x3000);
  b.run();
  EXPECT_TRUE(b.sent(during).fields.iotlb_hit);
  EXPECT_FALSE(b.sent(after).fields.iotlb_hit);
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
