// The order of asking in simulated time: process contexts, translation requests, two levels of IOTLB, contexts that are
// invalidated under way.
#include <gmock/gmock.h>

#include "tests/unit/core/full_architecture.h"

namespace iommusim::test {
namespace {

Command drop(CacheSet caches, Match source = {}) {
  Command c;
  c.kind = Command::Kind::invalidate;
  c.scope.caches = caches;
  c.scope.source = source;
  return c;
}

TEST(ProcessContext, MissTakesOneWalkerFromDeviceContextToPage) {
  auto c = Bench::defaults();
  c.walkers = 1;
  FullBench b(c);
  const auto i = b.read_as(Time::ns(10), 0x3000, 1);
  b.run();
  EXPECT_EQ(b.left(i).ps(), Time::ns(10 + 3 + 300).ps()) << "device context, process context, page: a read each";
  EXPECT_EQ(b.sent(i).fields.walk_reads, 3);
  EXPECT_EQ(b.unit->caches().process_use.lookups.value(), 1u);
  EXPECT_EQ(b.unit->caches().process_use.hits.value(), 0u);
}

TEST(ProcessContext, HitPaysItsLookupBesideTheOthers) {
  FullBench b;
  b.read_as(Time::ns(10), 0x3000, 1);
  const auto hit = b.read_as(Time::us(1), 0x3000, 1);
  const auto plain = b.requester.read(Time::us(2), 0x3000);
  b.run();
  EXPECT_EQ(b.left(hit).ps(), (Time::us(1) + Time::ns(1 + 1 + 2)).ps());
  EXPECT_TRUE(b.sent(hit).fields.iotlb_hit);
  EXPECT_EQ(b.left(plain).ps(), (Time::us(2) + Time::ns(1 + 2)).ps()) << "without a PASID none is needed";
  EXPECT_TRUE(b.sent(plain).fields.iotlb_hit) << "the domain is the same";
  EXPECT_EQ(b.unit->caches().process_use.hits.value(), 1u);
}

TEST(ProcessContext, AnotherProcessOfADeviceReadsItsOwnOnly) {
  FullBench b;
  b.read_as(Time::ns(10), 0x3000, 1);
  const auto i = b.read_as(Time::us(1), 0x3000, 2);
  b.run();
  EXPECT_EQ(b.left(i).ps(), (Time::us(1) + Time::ns(4 + 100)).ps());
  EXPECT_TRUE(b.sent(i).fields.iotlb_hit) << "the domain is the same";
}

TEST(ProcessContext, AbsentOneRefusesTheRequest) {
  FullBench b;
  const auto i = b.read_as(Time::ns(10), 0x3000, 4);
  b.run();
  EXPECT_EQ(b.sent(i).fields.fault_reason, 0x12);
  EXPECT_EQ(b.sent(i).answered_at.ps(), Time::ns(10 + 3 + 200).ps());
}

TEST(ProcessContext, RequestsOfOneProcessMergeInItsWalk) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  const auto first = b.read_as(Time::us(1), 0x9000, 1);
  const auto second = b.read_as(Time::us(1) + Time::ns(50), 0x9040, 1);
  b.run();
  EXPECT_EQ(b.left(first).ps(), (Time::us(1) + Time::ns(104)).ps());
  EXPECT_EQ(b.left(second).ps(), b.left(first).ps());
  EXPECT_EQ(b.walk_reads(), 3u) << "device context, page, process context";
}

TEST(RemappingUnit, WhatTheContextRefusesIsRefusedBeforeAnyTranslation) {
  FullBench b;
  b.full.refuse_privileged = true;
  b.requester.read(Time::ns(10), 0x3000);
  const auto i = b.requester.read(Time::us(1), 0x3000);
  b.prepare[i] = [](tlm::Payload& p) { tlm::dma(p).privileged = true; };
  b.run();
  EXPECT_EQ(b.sent(i).fields.fault_reason, 0x30);
  EXPECT_EQ(b.sent(i).answered_at.ps(), (Time::us(1) + Time::ns(3)).ps());
}

TEST(TranslationRequest, IsAnsweredByTheUnitAfterItsWalk) {
  FullBench b;
  const auto cold = b.translate(Time::ns(10), 0x3000);
  const auto warm = b.translate(Time::us(1), 0x3000);
  b.run();
  EXPECT_EQ(b.sent(cold).answered_at.ps(), Time::ns(10 + 3 + 200).ps());
  EXPECT_EQ(b.sent(warm).answered_at.ps(), (Time::us(1) + Time::ns(3)).ps()) << "the IOTLB serves it";
  for (const auto i : {cold, warm}) {
    EXPECT_TRUE(b.sent(i).ok);
    EXPECT_EQ(b.answer(i).address, 0x40003000u);
    EXPECT_EQ(b.answer(i).size_log2, 12);
    EXPECT_TRUE(b.answer(i).read && b.answer(i).write);
  }
  EXPECT_EQ(b.walk_reads(), 2u);
  EXPECT_EQ(b.memory.accesses.size(), 2u) << "nothing else reaches memory";
}

TEST(TranslationRequest, OfAnUnmappedPageIsAnsweredWithoutRights) {
  FullBench b;
  const auto i = b.translate(Time::ns(10), 0x5000);
  b.run();
  EXPECT_TRUE(b.sent(i).ok);
  EXPECT_FALSE(b.answer(i).read || b.answer(i).write);
  ASSERT_EQ(b.full.recorded.size(), 1u) << "once, as its answer says";
}

TEST(TranslationRequest, DoesNotPassAnEarlierWriteOfItsDevice) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  const auto write = b.requester.write(Time::us(1), 0x3000);
  const auto i = b.translate(Time::us(1), 0x9000);
  b.run();
  EXPECT_EQ(b.sent(i).answered_at.ps(), b.left(write).ps());
}

