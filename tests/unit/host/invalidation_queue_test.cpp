#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/host/fakes.h"

namespace iommusim::host::test {
namespace {

using ::testing::ElementsAre;

Invalidation domain_flush(std::uint32_t domain) {
  Invalidation i;
  i.kind = Invalidation::Kind::iotlb_domain;
  i.domain = base::DomainId(domain);
  return i;
}

IommuDriverConfig small_queue(std::uint32_t entries) {
  IommuDriverConfig config;
  config.queue.entries = entries;
  return config;
}

TEST(InvalidationQueue, SynchronousInvalidationReturnsWhenItsStatusIsSeen) {
  Host host;
  host.add_driver();
  host.boot();
  // Two entries of 32 bytes, buffered: 50. Tail: accepted 10, at the unit 200 (250). Each entry 300: status at 850.
  // Looks begin at 60 and end 80 later, every 127: 140, ... 60 + 80 + 127 k >= 850 for k = 6: 902.
  EXPECT_EQ(host.run([&](CpuCore& c) { host.driver->queue().invalidate(c, {domain_flush(5)}); }), Time::ps(902000));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d5", "wait"));
  EXPECT_EQ(host.machine.executed_at[1], Time::ps(850000));
  EXPECT_EQ(host.driver->queue().sync_latency().max(), 902000u);
  EXPECT_EQ(host.driver->queue().submitted(Invalidation::Kind::iotlb_domain), 1u);
  EXPECT_EQ(host.driver->queue().submitted(Invalidation::Kind::wait), 1u);
}

TEST(InvalidationQueue, AsynchronousSubmissionIsWaitedForLater) {
  Host host;
  host.add_driver();
  host.boot();
  Time submitted;
  host.run([&](CpuCore& c) {
    const auto ticket = host.driver->queue().submit(c, {domain_flush(1), domain_flush(2)});
    submitted = c.now();
    c.spend(Time::us(10));
    const Time before = c.now();
    host.driver->queue().wait(c, ticket);
    EXPECT_EQ(c.now() - before, Time::ps(80000));  // it was done: one look
  });
  EXPECT_EQ(submitted, Time::ps(60000));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d1", "domain d2", "wait"));
}

TEST(InvalidationQueue, AnEarlierTicketIsDoneWhenALaterOneOfTheSameSlotIs) {
  Host host;
  host.add_driver(small_queue(4));
  host.boot();
  host.run([&](CpuCore& c) {
    InvalidationQueue& q = host.driver->queue();
    const auto first = q.submit(c, {});  // slot 0, and the fifth one too
    for (int i = 0; i < 4; ++i) q.invalidate(c, {});
    q.wait(c, first);
  });
  EXPECT_EQ(host.machine.executed.size(), 5u);
}

TEST(InvalidationQueue, WrapsAroundWithoutLosingOrRepeatingAnything) {
  Host host;
  host.add_driver(small_queue(8));
  host.boot();
  host.run([&](CpuCore& c) {
    for (std::uint32_t i = 0; i < 50; ++i) host.driver->queue().invalidate(c, {domain_flush(i)});
  });
  ASSERT_EQ(host.machine.executed.size(), 100u);
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(host.machine.executed[2 * i], "domain d" + std::to_string(i));
    EXPECT_EQ(host.machine.executed[2 * i + 1], "wait");
  }
  EXPECT_EQ(host.driver->queue().full_stalls(), 0u);
}

TEST(InvalidationQueue, FullRingWaitsForTheHeadToMove) {
  Host host;
  host.add_driver(small_queue(4));
  host.boot();
  Time submitted;
  host.run([&](CpuCore& c) {
    for (std::uint32_t i = 0; i < 3; ++i) host.driver->queue().submit_exactly(c, domain_flush(i));
    EXPECT_EQ(c.now(), Time::ps(3 * 60000));
    host.driver->queue().submit_exactly(c, domain_flush(3));
    submitted = c.now();
  });
  // The first tail is at the unit at 250, its entry done at 550. Head reads end at 180 + 200, 627: then entry and
  // tail, 60.
  EXPECT_EQ(submitted, Time::ps(687000));
  EXPECT_EQ(host.driver->queue().full_stalls(), 1u);
  host.go_on(Time::us(5));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d0", "domain d1", "domain d2", "domain d3"));
}

TEST(InvalidationQueue, BatchLargerThanTheRingGoesThroughInParts) {
  Host host;
  host.add_driver(small_queue(4));
  host.boot();
  host.run([&](CpuCore& c) {
    InvalidationQueue::Batch batch;
    for (std::uint32_t i = 0; i < 9; ++i) batch.push_back(domain_flush(i));
    host.driver->queue().invalidate(c, batch);
  });
  ASSERT_EQ(host.machine.executed.size(), 10u);
  EXPECT_EQ(host.machine.executed[8], "domain d8");
  EXPECT_EQ(host.machine.executed[9], "wait");
}

TEST(InvalidationQueue, CoresShareItInTurnsAndContentionIsCounted) {
  Host host(2);
  host.add_driver();
  host.boot();
  std::vector<Time> submitted(2);
  for (unsigned n : {0u, 1u}) {
    host.core[n]->submit([&, n](CpuCore& c) {
      const auto ticket = host.driver->queue().submit(c, {domain_flush(n)});
      submitted[n] = c.now();
      host.driver->queue().wait(c, ticket);
    });
  }
  host.go_on(Time::us(5));
  EXPECT_EQ(submitted[0], Time::ps(60000));
  EXPECT_EQ(submitted[1], Time::ps(120000));  // the lock is free once the tail has been rung
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d0", "wait", "domain d1", "wait"));
  const auto json = host.simulation.stats.to_json(host.now());
  EXPECT_EQ(json["driver"]["queue"]["lock_contended"]["value"], 1);
}

TEST(InvalidationQueue, ReplayWritesExactlyWhatItIsGiven) {
  Host host;
  host.add_driver();
  host.boot();
  host.run([&](CpuCore& c) { host.driver->queue().submit_exactly(c, domain_flush(7)); });
  host.go_on(Time::us(5));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d7"));
}

}  // namespace
}  // namespace iommusim::host::test
