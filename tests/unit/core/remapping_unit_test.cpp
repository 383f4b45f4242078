// What a request meets in the remapping unit, to the picosecond. Memory takes 100 ns, context lookup 1 ns, IOTLB lookup
// 2 ns.
#include <gmock/gmock.h>

#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

using ::testing::ElementsAre;

TEST(RemappingUnit, ColdRequestPaysLookupContextReadLeafRead) {
  Bench b;
  const auto i = b.requester.read(Time::ns(10), 0x3040);
  b.run();
  ASSERT_TRUE(b.sent(i).ok);
  EXPECT_EQ(b.left(i).ps(), Time::ns(10 + 3 + 100 + 100).ps());
  EXPECT_EQ(b.memory.accesses.back().address, 0x40003040u);
  EXPECT_EQ(b.walk_reads(), 2u);
  EXPECT_EQ(b.sent(i).fields.walk_reads, 2);
  EXPECT_FALSE(b.sent(i).fields.iotlb_hit);
}

TEST(RemappingUnit, HitPaysTheLookupOnly) {
  Bench b;
  b.requester.read(Time::ns(10), 0x3000);
  const auto i = b.requester.read(Time::us(1), 0x3fc0);
  b.run();
  EXPECT_EQ(b.left(i).ps(), (Time::us(1) + Time::ns(3)).ps());
  EXPECT_TRUE(b.sent(i).fields.iotlb_hit);
  EXPECT_EQ(b.walk_reads(), 2u);
}

TEST(RemappingUnit, PassThroughPaysTheContextLookupOnly) {
  Bench b;
  b.requester.read(Time::ns(10), 0x3000, base::SourceId(16));
  const auto i = b.requester.read(Time::us(1), 0x3000, base::SourceId(16));
  b.run();
  EXPECT_EQ(b.left(i).ps(), (Time::us(1) + Time::ns(1)).ps());
  EXPECT_EQ(b.memory.accesses.back().address, 0x3000u);
}

TEST(RemappingUnit, DisabledUnitLetsRequestsThroughAtOnce) {
  Bench b;
  b.architecture->on = false;
  const auto i = b.requester.read(Time::ns(10), 0x3000);
  b.run();
  EXPECT_EQ(b.left(i).ps(), Time::ns(10).ps());
}

TEST(RemappingUnit, LookupPortServesOnePerInterval) {
  auto c = Bench::defaults();
  c.lookup_interval = Time::ns(4);
  Bench b(c);
  b.requester.read(Time::ns(10), 0x3000);
  const auto first = b.requester.read(Time::us(1), 0x3000);
  const auto second = b.requester.read(Time::us(1), 0x3040);
  b.run();
  EXPECT_EQ(b.left(first).ps(), (Time::us(1) + Time::ns(3)).ps());
  EXPECT_EQ(b.left(second).ps(), (Time::us(1) + Time::ns(7)).ps());
}

TEST(RemappingUnit, SecondMissToTheSamePageWaitsForTheFirstWalk) {
  Bench b;
  b.requester.read(Time::ns(10), 0x9000);  // brings the context in
  const auto first = b.requester.read(Time::us(1), 0x3000);
  const auto second = b.requester.read(Time::us(1) + Time::ns(50), 0x3040);
  b.run();
  EXPECT_EQ(b.left(first).ps(), (Time::us(1) + Time::ns(103)).ps());
  EXPECT_EQ(b.left(second).ps(), b.left(first).ps());
  EXPECT_EQ(b.walk_reads(), 3u) << "context, page 9, page 3";
}

TEST(RemappingUnit, InOrderServiceStallsHitsBehindAMissWithoutWalker) {
  Bench b;  // two walkers
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::us(1), 0x1000);
  b.requester.read(Time::us(1), 0x2000);
  const auto third = b.requester.read(Time::us(1), 0x3000);  // both walkers are taken
  const auto hit = b.requester.read(Time::us(1), 0x9040);
  b.run();
  EXPECT_EQ(b.left(third).ps(), (Time::us(1) + Time::ns(203)).ps()) << "starts when the first walk ends";
  EXPECT_EQ(b.left(hit).ps(), (Time::us(1) + Time::ns(103)).ps()) << "looked up once the miss before it has a walker";
  EXPECT_TRUE(b.sent(hit).fields.iotlb_hit);
}

TEST(RemappingUnit, OutOfOrderServiceLetsHitsPassAMissWithoutWalker) {
  auto c = Bench::defaults();
  c.service = Service::out_of_order;
  Bench b(c);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::us(1), 0x1000);
  b.requester.read(Time::us(1), 0x2000);
  const auto third = b.requester.read(Time::us(1), 0x3000);
  const auto hit = b.requester.read(Time::us(1), 0x9040);
  b.run();
  EXPECT_EQ(b.left(third).ps(), (Time::us(1) + Time::ns(203)).ps());
  EXPECT_EQ(b.left(hit).ps(), (Time::us(1) + Time::ns(3)).ps());
}

