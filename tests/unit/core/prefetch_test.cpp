// Translations fetched ahead.
#include <nlohmann/json.hpp>

#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

using Kind = PrefetchConfig::Kind;
using Into = PrefetchConfig::Into;

RemappingUnitConfig ahead(Kind kind, unsigned degree = 1, Into into = Into::iotlb) {
  RemappingUnitConfig c;
  c.walkers = 4;
  c.prefetch.kind = kind;
  c.prefetch.degree = degree;
  c.prefetch.into = into;
  return c;
}
// The context is cached from the start.
struct Ahead : Bench {
  explicit Ahead(const RemappingUnitConfig& config) : Bench(config) { requester.read(Time::ns(10), 0x1000 * 100); }
  std::size_t page(unsigned number, Time at) { return requester.read(at, std::uint64_t{number} << 12); }
  double metric(const std::string& name) {
    const auto all = simulation.stats.to_json(simulation.scheduler.now())["unit"]["walker"]["prefetch"];
    return all[name]["value"].get<double>();
  }
  static Command drop(std::uint64_t page) {
    Command c;
    c.kind = Command::Kind::invalidate;
    c.scope.caches = CacheSet().with(CacheKind::iotlb).with(CacheKind::walk);
    c.scope.space = Match::exactly(1);
    c.scope.address = Match{page << 12, ~std::uint64_t{0xfff}};
    return c;
  }
};

class PrefetchInto : public ::testing::TestWithParam<Into> {};
INSTANTIATE_TEST_SUITE_P(Places, PrefetchInto, ::testing::Values(Into::iotlb, Into::buffer));

TEST_P(PrefetchInto, ServesTheNextPageWithoutAWalk) {
  Ahead b(ahead(Kind::next_page, 2, GetParam()));
  b.page(10, Time::us(1));
  const auto next = b.page(11, Time::us(2));
  const auto after = b.page(13, Time::us(3));
  b.run();
  EXPECT_EQ(b.left(next).ps(), Time::ns(2003).ps());
  EXPECT_EQ(b.left(after).ps(), Time::ns(3003).ps()) << "fetched at the first use of page 11";
  EXPECT_EQ(b.metric("issued"), 2 + 2 + 1 + 2) << "101, 102; 11, 12; 13; 14, 15";
  EXPECT_EQ(b.metric("useful"), 2);
  EXPECT_EQ(b.metric("useless"), 0);
}

TEST_P(PrefetchInto, IsDroppedByAnInvalidation) {
  Ahead b(ahead(Kind::next_page, 1, GetParam()));
  b.architecture->commands = {Ahead::drop(11)};
  b.page(10, Time::us(1));
  b.registers->write(Time::us(2), 0, base::SourceId(0), 8, 1);
  const auto after = b.page(11, Time::us(3));
  b.run();
  EXPECT_EQ(b.left(after).ps(), Time::ns(3103).ps());
  EXPECT_EQ(b.metric("useful"), 0);
  EXPECT_EQ(b.metric("useless"), 1);
}

TEST_P(PrefetchInto, OvertakenByAnInvalidationInstallsNothing) {
  Ahead b(ahead(Kind::next_page, 1, GetParam()));
  b.architecture->commands = {Ahead::drop(11)};
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 1);  // carried out at 1.1 us
  b.page(10, Time::ns(1050));                                   // walks until 1.153 us, page 11 with it
  const auto after = b.page(11, Time::us(3));
  b.run();
  EXPECT_EQ(b.left(after).ps(), Time::ns(3103).ps());
}

TEST(Prefetch, ThatIsAskedForMeanwhileIsJoined) {
  Ahead b(ahead(Kind::next_page));
  b.page(10, Time::us(1));
  const auto late = b.page(11, Time::ns(1050));
  b.run();
  EXPECT_EQ(b.left(late).ps(), Time::ns(1103).ps()) << "its own walk would have ended 50 ns later";
  EXPECT_EQ(b.metric("late"), 1);
}

TEST(Prefetch, NeverFaultsVisibly) {
  Ahead b(ahead(Kind::next_page));
  b.page(4, Time::us(1));  // page 5 is absent
  const auto absent = b.page(5, Time::us(2));
  b.run();
  EXPECT_EQ(b.metric("faults"), 1);
  EXPECT_FALSE(b.sent(absent).ok) << "asked for, it faults";
  EXPECT_EQ(b.architecture->recorded.size(), 1u);
}

TEST(Prefetch, OfAPageThatMayNotBeWrittenLeavesAWriteToFaultByItself) {
  Ahead b(ahead(Kind::next_page));
  b.page(5, Time::us(1));                      // faults: absent
  b.requester.write(Time::ns(1020), 6 << 12);  // joins the prefetch of page 6, which is read only
  b.run();
  ASSERT_EQ(b.architecture->recorded.size(), 2u);
  EXPECT_EQ(b.architecture->recorded[1].fault.kind, FaultKind::permission);
  EXPECT_TRUE(b.architecture->recorded[1].request.needed.write);
}

TEST(Prefetch, TakesIdleWalkersOnly) {
  auto config = ahead(Kind::next_page, 3);
  config.walkers = 2;
  Ahead b(config);
  b.page(10, Time::us(1));
  b.run();
  EXPECT_EQ(b.metric("issued"), 1 + 1);
  EXPECT_EQ(b.metric("no_walker"), 2 + 2);
}

TEST(Prefetch, ByStrideNeedsTwoEqualDistances) {
  Ahead b(ahead(Kind::stride, 2));
  b.page(10, Time::us(1));
  b.page(13, Time::us(2));
  b.run(Time::us(3));
  EXPECT_EQ(b.metric("issued"), 0);
  b.page(16, Time::us(4));
  const auto next = b.page(19, Time::us(5)), second = b.page(22, Time::us(6));
  b.run();
  EXPECT_TRUE(b.sent(next).fields.iotlb_hit);
  EXPECT_TRUE(b.sent(second).fields.iotlb_hit);
}

TEST(Prefetch, DisplacedBeforeItsFirstUseCountsAsUseless) {
  auto config = ahead(Kind::next_page, 4, Into::buffer);
  config.walkers = 8;
  config.prefetch.buffer_entries = 4;
  Ahead b(config);  // brings 101 to 104
  b.page(10, Time::us(1));
  b.run();
  EXPECT_EQ(b.metric("issued"), 8);
  EXPECT_EQ(b.metric("useless"), 4);
}

}  // namespace
}  // namespace iommusim::test
