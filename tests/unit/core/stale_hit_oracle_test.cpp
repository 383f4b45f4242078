// What the stale-hit oracle counts, exactly: IOTLB hits and walks that rest on what software has cleared, before and
// after the call that cleared it returns.
#include "models/iommu/core/stale_hit_oracle.h"

#include <nlohmann/json.hpp>

#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

constexpr base::SourceId kDevice{8};
constexpr base::Iova kPage{0x3000};
constexpr std::uint64_t kDomain = 1;

RemappingUnitConfig watched() {
  RemappingUnitConfig c = Bench::defaults();
  c.stale_hit_oracle = true;
  return c;
}

struct Watched : Bench {
  explicit Watched(const RemappingUnitConfig& config = watched()) : Bench(config), oracle(*unit->stale_hit_oracle()) {}
  void clear() { map(3, 0, 0); }
  void begins() { oracle.unmap_begins(kDomain, {kDevice}, kPage, 4096); }
  void ends() { oracle.unmap_ends(kDomain, kPage, 4096); }
  std::uint64_t during() const { return oracle.hits.during_unmap.value(); }
  std::uint64_t after() const { return oracle.hits.after_unmap.value(); }
  StaleHitOracle& oracle;
};

Command drop_page(std::uint64_t page) {
  Command c;
  c.kind = Command::Kind::invalidate;
  c.scope.caches = CacheSet().with(CacheKind::iotlb);
  c.scope.space = Match::exactly(kDomain);
  c.scope.address = {page << 12, ~std::uint64_t{0xfff}};
  return c;
}
Command wait() {
  Command c;
  c.kind = Command::Kind::wait;
  c.write_status = true;
  c.status_address = Hpa(0x8000);
  c.status = 1;
  return c;
}

TEST(StaleHitOracle, IsNotThereUnlessAskedFor) {
  Bench b;
  EXPECT_EQ(b.unit->stale_hit_oracle(), nullptr);
  EXPECT_EQ(b.simulation.stats.to_json(b.simulation.scheduler.now())["unit"].count("stale_hits"), 0u);
}

TEST(StaleHitOracle, CountsHitsOnAClearedMappingByWhetherTheCallHasReturned) {
  Watched b;
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::ns(500), 0x3040);
  b.run(Time::us(1));
  EXPECT_EQ(b.during() + b.after(), 0u) << "the mapping is live";
  b.begins();
  b.requester.read(Time::us(1), 0x3080);
  b.run(Time::us(2));
  EXPECT_EQ(b.during() + b.after(), 0u) << "the call has begun, but the tables still map it";
  b.clear();
  b.requester.read(Time::us(2), 0x3000);
  b.requester.write(Time::us(2), 0x3ff0, kDevice, 16);
  b.requester.read(Time::us(2), 0x4000);
  b.run(Time::us(3));
  EXPECT_EQ(b.during(), 2u) << "page 4 has nothing to do with it";
  EXPECT_EQ(b.after(), 0u);
  b.ends();
  for (unsigned i = 0; i < 3; ++i) b.requester.read(Time::us(3 + i), 0x3000);
  b.run(Time::us(10));
  EXPECT_EQ(b.during(), 2u);
  EXPECT_EQ(b.after(), 3u);
  ASSERT_NE(b.oracle.hits_of(kDevice), nullptr);
  EXPECT_EQ(b.oracle.hits_of(kDevice)->during_unmap.value(), 2u);
  EXPECT_EQ(b.oracle.hits_of(kDevice)->after_unmap.value(), 3u);
  EXPECT_EQ(b.oracle.hits_of(base::SourceId(16)), nullptr);
  EXPECT_EQ(b.oracle.walks.during_unmap.value() + b.oracle.walks.after_unmap.value(), 0u);
}

TEST(StaleHitOracle, APageMappedElsewhereSinceIsStaleToo) {
  Watched b;
  b.requester.read(Time::ns(10), 0x3000);
  b.run(Time::us(1));
  b.map(3, 0x50000000, 3);
  b.requester.read(Time::us(1), 0x3000);
  b.run(Time::us(2));
  EXPECT_EQ(b.sent(1).fields.iotlb_hit, true);
  EXPECT_EQ(b.after(), 1u);
}