TEST(RemappingUnit, ReadsInArrivalOrderWaitForEarlierMissesThoughTheyHit) {
  auto c = Bench::defaults();
  c.read_order = ReadOrder::arrival;
  Bench b(c);
  b.set_context(32, 1, false);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::ns(20), 0x9000, base::SourceId(32));
  const auto miss = b.requester.read(Time::us(1), 0x1000);
  const auto hit = b.requester.read(Time::us(1) + Time::ns(1), 0x9000);
  const auto write = b.requester.write(Time::us(1) + Time::ns(2), 0x9000);
  const auto other = b.requester.read(Time::us(1) + Time::ns(3), 0x9000, base::SourceId(32));
  const auto refused = b.requester.read(Time::us(1) + Time::ns(4), 0x5000);  // absent
  const auto last = b.requester.read(Time::us(1) + Time::ns(50), 0x9000);
  b.run();
  EXPECT_EQ(b.left(miss).ps(), (Time::us(1) + Time::ns(103)).ps());
  EXPECT_EQ(b.left(hit).ps(), b.left(miss).ps());
  EXPECT_EQ(b.left(write).ps(), (Time::us(1) + Time::ns(5)).ps()) << "a posted write passes reads";
  EXPECT_EQ(b.left(other).ps(), (Time::us(1) + Time::ns(6)).ps()) << "another requester's read is not held";
  EXPECT_EQ(b.sent(refused).answered_at.ps(), (Time::us(1) + Time::ns(107)).ps());
  EXPECT_EQ(b.left(last).ps(), b.sent(refused).answered_at.ps()) << "behind the read that was refused";
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

TEST(RemappingUnit, ReadWindowLimitsHowFarReadsAreLookedUpAhead) {
  auto c = Bench::defaults();
  c.read_order = ReadOrder::arrival;
  c.read_window = 2;
  Bench b(c);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::us(1), 0x1000);
  b.requester.read(Time::us(1), 0x9000);
  const auto miss = b.requester.read(Time::us(1), 0x2000);    // a walker is free, the window is full
  const auto write = b.requester.write(Time::us(1), 0x9000);  // behind it in the lookup pipeline
  const auto hit = b.requester.read(Time::us(1), 0x9000);
  const auto last = b.requester.read(Time::us(1), 0x9000);
  b.run();
  EXPECT_EQ(b.left(miss).ps(), (Time::us(1) + Time::ns(203)).ps()) << "looked up when the oldest left";
  EXPECT_EQ(b.left(write).ps(), (Time::us(1) + Time::ns(103)).ps());
  EXPECT_EQ(b.left(hit).ps(), b.left(miss).ps());
  EXPECT_EQ(b.left(last).ps(), b.left(miss).ps());
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

TEST(RemappingUnit, PostedWritesLeaveInOrderThoughTheFirstMisses) {
  Bench b;
  b.requester.read(Time::ns(10), 0x9000);
  const auto miss = b.requester.write(Time::us(1), 0x3000);
  const auto hit = b.requester.write(Time::us(1) + Time::ns(1), 0x9000);
  b.run();
  EXPECT_EQ(b.left(miss).ps(), (Time::us(1) + Time::ns(103)).ps());
  EXPECT_EQ(b.left(hit).ps(), b.left(miss).ps());
  EXPECT_THAT(b.requester.order, ElementsAre(0, miss, hit));
}

TEST(RemappingUnit, ReadsDoNotPassAnEarlierPostedWriteOfTheirRequester) {
  Bench b;
  b.set_context(32, 1, false);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::ns(20), 0x9000, base::SourceId(32));
  const auto write = b.requester.write(Time::us(1), 0x3000);
  const auto read = b.requester.read(Time::us(1) + Time::ns(1), 0x9000);
  const auto other = b.requester.read(Time::us(1) + Time::ns(2), 0x9000, base::SourceId(32));
  auto relaxed = Requester::Sent{Time::us(1) + Time::ns(3), 0x9000, false, 0, base::SourceId(8), 64};
  relaxed.relaxed = true;
  const auto free_read = b.requester.add(relaxed);
  b.run();
  EXPECT_EQ(b.left(write).ps(), (Time::us(1) + Time::ns(103)).ps());
  EXPECT_EQ(b.left(read).ps(), b.left(write).ps());
  EXPECT_EQ(b.left(other).ps(), (Time::us(1) + Time::ns(5)).ps()) << "another requester's read is not held";
  EXPECT_EQ(b.left(free_read).ps(), (Time::us(1) + Time::ns(6)).ps()) << "relaxed ordering may pass";
}

