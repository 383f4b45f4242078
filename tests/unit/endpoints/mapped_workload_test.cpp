#include "models/endpoints/workload/mapped_workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/tlm/timed_queue.h"
#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Iova;
using base::Time;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What a fake policy saw.
struct Log {
  struct Asked {
    std::uint64_t offset, bytes;
    iommu::Rights rights;
    host::BufferPolicy::Ready ready;
  };
  std::vector<Asked> asked;
  std::vector<std::pair<Iova, std::uint64_t>> released;
  std::vector<Time> released_at;
};

/// Maps offset x to high + 2^30 + x, when told to or (`at_once`) within the call.
class FakePolicy final : public host::BufferPolicy {
 public:
  FakePolicy(Log& log, tlm::Scheduler& scheduler, bool at_once) : log_(log), scheduler_(scheduler), at_once_(at_once) {}
  void acquire(std::uint64_t offset, std::uint64_t bytes, iommu::Rights rights, Ready ready) override {
    log_.asked.push_back({offset, bytes, rights, ready});
    if (at_once_) ready(address(offset));
  }
  void release(Iova iova, std::uint64_t bytes) override {
    log_.released.emplace_back(iova, bytes);
    log_.released_at.push_back(scheduler_.now());
  }
  static Iova address(std::uint64_t offset) { return Iova(high + (1u << 30) + offset); }

 private:
  Log& log_;
  tlm::Scheduler& scheduler_;
  const bool at_once_;
};

DmaEngineConfig slots(unsigned dmas) {
  DmaEngineConfig c;
  c.dmas = dmas;
  return c;
}

struct Bench : EngineBench {
  explicit Bench(std::vector<DmaRequest> list, bool at_once = false, unsigned dmas = 256, unsigned window = ~0u)
      : EngineBench(slots(dmas)) {
    auto w = std::make_unique<ListedDmas>();
    inner = w.get();
    inner->list = std::move(list);
    inner->window = window;
    workload = std::make_unique<MappedWorkload>(sim.scheduler, std::move(w),
                                                std::make_unique<FakePolicy>(log, sim.scheduler, at_once), engine);
    engine.drive(*workload);
  }
  /// The i-th mapping asked for is there at `at`.
  void map(std::size_t i, Time at) { mappings_.push(i, at); }
  Log log;
  ListedDmas* inner = nullptr;
  std::unique_ptr<MappedWorkload> workload;

 private:
  void map_now(std::size_t i) { log.asked.at(i).ready(FakePolicy::address(log.asked[i].offset)); }
  tlm::TimedQueue<std::size_t> mappings_{sim.scheduler, "mappings", tlm::delegate<&Bench::map_now>(this)};
};

std::vector<DmaRequest> reads(unsigned n) {
  std::vector<DmaRequest> list;
  for (unsigned i = 0; i < n; ++i) list.push_back(read_of(0x1000 * i, 64));
  return list;
}

TEST(MappedWorkload, ADmaStartsWhenItsBufferIsMappedAndKeepsTheTimeItWasMeantToStart) {
  Bench b({read_of(0x2040, 64, Time::ns(10))});
  b.map(0, Time::ns(500));
  b.run();
  EXPECT_EQ(0x2040u, b.log.asked[0].offset);
  EXPECT_EQ(64u, b.log.asked[0].bytes);
  EXPECT_TRUE(b.log.asked[0].rights.read);
  EXPECT_FALSE(b.log.asked[0].rights.write);
  ASSERT_THAT(b.inner->results, SizeIs(1));
  EXPECT_EQ(Time::ns(10), b.inner->results[0].request.intended);
  EXPECT_EQ(Time::ns(500), b.inner->results[0].issued);
  ASSERT_THAT(b.memory.accesses, SizeIs(1));
  EXPECT_EQ(FakePolicy::address(0x2040).value(), b.memory.accesses[0].address);
  // 24 up, 100 in memory, 84 down: the read takes 208 ns; latency counts the 490 ns of waiting too.
  EXPECT_EQ(Time::ns(708), b.inner->results[0].done);
  b.expect_quiet();
}

TEST(MappedWorkload, ABufferIsReleasedOnceWhenItsReadIsDone) {
  Bench b({read_of(0x2040, 64)});
  b.map(0, Time::ns(100));
  b.run(Time::ns(308));
  EXPECT_THAT(b.log.released, IsEmpty());
  b.run();
  EXPECT_THAT(b.log.released, ElementsAre(std::make_pair(FakePolicy::address(0x2040), 64u)));
  EXPECT_THAT(b.log.released_at, ElementsAre(Time::ns(308)));
}

