// Wait commands against walks in flight: none ends while a request may still leave by what the commands before it have
// dropped. Memory takes 100 ns; with six levels a page walk takes 600 ns, 100 ns if the pointer to its last table is
// cached.
#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

constexpr std::uint64_t kStatus = 0x8000, kOtherTable = 0x3ffff000;
constexpr Time kStart = Time::us(2);
const SourceId kSibling{40};  // another device of domain 1

Command wait() {
  Command c;
  c.kind = Command::Kind::wait;
  c.form = Command::Form::wait;
  c.write_status = true;
  c.status_address = Hpa(kStatus);
  c.status = 1;
  return c;
}
Command drop_context(SourceId source) {
  Command c;
  c.kind = Command::Kind::invalidate;
  c.scope.caches = CacheSet().with(CacheKind::context);
  c.scope.source = Match::exactly(source.value());
  return c;
}
Command drop_page(Space space, std::uint64_t page) {
  Command c;
  c.kind = Command::Kind::invalidate;
  c.scope.caches = CacheSet().with(CacheKind::iotlb).with(CacheKind::walk);
  c.scope.space = Match::exactly(space);
  c.scope.address = Match{page << 12, ~std::uint64_t{0xfff}};
  return c;
}

/// `command`, fetched from 2.000 us to 2.100 us, then a wait, fetched by 2.200 us.
struct Waits : Bench {
  explicit Waits(const Command& command, unsigned page_bits = 12, const RemappingUnitConfig& config = defaults())
      : Bench(config, 6) {
    architecture->page_bits = page_bits;
    set_context(kSibling.value(), 1, false);
    architecture->commands = {command, wait()};
    requester.read(Time::ns(10), kOtherTable);  // the context of source 8
    registers->write(kStart, 0, SourceId(0), 8, 2);
  }
  Time ended() const {
    for (const auto& a : memory.accesses) {
      if (a.address == kStatus) return a.at;
    }
    ADD_FAILURE() << "the wait has not ended";
    return Time();
  }
};

TEST(Wait, HoldsForARequestThatJoinedAWalkUnderAContextDroppedSince) {
  Waits b(drop_context(kSibling));
  b.requester.read(Time::us(1), kOtherTable, kSibling);  // its context
  b.requester.read(kStart, 0x3000);
  const auto joined = b.requester.read(kStart + Time::ns(1), 0x3000, kSibling);
  b.run();
  EXPECT_EQ(b.left(joined).ps(), (kStart + Time::ns(603)).ps());
  EXPECT_EQ(b.ended().ps(), b.left(joined).ps());
}

TEST(Wait, DoesNotHoldForAWalkThatNobodyJoinedUnderTheContextDropped) {
  Waits b(drop_context(kSibling));
  const auto other = b.requester.read(kStart, 0x3000);
  b.run();
  EXPECT_EQ(b.left(other).ps(), (kStart + Time::ns(603)).ps());
  EXPECT_EQ(b.ended().ps(), (kStart + Time::ns(200)).ps());
}

// The walk for its context is overtaken; what it found serves the request that it was made for, which then joins a walk
// that another device has begun meanwhile.
TEST(Wait, HoldsForARequestThatJoinsAWalkAfterTheWalkForItsContextWasOvertaken) {
  Waits b(drop_context(kSibling));
  b.requester.read(kStart + Time::ns(60), 0x3000);
  const auto joined = b.requester.read(kStart + Time::ns(50), 0x3000, kSibling);  // its context comes at 2.153 us
  b.run();
  EXPECT_EQ(b.left(joined).ps(), (kStart + Time::ns(663)).ps());
  EXPECT_EQ(b.ended().ps(), b.left(joined).ps());
}

TEST(Wait, AWalkThatServesADroppedContextIsJoinedByNobodyElse) {
  Waits b(drop_context(kSibling));
  b.requester.read(Time::us(1), kOtherTable, kSibling);
  b.requester.read(kStart, 0x3000);
  b.requester.read(kStart + Time::ns(1), 0x3000, kSibling);
  const auto later = b.requester.read(kStart + Time::ns(150), 0x3000);
  b.run();
  EXPECT_EQ(b.left(later).ps(), (kStart + Time::ns(150 + 603)).ps());
}

TEST(Wait, HoldsForAWalkOfASuperpageOfWhichAnotherPageIsDropped) {
  Waits b(drop_page(1, 0), 21);
  const auto racing = b.requester.read(kStart + Time::ns(1), 0x3000);
  b.run();
  EXPECT_EQ(b.left(racing).ps(), (kStart + Time::ns(1 + 603)).ps());
  EXPECT_EQ(b.ended().ps(), b.left(racing).ps());
}

TEST(Wait, HoldsForARequestThatJoinsTheWalkOfSuchASuperpageLater) {
  Waits b(drop_page(1, 0), 21);
  b.requester.read(kStart + Time::ns(1), 0x3000);
  b.requester.write(kStart + Time::ns(148), 0x3ffff000 - 0x200000);  // holds the next one back, once it is resolved
  const auto joined = b.requester.write(kStart + Time::ns(150), 0x3000);
  b.run();
  EXPECT_EQ(b.left(joined).ps(), (kStart + Time::ns(148 + 603)).ps());
  EXPECT_EQ(b.ended().ps(), b.left(joined).ps());
}

TEST(Wait, DoesNotHoldForAWalkInAnotherAddressSpace) {
  Waits b(drop_page(2, 0), 21);
  const auto other = b.requester.read(kStart + Time::ns(1), 0x3000);
  b.run();
  EXPECT_EQ(b.left(other).ps(), (kStart + Time::ns(1 + 603)).ps());
  EXPECT_EQ(b.ended().ps(), (kStart + Time::ns(200)).ps());
}

TEST(Wait, AWalkThatMayBeOfSuchASuperpageMayBeJoined) {
  Waits b(drop_page(1, 0));
  b.requester.read(kStart + Time::ns(1), 0x3000);
  const auto joined = b.requester.read(kStart + Time::ns(150), 0x3000);
  b.run();
  EXPECT_EQ(b.left(joined).ps(), (kStart + Time::ns(1 + 603)).ps());
}

// The pointer to the table of page 0x1ff is cached, that to the table of the next page is not.
TEST(Wait, HoldsForARequestThatJoinsAPrefetchOvertakenBefore) {
  RemappingUnitConfig c = Bench::defaults();
  c.prefetch.kind = PrefetchConfig::Kind::next_page;
  Waits b(drop_page(1, 0), 12, c);
  b.map(0x200, 0x50000000, 3);
  b.requester.read(Time::us(1), 0x3000);
  b.requester.read(kStart, 0x1ff000);
  const auto joined = b.requester.read(kStart + Time::ns(150), 0x200000);
  b.run();
  EXPECT_EQ(b.left(joined).ps(), (kStart + Time::ns(603)).ps());
  EXPECT_EQ(b.ended().ps(), b.left(joined).ps());
}

}  // namespace
}  // namespace iommusim::test
