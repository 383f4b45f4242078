// The two levels of the IOTLB in time, to the picosecond, and the options of its fills. Memory takes 100 ns, context
// lookup 1 ns, first level 0.5 ns, shared IOTLB 2 ns.
#include "models/base/random/stream.h"
#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

constexpr Time kFirst = Time::ps(1500);          // context, first level
constexpr Time kShared = kFirst + Time::ns(2);   // and the shared IOTLB
constexpr Time kWalk = kShared + Time::ns(100);  // and one table read
constexpr Time kStart = Time::us(1), kLater = Time::us(2);

RemappingUnitConfig two_levels() {
  RemappingUnitConfig c = Bench::defaults();
  c.iotlb.per_port.entries = 4;
  c.iotlb.per_port.latency = Time::ps(500);
  return c;
}
struct TwoPorts : Bench {
  explicit TwoPorts(const RemappingUnitConfig& c = two_levels())
      : Bench(c, 1, std::make_unique<FakeArchitecture>(), 2) {
    requester.read(Time::ns(10), 0x9000);  // brings the context in, and page 9 into the shared level and that of port 0
  }
  Time left_other(std::size_t i) const { return other->sent[i].answered_at - Time::ns(100); }
};

TEST(TwoLevelIotlb, AHitInThePortsOwnLevelPaysThatLevelOnly) {
  TwoPorts b;
  const auto hit = b.requester.read(kStart, 0x9040);
  b.run();
  EXPECT_EQ(b.left(hit).ps(), (kStart + kFirst).ps());
  EXPECT_TRUE(b.sent(hit).fields.iotlb_hit);
  EXPECT_EQ(b.unit->caches().first_level_use.hits.value(), 1u);
}
TEST(TwoLevelIotlb, AMissThereThatHitsTheSharedLevelPaysBoth) {
  TwoPorts b;
  const auto shared = b.other->read(kStart, 0x9040);
  const auto own = b.other->read(kLater, 0x9080);
  b.run();
  EXPECT_EQ(b.left_other(shared).ps(), (kStart + kShared).ps());
  EXPECT_TRUE(b.other->sent[shared].fields.iotlb_hit);
  EXPECT_EQ(b.left_other(own).ps(), (kLater + kFirst).ps()) << "the hit in the shared level filled the port's";
  EXPECT_EQ(b.walk_reads(), 2u) << "context and page 9, once";
}
TEST(TwoLevelIotlb, AMissOfBothWalksAndFillsBoth) {
  TwoPorts b;
  const auto miss = b.requester.read(kStart, 0x3000);
  const auto own = b.requester.read(kLater, 0x3040);
  const auto shared = b.other->read(kLater, 0x3080);
  b.run();
  EXPECT_EQ(b.left(miss).ps(), (kStart + kWalk).ps());
  EXPECT_FALSE(b.sent(miss).fields.iotlb_hit);
  EXPECT_EQ(b.left(own).ps(), (kLater + kFirst).ps());
  EXPECT_EQ(b.left_other(shared).ps(), (kLater + kShared).ps());
}
TEST(TwoLevelIotlb, AColdContextIsWalkedAtOnceAndTheWalkerGoesOnToThePage) {
  TwoPorts b;
  b.run();
  EXPECT_EQ(b.left(0).ps(), (Time::ns(10) + kFirst + Time::ns(200)).ps());
}
TEST(TwoLevelIotlb, MergedMissesOfTwoPortsFillBothFirstLevels) {
  TwoPorts b;
  const auto a = b.requester.read(kStart, 0x3000);
  const auto c = b.other->read(kStart + Time::ns(7), 0x3040);
  const auto again = b.other->read(kLater, 0x3040);
  b.run();
  EXPECT_EQ(b.left(a).ps(), (kStart + kWalk).ps());
  EXPECT_EQ(b.left_other(c).ps(), b.left(a).ps());
  EXPECT_EQ(b.left_other(again).ps(), (kLater + kFirst).ps());
}
TEST(TwoLevelIotlb, FirstLevelsKeepNoSuperpageOfWhichAnotherPageWasDroppedDuringItsWalk) {
  TwoPorts b;
  b.architecture->page_bits = 21;
  b.map(0x203, 0x50000000, 3);
  Command drop;
  drop.kind = Command::Kind::invalidate;
  drop.scope.caches = CacheSet().with(CacheKind::iotlb);
  drop.scope.space = Match::exactly(1);
  drop.scope.address = Match{0x200000, ~std::uint64_t{0xfff}};
  b.architecture->commands = {drop};
  b.registers->write(kStart - Time::ns(50), 0, base::SourceId(0), 8, 1);  // carried out at 1.050 us
  const auto racing = b.requester.read(kStart + Time::ns(1), 0x203000);
  const auto merged = b.other->read(kStart + Time::ns(7), 0x203040);
  const auto a = b.requester.read(kLater, 0x203080);
  const auto c = b.other->read(kLater + Time::us(1), 0x203080);
  const auto kept = b.requester.read(kLater + Time::us(2), 0x3080);
  b.run();
  EXPECT_EQ(b.left_other(merged).ps(), b.left(racing).ps()) << "one walk for both";
  EXPECT_EQ(b.left(a).ps(), (kLater + kWalk).ps());
  EXPECT_EQ(b.left_other(c).ps(), (kLater + Time::us(1) + kShared).ps()) << "not in its first level";
  EXPECT_EQ(b.left(kept).ps(), (kLater + Time::us(2) + kFirst).ps()) << "another superpage";
}
TEST(TwoLevelIotlb, EachPortsLookupsAreSpacedByThemselves) {
  auto c = two_levels();
  c.iotlb.per_port.lookup_interval = Time::ns(4);
  TwoPorts b(c);
  b.other->read(Time::ns(500), 0x9000);
  const auto first = b.requester.read(kStart, 0x9000);
  const auto second = b.requester.read(kStart, 0x9040);
  const auto other = b.other->read(kStart, 0x9080);
  b.run();
  EXPECT_EQ(b.left(first).ps(), (kStart + kFirst).ps());
  EXPECT_EQ(b.left(second).ps(), (kStart + Time::ns(4) + kFirst).ps());
  EXPECT_EQ(b.left_other(other).ps(), (kStart + kFirst).ps());
}
TEST(TwoLevelIotlb, OnlyMissesOfTheFirstLevelTakeTurnsAtTheSharedOne) {
  auto c = two_levels();
  c.lookup_interval = Time::ns(4);
  TwoPorts b(c);
  b.requester.read(Time::ns(300), 0x8000);
  b.other->read(Time::ns(600), 0x7000);
  const auto miss0 = b.requester.read(kStart, 0x7000);
  const auto miss1 = b.other->read(kStart, 0x8000);
  const auto hit = b.requester.read(kStart, 0x9000);
  b.run();
  EXPECT_EQ(b.left(miss0).ps(), (kStart + kShared).ps());
  EXPECT_EQ(b.left_other(miss1).ps(), (kStart + Time::ns(4) + kShared).ps());
  EXPECT_EQ(b.left(hit).ps(), (kStart + kFirst).ps());
}
TEST(TwoLevelIotlb, AStallHoldsTheSharedPipelineButNotHitsOfTheFirstLevel) {
  TwoPorts b;  // two walkers, in_order
  b.other->read(Time::ns(500), 0x8000);
  b.requester.read(kStart, 0x1000);
  b.requester.read(kStart, 0x2000);
  const auto third = b.requester.read(kStart, 0x3000);  // both walkers are taken
  const auto shared = b.requester.read(kStart, 0x8000);
  const auto own = b.requester.read(kStart, 0x9000);
  b.run();
  EXPECT_EQ(b.left(third).ps(), (kStart + kWalk + Time::ns(100)).ps());
  EXPECT_EQ(b.left(shared).ps(), (kStart + kWalk).ps()) << "behind the stall";
  EXPECT_EQ(b.left(own).ps(), (kStart + kFirst).ps());
}
TEST(TwoLevelIotlb, PassThroughAndCachedInterruptsNeedNeither) {
  TwoPorts b;
  b.memory.set_word(0x2000 + 8 * 3, 0x55);
  b.requester.read(Time::ns(300), 0x3000, base::SourceId(16));
  const auto cold = b.requester.write(Time::ns(500), 0xfee00018, base::SourceId(8), 4, 3);
  const auto pass = b.requester.read(kStart, 0x3000, base::SourceId(16));
  const auto warm = b.requester.write(kStart + Time::ns(10), 0xfee00018, base::SourceId(8), 4, 3);
  b.run();
  EXPECT_EQ(b.left(cold).ps(), Time::ns(500 + 1 + 100).ps());
  EXPECT_EQ(b.left(pass).ps(), (kStart + Time::ns(1)).ps());
  EXPECT_EQ(b.left(warm).ps(), (kStart + Time::ns(11)).ps());
}
TEST(TwoLevelIotlb, TheSharedLevelIsLookedUpByMissesOfTheFirstOnly) {
  TwoPorts b;
  b.requester.read(kStart, 0x9000);
  b.other->read(kStart, 0x9000);
  b.other->read(kLater, 0x3000);
  b.run();
  const Caches& c = b.unit->caches();
  EXPECT_EQ(c.first_level_use.lookups.value(), 4u);
  EXPECT_EQ(c.first_level_use.hits.value(), 1u);
  EXPECT_EQ(c.iotlb_use.lookups.value(), 3u);
  EXPECT_EQ(c.iotlb_use.hits.value(), 1u);
}
TEST(TwoLevelIotlb, ReadsStillLeaveInArrivalOrderWithinAWindow) {
  auto c = two_levels();
  c.read_order = ReadOrder::arrival;
  c.read_window = 3;
  TwoPorts b(c);
  base::RandomStream random(3, "reads");
  for (unsigned i = 0; i < 200; ++i) {
    const std::uint64_t page = random.below(3) == 0 ? 0x20 + random.below(64) : 9;
    b.requester.read(kStart + Time::ns(3) * i, page << 12);
  }
  b.run();
  ASSERT_EQ(b.requester.order.size(), 201u);
  for (std::size_t i = 0; i < b.requester.order.size(); ++i) EXPECT_EQ(b.requester.order[i], i);
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

// One that waited for its context is resolved at once when it comes: sent to the shared pipeline, it would come behind
// a younger read that the full window has refused, and that waits for it to leave.
TEST(TwoLevelIotlb, AReadThatWaitedForItsContextDoesNotFallBehindTheReadsThatWaitForIt) {
  auto c = two_levels();
  c.read_order = ReadOrder::arrival;
  c.read_window = 1;
  Bench b(c);
  b.requester.write(Time::ns(10), 0x9000);
  b.requester.read(Time::ns(11), 0x9000);
  b.requester.read(Time::ns(12), 0x9000);
  b.run();
  EXPECT_EQ(b.requester.order, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

// ---- options of the fills

TEST(ReserveOnMiss, AWalkCostsAnEntryFromItsStart) {
  auto c = Bench::defaults();
  c.iotlb.entries = 2;
  c.iotlb.reserve_on_miss = true;
  Bench b(c);
  b.requester.read(Time::ns(10), 0x8000);
  b.requester.read(Time::ns(400), 0x9000);
  b.requester.read(kStart, 0x3000);
  const auto early = b.requester.read(kStart + Time::ns(50), 0x9000);
  const auto victim = b.requester.read(kStart + Time::ns(60), 0x8000);
  b.run();
  EXPECT_EQ(b.left(early).ps(), (kStart + Time::ns(53)).ps());
  EXPECT_EQ(b.left(victim).ps(), (kStart + Time::ns(60 + 103)).ps()) << "its entry went when the walk began";
}
TEST(ReserveOnMiss, WithoutItTheEntryGoesWhenTheWalkEnds) {
  auto c = Bench::defaults();
  c.iotlb.entries = 2;
  Bench b(c);
  b.requester.read(Time::ns(10), 0x8000);
  b.requester.read(Time::ns(400), 0x9000);
  b.requester.read(kStart, 0x3000);
  const auto victim = b.requester.read(kStart + Time::ns(60), 0x8000);
  b.run();
  EXPECT_EQ(b.left(victim).ps(), (kStart + Time::ns(63)).ps());
}
TEST(ReserveOnMiss, AFaultingWalkGivesItsEntryBack) {
  auto c = Bench::defaults();
  c.iotlb.entries = 1;
  c.iotlb.reserve_on_miss = true;
  Bench b(c);
  b.requester.read(Time::ns(10), 0x9000);
  for (unsigned i = 0; i < 5; ++i) b.requester.read(kStart + Time::ns(300) * i, 0x5000);  // page 5 is absent
  b.requester.read(kStart + kLater, 0x9000);
  const auto hit = b.requester.read(kStart + kLater + Time::us(1), 0x9000);
  b.run(Time::us(10));
  EXPECT_EQ(b.left(hit).ps(), (kStart + kLater + Time::us(1) + Time::ns(3)).ps());
}
TEST(DuplicateFills, MissesThatDoNotMergeWalkEachAndMayLeaveAnEntryEach) {
  auto c = Bench::defaults();
  c.merge_misses = false;
  c.iotlb.duplicate_fills = true;
  Bench b(c);
  b.requester.read(Time::ns(10), 0x9000);
  const auto first = b.requester.read(kStart, 0x3000);
  const auto second = b.requester.read(kStart + Time::ns(50), 0x3040);
  b.run();
  EXPECT_EQ(b.left(first).ps(), (kStart + Time::ns(103)).ps());
  EXPECT_EQ(b.left(second).ps(), (kStart + Time::ns(153)).ps());
  EXPECT_EQ(b.walk_reads(), 2u + 2u);
  EXPECT_EQ(b.unit->caches().iotlb_entries(), 3u) << "page 9, page 3 twice";
}
TEST(DuplicateFills, WithoutThemUnmergedWalksShareAnEntry) {
  auto c = Bench::defaults();
  c.merge_misses = false;
  Bench b(c);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(kStart, 0x3000);
  b.requester.read(kStart + Time::ns(50), 0x3040);
  b.run();
  EXPECT_EQ(b.walk_reads(), 2u + 2u);
  EXPECT_EQ(b.unit->caches().iotlb_entries(), 2u);
}

}  // namespace
}  // namespace iommusim::test