TEST(RemappingUnit, WritesDoNotWaitForEarlierReads) {
  Bench b;
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::us(1), 0x3000);
  const auto write = b.requester.write(Time::us(1), 0x9000);
  b.run();
  EXPECT_EQ(b.left(write).ps(), (Time::us(1) + Time::ns(3)).ps());
}

TEST(RemappingUnit, RefusedReadsReturnUnsupportedRequestAndRefusedWritesVanish) {
  Bench b;
  const auto read = b.requester.read(Time::ns(10), 0x5000);
  const auto write = b.requester.write(Time::us(1), 0x6000);
  const auto stranger = b.requester.read(Time::us(2), 0x3000, base::SourceId(24));
  b.run();
  EXPECT_FALSE(b.sent(read).ok);
  EXPECT_EQ(b.sent(read).fields.status, tlm::CompletionStatus::unsupported_request);
  EXPECT_EQ(b.sent(read).fields.fault_reason, 5);
  EXPECT_TRUE(b.sent(write).ok);
  EXPECT_EQ(b.sent(write).fields.fault_reason, 6);
  EXPECT_FALSE(b.sent(stranger).ok);
  for (const auto& a : b.memory.accesses) EXPECT_EQ(a.traffic, tlm::Traffic::walk) << "nothing reached memory";
  ASSERT_EQ(b.architecture->recorded.size(), 3u);
  EXPECT_EQ(b.architecture->recorded[1].fault.kind, FaultKind::permission);
  EXPECT_EQ(b.architecture->recorded[2].fault.kind, FaultKind::context_absent);
}

TEST(RemappingUnit, MergedRequestsThatLackTheRightAreWalkedAndRefusedOnTheirOwn) {
  Bench b;
  b.requester.read(Time::ns(10), 0x9000);
  const auto read = b.requester.read(Time::us(1), 0x6000);
  const auto write = b.requester.write(Time::us(1), 0x6000);
  b.run();
  EXPECT_TRUE(b.sent(read).ok);
  EXPECT_EQ(b.sent(read).fields.fault_reason, 0);
  EXPECT_EQ(b.sent(write).fields.fault_reason, 6);
}

TEST(RemappingUnit, RequestsMergedWithARefusedWalkAreRefusedWithItEachWithItsOwnRecord) {
  Bench b;
  b.set_context(24, 0, false);
  b.memory.set_word(0x1000 + 8 * 24, 0);  // no context
  for (unsigned i = 0; i < 5; ++i) b.requester.read(Time::ns(10), 0x3000 + 64 * i, base::SourceId(24));
  b.run();
  EXPECT_EQ(b.architecture->recorded.size(), 5u);
  EXPECT_EQ(b.walk_reads(), 1u);
  EXPECT_EQ(b.unit->caches().context_use.lookups.value(), 5u);
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(b.sent(i).answered_at.ps(), Time::ns(10 + 3 + 100).ps());
}

/// Faults of source 40 are not recorded; those of pages name the address a second time.
struct OwnFaults : FakeArchitecture {
  bool detailed = false;
  const Step& resume(Walk& w, const StepResult& r) const override {
    FakeArchitecture::resume(w, r);
    if (w.step.kind == Step::Kind::fault) {
      w.step.fault.recorded = w.request.source != SourceId(40);
      if (detailed) w.step.fault.detail = w.request.address;
    }
    return w.step;
  }
};

TEST(RemappingUnit, ARequestMergedWithARefusedWalkOfAnotherDeviceIsRecordedAsItsOwnContextSays) {
  Bench b(Bench::defaults(), 1, std::make_unique<OwnFaults>());
  b.set_context(40, 1, false);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::ns(11), 0x9000, base::SourceId(40));
  const auto loud = b.requester.read(Time::us(1), 0x5000);
  const auto quiet = b.requester.read(Time::us(1), 0x5000, base::SourceId(40));
  const auto too = b.requester.read(Time::us(1), 0x5040, base::SourceId(40));
  b.run();
  for (const auto i : {loud, quiet, too}) EXPECT_FALSE(b.sent(i).ok);
  ASSERT_EQ(b.architecture->recorded.size(), 1u);
  EXPECT_EQ(b.architecture->recorded[0].request.source, SourceId(8));
  EXPECT_EQ(b.walk_reads(), 3u + 2u) << "two contexts, page 9; page 5 for each device";
}

TEST(RemappingUnit, RequestsMergedWithARefusedWalkDoNotShareTheSecondAddressOfItsRecord) {
  auto a = std::make_unique<OwnFaults>();
  a->detailed = true;
  Bench b(Bench::defaults(), 1, std::move(a));
  b.requester.read(Time::us(1), 0x5000);
  b.requester.read(Time::us(1), 0x5040);
  b.requester.read(Time::us(1), 0x5040);
  b.run();
  ASSERT_EQ(b.architecture->recorded.size(), 3u);
  for (const FaultEvent& e : b.architecture->recorded) EXPECT_EQ(e.fault.detail, e.request.address);
  EXPECT_EQ(b.walk_reads(), 1u + 2u) << "context; one walk for each address";
}