TEST(StaleHitOracle, ARightTakenAwayMakesOnlyThoseStaleThatUseIt) {
  Watched b;
  b.requester.read(Time::ns(10), 0x3000);
  b.run(Time::us(1));
  b.map(3, 0x40000000 + 0x3000, 1);
  b.requester.read(Time::us(1), 0x3000);
  b.requester.write(Time::us(1), 0x3000);
  b.run(Time::us(2));
  EXPECT_EQ(b.after(), 1u);
}

TEST(StaleHitOracle, ADeviceWithoutItsContextIsStaleToo) {
  Watched b;
  b.requester.read(Time::ns(10), 0x3000);
  b.run(Time::us(1));
  b.oracle.unmap_begins(77, {kDevice}, base::Iova(), StaleHitOracle::kEverything);
  b.memory.set_word(0x1000 + 8 * kDevice.value(), 0);
  b.requester.read(Time::us(1), 0x3000);
  b.run(Time::us(2));
  EXPECT_EQ(b.during(), 1u);
  b.oracle.unmap_ends(77, base::Iova(), StaleHitOracle::kEverything);
  b.requester.read(Time::us(2), 0x3000);
  b.run(Time::us(3));
  EXPECT_EQ(b.after(), 1u);
}

TEST(StaleHitOracle, AWalkThatAnUnmapOvertakesIsCountedApart) {
  RemappingUnitConfig config = watched();
  config.walk_step_latency = Time::ns(10);
  Watched b(config);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::us(1), 0x3000);  // its entry is read at 1.103 us, its walk ends at 1.113 us
  b.run(Time::us(1) + Time::ns(105));
  b.begins();
  b.clear();
  b.run(Time::us(2));
  EXPECT_EQ(b.oracle.walks.during_unmap.value(), 1u);
  EXPECT_EQ(b.during(), 0u);
  EXPECT_EQ(b.oracle.hits_of(kDevice), nullptr);
}

// ---- strict software: clear, invalidate, wait, return

void strict_unmap_and_three_reads(Watched& b) {
  b.requester.read(Time::ns(10), 0x3000);
  b.run(Time::us(1));
  b.begins();
  b.clear();
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, static_cast<std::uint32_t>(b.architecture->commands.size()));
  b.requester.read(Time::us(1) + Time::ns(1), 0x3000);  // in the window
  b.run(Time::us(2));
  ASSERT_EQ(b.memory.word(0x8000) & 0xffffffff, 1u) << "the wait has completed";
  b.ends();
  for (unsigned i = 0; i < 3; ++i) b.requester.read(Time::us(2 + i), 0x3000);
  b.run(Time::us(10));
}

TEST(StaleHitOracle, AfterAnInvalidationThatWorksThereIsNothingToCount) {
  Watched b;
  b.architecture->commands = {drop_page(3), wait()};
  strict_unmap_and_three_reads(b);
  EXPECT_EQ(b.during(), 1u);
  EXPECT_EQ(b.after(), 0u);
  EXPECT_EQ(b.architecture->recorded.size(), 3u) << "the reads fault";
}

TEST(StaleHitOracle, AnInvalidationOfTheWrongPageIsFoundOut) {
  Watched b;
  b.architecture->commands = {drop_page(4), wait()};
  strict_unmap_and_three_reads(b);
  EXPECT_EQ(b.during(), 1u);
  EXPECT_EQ(b.after(), 3u);
}

TEST(StaleHitOracle, AUnitThatDropsAnInvalidationIsFoundOut) {
  Watched b;
  Command forgotten;
  forgotten.kind = Command::Kind::nothing;
  b.architecture->commands = {forgotten, wait()};
  strict_unmap_and_three_reads(b);
  EXPECT_EQ(b.after(), 3u);
}

TEST(StaleHitOracle, ChangesNoTime) {
  Watched b;
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x3000);
  b.run(Time::us(2));
  EXPECT_EQ(b.left(0).ps(), Time::ns(10 + 3 + 100 + 100).ps());
  EXPECT_EQ(b.left(1).ps(), (Time::us(1) + Time::ns(3)).ps());
}

TEST(StaleHitOracleDeathTest, AnUnmapThatHasNotBegunCannotEnd) {
  EXPECT_DEATH(
      {
        Watched b;
        b.ends();
      },
      "stale-hit oracle.*an unmap ends that has not begun");
}

}  // namespace
}  // namespace iommusim::test