TEST(MappedWorkload, AWriteKeepsItsBufferUntilItIsVisible) {
  Bench b({write_of(0x40, 64, WriteDone::sent)}, true);
  b.run();
  EXPECT_TRUE(b.log.asked[0].rights.write);
  EXPECT_FALSE(b.log.asked[0].rights.read);
  ASSERT_THAT(b.memory.accesses, SizeIs(1));
  ASSERT_THAT(b.log.released_at, SizeIs(1));
  EXPECT_GE(b.log.released_at[0], b.memory.accesses[0].at + Time::ns(100)) << "memory takes 100 ns";
}

TEST(MappedWorkload, MappingThatNeedsNoWaitCostsNoTime) {
  Bench b(reads(1), true);
  b.run();
  ASSERT_THAT(b.inner->results, SizeIs(1));
  EXPECT_EQ(Time(), b.inner->results[0].issued);
  EXPECT_EQ(Time::ns(208), b.inner->results[0].done);
}

TEST(MappedWorkload, MappingsMayBecomeReadyInAnyOrder) {
  Bench b(reads(3));
  b.map(2, Time::ns(100));
  b.map(0, Time::ns(200));
  b.map(1, Time::ns(300));
  b.run();
  ASSERT_THAT(b.memory.accesses, SizeIs(3));
  EXPECT_EQ(FakePolicy::address(0x2000).value(), b.memory.accesses[0].address);
  EXPECT_EQ(FakePolicy::address(0).value(), b.memory.accesses[1].address);
  EXPECT_EQ(FakePolicy::address(0x1000).value(), b.memory.accesses[2].address);
  EXPECT_THAT(b.log.released, SizeIs(3));
}

TEST(MappedWorkload, MappingRunsAheadByAsManyDmasAsTheEngineHasSlots) {
  Bench b(reads(100), false, 4);
  b.run(Time::us(1));
  EXPECT_THAT(b.log.asked, SizeIs(4));
  // The engine takes the one that is mapped; another is mapped in its place.
  b.map(0, Time::us(1));
  b.run(Time::us(2));
  EXPECT_THAT(b.log.asked, SizeIs(5));
  for (std::size_t i = 1; i < 100; ++i) b.map(i, Time::us(1 + i));
  b.run();
  EXPECT_THAT(b.inner->results, SizeIs(100));
  EXPECT_THAT(b.log.released, SizeIs(100));
  b.expect_quiet();
}

TEST(MappedWorkload, ADmaBeingMappedCountsInTheWindowOfAClosedLoop) {
  Bench b(reads(3), false, 256, 2);
  b.run(Time::us(1));
  EXPECT_THAT(b.log.asked, SizeIs(2));
  b.map(0, Time::us(1));
  b.run(Time::ns(1208));
  EXPECT_THAT(b.log.asked, SizeIs(2));
  b.run(Time::ns(1209));
  EXPECT_THAT(b.log.asked, SizeIs(3)) << "the first is done";
}

TEST(MappedWorkload, ArrivalsAreAskedForAtTheirTimes) {
  Bench b({read_of(0, 64, Time::ns(100)), read_of(0x1000, 64, Time::ns(900))}, true);
  b.run();
  ASSERT_THAT(b.inner->results, SizeIs(2));
  EXPECT_EQ(Time::ns(100), b.inner->results[0].issued);
  EXPECT_EQ(Time::ns(900), b.inner->results[1].issued);
}

TEST(MappedWorkload, IsNotFinishedWhileABufferIsBeingMapped) {
  Bench b(reads(1));
  b.run(Time::ns(50));
  EXPECT_EQ(Workload::Next::Kind::wait, b.workload->next(Time::ns(50)).kind);
  b.map(0, Time::ns(60));
  b.run(Time::us(1));
  EXPECT_EQ(Workload::Next::Kind::finished, b.workload->next(Time::us(1)).kind);
}

TEST(MappedWorkload, WhatIsMappedAndNotTakenIsReleasedAtTheStop) {
  Bench b(reads(3), false, 2);
  b.run(Time::ns(50));
  ASSERT_THAT(b.log.asked, SizeIs(2));
  b.engine.stop_issuing();
  b.log.asked[0].ready(FakePolicy::address(0));  // mapped before the workload hears of the stop
  EXPECT_THAT(b.log.released, IsEmpty());
  b.workload->stop();
  EXPECT_THAT(b.log.released, SizeIs(1));
  b.log.asked[1].ready(FakePolicy::address(0x1000));  // and after
  EXPECT_THAT(b.log.released, SizeIs(2));
  b.run();
  EXPECT_THAT(b.memory.accesses, IsEmpty());
  b.expect_quiet();
}

}  // namespace
}  // namespace iommusim::ep