TEST(TranslatedRequest, PassesOrIsWalkedAsTheArchitectureSays) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  const auto passed = b.requester.read(Time::us(1), 0x3000);
  const auto walked = b.requester.read(Time::us(2), 0x3000);
  b.prepare[passed] = [](tlm::Payload& p) { tlm::dma(p).at = AddressType::translated; };
  b.prepare[walked] = [&b](tlm::Payload& p) {
    b.full.walk_translated = true;
    tlm::dma(p).at = AddressType::translated;
  };
  b.run();
  EXPECT_EQ(b.left(passed).ps(), (Time::us(1) + Time::ns(1)).ps());
  EXPECT_EQ(b.accesses(0x3000, 0x3000).size(), 1u);
  EXPECT_EQ(b.left(walked).ps(), (Time::us(2) + Time::ns(3 + 100)).ps());
  EXPECT_EQ(b.accesses(0x40003000, 0x40003000).size(), 1u);
}

TEST(FirstLevelIotlb, HitTakesItsOwnLookupAndAMissThatOfTheSharedOneToo) {
  auto c = Bench::defaults();
  static_cast<UnitCacheConfig&>(c.iotlb.per_port) = UnitCacheConfig(1, 0);
  c.iotlb.per_port.latency = Time::ns(5);
  FullBench b(c);
  b.requester.read(Time::ns(10), 0x3000);
  const auto first = b.requester.read(Time::us(1), 0x3000);
  b.requester.read(Time::us(2), 0x4000);  // takes the only entry
  const auto shared = b.requester.read(Time::us(3), 0x3000);
  const auto again = b.requester.read(Time::us(4), 0x3000);
  b.run();
  EXPECT_EQ(b.left(first).ps(), (Time::us(1) + Time::ns(1 + 5)).ps());
  EXPECT_EQ(b.left(shared).ps(), (Time::us(3) + Time::ns(1 + 5 + 2)).ps());
  EXPECT_EQ(b.left(again).ps(), (Time::us(4) + Time::ns(1 + 5)).ps()) << "filled by the hit in the shared one";
  EXPECT_EQ(b.unit->caches().first_level_use.lookups.value(), 5u);
  EXPECT_EQ(b.unit->caches().first_level_use.hits.value(), 2u);
  EXPECT_EQ(b.walk_reads(), 3u);
}

