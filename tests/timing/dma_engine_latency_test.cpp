// The engine's own costs, to the picosecond, and the throughput they and the tags leave.
#include <gtest/gtest.h>

#include "models/base/config/config.h"
#include "models/endpoints/workload/generator.h"
#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;

TEST(DmaEngineTiming, EveryEngineCostIsPaidOnceByAnIdleRead) {
  DmaEngineConfig c;
  c.issue_latency = Time::ps(20011);
  c.read_interval = Time::ps(30000);
  c.completion_latency = Time::ps(7003);
  c.latency_per_kib = Time::ns(160);
  EngineBench b(c);
  ListedDmas w;
  w.list = {read_of(high, 64, Time::ps(5))};
  b.engine.drive(w);
  // 24 + 100 + 84 ns outside the engine; 64 of 1024 bytes at 160 ns.
  const Time at = Time::ps(5 + 20011 + 208000 + 7003 + 10000);
  b.run(at);
  EXPECT_EQ(0u, w.results.size());
  b.run(at + Time::ps(1));
  ASSERT_EQ(1u, w.results.size());
  EXPECT_EQ(at - Time::ps(5), Time::ps(b.engine.counters().read_latency.total().max()));
  const LatencyStats& l = b.engine.counters().read_latency;
  EXPECT_EQ(20011u, l.part(0).max());
  EXPECT_EQ(17003u, l.part(LatencyStats::part_count - 1).max());
}

// One request of 512 bytes comes in two completions, whose last bytes are there after 24 + 100 + 276 and after 676 ns.
Time end_of_read(unsigned bytes, Time latency_per_kib) {
  DmaEngineConfig c;
  c.completion_latency = Time::ps(7003);
  c.latency_per_kib = latency_per_kib;
  EngineBench b(c);
  ListedDmas w;
  w.list = {read_of(high, bytes)};
  b.engine.drive(w);
  b.run();
  return w.results.at(0).done;
}

TEST(DmaEngineTiming, ACopyFasterThanTheLinkEndsWithThatOfTheLastCompletion) {
  EXPECT_EQ(Time::ps(676000 + 128000 + 7003), end_of_read(512, Time::ns(512)));
}

TEST(DmaEngineTiming, ACopySlowerThanTheLinkGoesOnFromTheFirstCompletion) {
  EXPECT_EQ(Time::ps(400000 + 2 * 512000 + 7003), end_of_read(512, Time::ns(2048)));
}

TEST(DmaEngineTiming, RequestsOfOneDmaAreCopiedOneAfterTheOther) {
  EXPECT_EQ(Time::ps(400000 + 4 * 512000 + 7003), end_of_read(1024, Time::ns(2048)));
}

TEST(DmaEngineTiming, APieceOfACopyUnitTakesAsLongAsAWholeOne) {
  DmaEngineConfig c;
  c.latency_per_kib = Time::ns(1024);
  c.copy_unit = base::Bytes(64);
  EngineBench b(c);
  ListedDmas w;
  w.list = {read_of(high, 8), read_of(high, 64, Time::us(1)), read_of(high, 68, Time::us(2))};
  b.engine.drive(w);
  b.run();
  EXPECT_EQ(Time::ns(124 + 28 + 64), w.results.at(0).done);
  EXPECT_EQ(Time::ns(1000 + 124 + 84 + 64), w.results.at(1).done);
  EXPECT_EQ(Time::ns(2000 + 124 + 88 + 128), w.results.at(2).done);
}

TEST(DmaEngineTiming, WriteRequestsLeaveNoFasterThanTheirInterval) {
  DmaEngineConfig c;
  c.write_interval = Time::ns(200);
  EngineBench b(c);
  ListedDmas w;
  w.list = {write_of(high, 64), write_of(high, 64), read_of(high, 64)};
  b.engine.drive(w);
  b.run();
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(Time::ns(88), b.memory.accesses[0].at);
  EXPECT_EQ(Time::ns(288), b.memory.accesses[1].at);
  EXPECT_EQ(Time::ns(400 + 24), b.memory.accesses[2].at);
}

TEST(DmaEngineTiming, ACompletionTimeOutComesAfterItsTimeAndNotEarlier) {
  DmaEngineConfig c;
  c.completion_timeout = Time::ps(1000001);
  EngineBench b(c, nanosecond_per_byte(), Time::us(3));
  ListedDmas w;
  w.list = {read_of(high, 64, Time::ps(7))};
  b.engine.drive(w);
  b.run(Time::ps(1000008));
  EXPECT_EQ(0u, w.results.size());
  b.run(Time::ps(1000009));
  ASSERT_EQ(1u, w.results.size());
  EXPECT_EQ(Time::ps(1000008), w.results[0].done);
}

// Little's law: 26 tags and 490 ns from request to completion give 26 / 490 ns = 53.06 M reads/s, 27.2 Gb/s at 64 bytes
// (pcie-bench data set: the Broadwell host's 27.6 without an IOMMU).
TEST(DmaEngineTiming, TagsAndLatencyFixTheThroughputOfSmallReads) {
  DmaEngineConfig c;
  c.tags = 26;
  pcie::LinkConfig link;
  link.generation = 5;  // fast enough to leave the latency constant
  link.width = 16;
  link.ack_interval = link.fc_interval = link.skip_interval = base::Bytes(0);
  pcie::RootComplexConfig rc;
  rc.request_latency = Time::ps(200000);
  // 24 B 380.86 -> 381 ps and 84 B 1333.01 -> 1334 ps on the wire: the rest of 490 ns is the root complex.
  rc.completion_latency = Time::ps(490000 - 200000 - 100000 - 381 - 1334);
  EngineBench b(c, link, Time::ns(100), rc);
  const auto config = base::parse_config<GeneratorConfig>(
      "schema: 1\nwindow: 64\nstreams:\n  - pattern: {type: random}\n    size: {type: fixed, bytes: 64 B}\n");
  const auto workload = config.make({"engine", 1, base::Iova(high), 1 << 20});
  b.engine.drive(*workload);
  b.run(Time::us(10));
  b.sim.stats.reset(Time::us(10));
  b.run(Time::us(110));
  const double rate = static_cast<double>(b.engine.counters().reads.value()) / 100e-6;
  EXPECT_NEAR(26 / 490e-9, rate, 0.002 * 26 / 490e-9);
  b.engine.stop_issuing();
  b.run();
  b.expect_quiet();
}

}  // namespace
}  // namespace iommusim::ep