TEST(RemappingUnit, WalkCacheSparesTheUpperReads) {
  Bench b(Bench::defaults(), 3);
  const auto cold = b.requester.read(Time::ns(10), 0x3000);
  const auto warm = b.requester.read(Time::us(1), 0x4000);
  b.run();
  EXPECT_EQ(b.sent(cold).fields.walk_reads, 1 + 3);
  EXPECT_EQ(b.left(cold).ps(), Time::ns(10 + 3 + 400).ps());
  EXPECT_EQ(b.sent(warm).fields.walk_reads, 1);
  EXPECT_EQ(b.left(warm).ps(), (Time::us(1) + Time::ns(103)).ps());
}

TEST(RemappingUnit, FixedWalkOverheadAndStepLatencyAreAdded) {
  auto c = Bench::defaults();
  c.walk_overhead = Time::ns(30);
  c.walk_step_latency = Time::ns(7);
  Bench b(c, 2);
  b.map(0x203, 0x50000000, 3);
  b.requester.read(Time::ns(10), 0x3000);
  const auto i = b.requester.read(Time::us(2), 0x203000);
  b.run();
  EXPECT_EQ(b.left(i).ps(), (Time::us(2) + Time::ns(3 + 30 + 2 * (100 + 7))).ps());
}

TEST(RemappingUnit, InterruptsAreRemappedByTheirEntryAndCached) {
  Bench b;
  b.memory.set_word(0x2000 + 8 * 3, 0x55);
  const auto cold = b.requester.write(Time::ns(10), 0xfee00018, base::SourceId(8), 4, 3);
  const auto warm = b.requester.write(Time::us(1), 0xfee00018, base::SourceId(8), 4, 3);
  b.run();
  EXPECT_EQ(b.left(cold).ps(), Time::ns(10 + 1 + 100).ps());
  EXPECT_EQ(b.left(warm).ps(), (Time::us(1) + Time::ns(1)).ps());
  EXPECT_EQ(b.memory.accesses.back().address, 0xfee00000u);
  EXPECT_EQ(b.memory.accesses.back().data, 0x55u);
}

TEST(RemappingUnit, InterruptsDoNotPassEarlierWritesOfTheirRequester) {
  Bench b;
  b.memory.set_word(0x2000 + 8 * 3, 0x55);
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.write(Time::ns(20), 0xfee00018, base::SourceId(8), 4, 3);
  const auto data = b.requester.write(Time::us(1), 0x3000);
  const auto msi = b.requester.write(Time::us(1), 0xfee00018, base::SourceId(8), 4, 3);
  b.run();
  EXPECT_EQ(b.left(msi).ps(), b.left(data).ps());
}

TEST(RemappingUnit, FaultInterruptGoesToTheInterruptRegion) {
  Bench b;
  b.architecture->on_fault.interrupt = InterruptMessage{0xfee01000, 0x77};
  b.requester.read(Time::ns(10), 0x5000);
  b.run();
  EXPECT_EQ(b.memory.accesses.back().address, 0xfee01000u);
  EXPECT_EQ(b.memory.accesses.back().data, 0x77u);
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
  EXPECT_EQ(b.simulation.pool.live(), 0u) << b.simulation.pool.leak_report();
}

TEST(RemappingUnit, CountsHitsMissesAndMergesPerRequester) {
  Bench b;
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x3000);
  b.requester.read(Time::us(2), 0x4000);
  b.requester.read(Time::us(2), 0x4040);
  b.requester.read(Time::us(3), 0x4040, base::SourceId(16));
  b.run();
  const RequesterStats* s = b.unit->requester(base::SourceId(8));
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->requests.value(), 4u);
  EXPECT_EQ(s->iotlb_hits.value(), 1u);
  EXPECT_EQ(s->iotlb_misses.value(), 3u);
  EXPECT_EQ(b.unit->requester(base::SourceId(16))->passed.value(), 1u);
  EXPECT_EQ(b.unit->caches().iotlb_use.lookups.value(), 4u);
}

TEST(RemappingUnit, FullIotlbThatClearsHoldsTheNewEntryOnly) {
  auto c = Bench::defaults();
  c.iotlb = base::CacheConfig(4, 0, "lru", base::WhenFull::clear);
  Bench b(c);
  for (unsigned p = 0; p < 5; ++p) b.requester.read(Time::us(1 + p), 0x10000 + p * 4096u);
  b.run();
  EXPECT_EQ(b.unit->caches().iotlb_entries(), 1u);
  EXPECT_EQ(b.unit->caches().iotlb_full_drops(), 1u);
}

}  // namespace
}  // namespace iommusim::test