TEST(FirstLevelIotlb, ServesOneLookupOfItsPortPerInterval) {
  auto c = Bench::defaults();
  static_cast<UnitCacheConfig&>(c.iotlb.per_port) = UnitCacheConfig(4, 0);
  c.iotlb.per_port.lookup_interval = Time::ns(20);
  FullBench b(c);
  b.requester.read(Time::ns(10), 0x3000);
  const auto one = b.requester.read(Time::us(1), 0x3000);
  const auto two = b.requester.read(Time::us(1), 0x3040);
  b.run();
  EXPECT_EQ(b.left(one).ps(), (Time::us(1) + Time::ns(2)).ps());
  EXPECT_EQ(b.left(two).ps(), (Time::us(1) + Time::ns(20 + 2)).ps());
}

TEST(StaleContext, ServesOnlyTheRequestItWasFetchedFor) {
  FullBench b;
  b.set_context(32, 1, false);
  // The context of source 32 is being read, from 1.003 us to 1.103 us, when it is cleared in memory and invalidated;
  // the second request had joined that walk.
  b.architecture->commands = {drop(CacheSet().with(CacheKind::context).with(CacheKind::process))};
  b.registers->write(Time::us(1) - Time::ns(90), 0, base::SourceId(0), 8, 1);  // carried out at 1.010 us
  const auto first = b.requester.read(Time::us(1), 0x3000, base::SourceId(32));
  const auto second = b.requester.read(Time::us(1) + Time::ns(1), 0x3040, base::SourceId(32));
  const auto later = b.requester.read(Time::us(2), 0x3000, base::SourceId(32));
  b.run();
  EXPECT_EQ(b.left(first).ps(), (Time::us(1) + Time::ns(3 + 200)).ps());
  EXPECT_EQ(b.left(second).ps(), (Time::us(1) + Time::ns(3 + 300)).ps()) << "its context is read anew";
  EXPECT_TRUE(b.sent(later).fields.context_hit);
  EXPECT_EQ(b.accesses(0x1000 + 8 * 32, 0x1000 + 8 * 32).size(), 2u);
}

TEST(StaleContext, AProcessWalkIsOvertakenWithItsDeviceContextToo) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  b.architecture->commands = {drop(CacheSet().with(CacheKind::context), Match::exactly(std::uint64_t{8} << 20))};
  b.registers->write(Time::us(1) - Time::ns(90), 0, base::SourceId(0), 8, 1);  // carried out at 1.010 us
  b.read_as(Time::us(1), 0x3000, 1);                                           // its process context is being read then
  const auto later = b.read_as(Time::us(2), 0x3000, 1);
  b.run();
  EXPECT_EQ(b.unit->caches().process_use.hits.value(), 0u) << "what the overtaken walk found was not kept";
  EXPECT_EQ(b.left(later).ps(), (Time::us(2) + Time::ns(3 + 300)).ps());
}

TEST(PerformanceEvents, AreCountedWhereTheUntimedUnitCountsThem) {
  FullBench b;
  b.full.counts = true;
  b.read_as(Time::ns(10), 0x3000, 1);
  b.read_as(Time::us(1), 0x3000, 1);
  b.translate(Time::us(2), 0x3000);
  b.run();
  const auto n = [&b](PerformanceEvent e) { return b.full.counted[static_cast<unsigned>(e)]; };
  EXPECT_EQ(n(PerformanceEvent::untranslated_request), 2u);
  EXPECT_EQ(n(PerformanceEvent::translation_request), 1u);
  EXPECT_EQ(n(PerformanceEvent::context_walk), 1u);
  EXPECT_EQ(n(PerformanceEvent::process_walk), 1u);
  EXPECT_EQ(n(PerformanceEvent::iotlb_miss), 1u);
}

}  // namespace
}  // namespace iommusim::test
