#include "models/endpoints/dma_engine.h"

#include <gtest/gtest.h>

#include <cstring>

#include "models/base/config/config.h"
#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;
using tlm::CompletionStatus;

// Collects results of submitted DMAs.
struct Results {
  std::vector<DmaResult> list;
  void add(const DmaResult& r) { list.push_back(r); }
  DmaEngine::Done done() { return tlm::delegate<&Results::add>(this); }
};

TEST(DmaEngine, ADmaIsCutAtMrrsAndAt4KiB) {
  EngineBench b;
  Results results;
  b.engine.submit(read_of(high + 0xf00, 1024), results.done());
  b.run();
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(high + 0xf00, b.memory.accesses[0].address);
  EXPECT_EQ(256u, b.memory.accesses[0].bytes);
  EXPECT_EQ(high + 0x1000, b.memory.accesses[1].address);
  EXPECT_EQ(512u, b.memory.accesses[1].bytes);
  EXPECT_EQ(256u, b.memory.accesses[2].bytes);
  ASSERT_EQ(1u, results.list.size());
  EXPECT_EQ(1u, b.engine.counters().reads.value());
  b.expect_quiet();
}

TEST(DmaEngine, AWriteIsCutAtMps) {
  EngineBench b;
  b.engine.submit(write_of(high, 600));
  b.run();
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(256u, b.memory.accesses[1].bytes);
  EXPECT_EQ(88u, b.memory.accesses[2].bytes);
  EXPECT_EQ(600u, b.engine.counters().write_bytes.value());
  b.expect_quiet();
}

TEST(DmaEngine, TagsLimitTheReadsOutstanding) {
  DmaEngineConfig c;
  c.tags = 2;
  EngineBench b(c);
  ListedDmas w;
  for (unsigned i = 0; i < 3; ++i) w.list.push_back(read_of(high + 64 * i, 64));
  b.engine.drive(w);
  b.run();
  // The first answer is back at 24 + 100 + 84 = 208; only then does the third request leave.
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(Time::ns(48), b.memory.accesses[1].at);
  EXPECT_EQ(Time::ns(208 + 24), b.memory.accesses[2].at);
  EXPECT_EQ(1u, b.engine.counters().tag_stalls.value());
  b.expect_quiet();
}

TEST(DmaEngine, ThePostedWindowLimitsTheWritesOnTheirWay) {
  DmaEngineConfig c;
  c.posted_window = 1;
  EngineBench b(c);
  b.engine.submit(write_of(high, 64));
  b.engine.submit(write_of(high, 64));
  b.run();
  // The first is visible at 88 + 100.
  EXPECT_EQ(Time::ns(188 + 88), b.memory.accesses[1].at);
  b.expect_quiet();
}

TEST(DmaEngine, APostedWriteIsDoneForItsRequesterWhenSent) {
  EngineBench b;
  Results results;
  b.engine.submit(write_of(high, 64), results.done());
  b.engine.submit(write_of(high, 64, WriteDone::visible), results.done());
  b.run();
  ASSERT_EQ(2u, results.list.size());
  EXPECT_EQ(Time(), results.list[0].done);
  EXPECT_EQ(Time::ns(2 * 88 + 100), results.list[1].done);
  EXPECT_EQ(Time::ns(188).ps(), b.engine.counters().write_latency.total().min()) << "statistics count to visibility";
}

TEST(DmaEngine, AReadWaitingForATagHoldsBackTheWriteBehindIt) {
  DmaEngineConfig c;
  c.tags = 1;
  EngineBench b(c);
  b.engine.submit(read_of(high, 64));
  b.engine.submit(read_of(high, 64));
  b.engine.submit(write_of(high, 64));
  b.run();
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_FALSE(b.memory.accesses[1].write);
  EXPECT_TRUE(b.memory.accesses[2].write);
}

TEST(DmaEngine, SubmittedDmasGoBeforeWhatTheWorkloadOffers) {
  DmaEngineConfig c;
  c.dmas = 1;
  EngineBench b(c);
  ListedDmas w;
  w.list = {read_of(high, 64), read_of(high + 64, 64)};
  b.engine.drive(w);
  b.engine.submit(read_of(high + 4096, 64));
  b.run();
  EXPECT_EQ(high + 4096, b.memory.accesses[0].address);
}

TEST(DmaEngine, ADmaSubmittedFromTheEndOfAnotherStartsAtOnce) {
  EngineBench b;
  struct Chain {
    DmaEngine& engine;
    Results results;
    void first(const DmaResult& r) {
      results.add(r);
      engine.submit(read_of(high + 64, 64, r.done), results.done());
    }
  } chain{b.engine, {}};
  b.engine.submit(read_of(high, 64), tlm::delegate<&Chain::first>(&chain));
  b.run();
  ASSERT_EQ(2u, chain.results.list.size());
  EXPECT_EQ(Time::ns(208), chain.results.list[1].issued);
  EXPECT_EQ(Time::ns(416), chain.results.list[1].done);
}

TEST(DmaEngine, LatencyCountsFromTheIntendedTime) {
  DmaEngineConfig c;
  c.tags = 1;
  EngineBench b(c);
  ListedDmas w;
  w.list = {read_of(high, 64, Time::ns(10)), read_of(high, 64, Time::ns(11))};
  b.engine.drive(w);
  b.run();
  const LatencyStats& l = b.engine.counters().read_latency;
  EXPECT_EQ(Time::ns(208).ps(), l.total().min());
  EXPECT_EQ(Time::ns(10 + 208 + 208 - 11).ps(), l.total().max());
  EXPECT_EQ(Time::ns(207).ps(), l.part(0).max()) << "issue_wait of the second";
}

TEST(DmaEngine, TheBreakdownSumsToTheWhole) {
  DmaEngineConfig c;
  c.tags = 3;
  c.issue_latency = Time::ps(1234);
  c.read_interval = Time::ps(777);
  c.completion_latency = Time::ps(4321);
  c.latency_per_kib = Time::ns(150);
  EngineBench b(c);
  ListedDmas w;
  for (unsigned i = 0; i < 40; ++i) {
    w.list.push_back(read_of(high + 999 * i, 1 + 61 * i, Time::ns(40 * i)));
    w.list.push_back(write_of(high + 999 * i, 1 + 37 * i));
    w.list.back().intended = Time::ns(40 * i);
  }
  b.engine.drive(w);
  b.run();
  for (const LatencyStats* l : {&b.engine.counters().read_latency, &b.engine.counters().write_latency}) {
    ASSERT_EQ(40u, l->total().count());
    base::u128 parts = 0;
    for (std::size_t i = 0; i < LatencyStats::part_count; ++i) parts += l->part(i).sum();
    EXPECT_TRUE(parts == l->total().sum());
  }
  b.expect_quiet();
}

TEST(DmaEngine, TheEnginesOwnCostsAreFixedAndPipelined) {
  DmaEngineConfig c;
  c.issue_latency = Time::ns(20);
  c.read_interval = Time::ns(30);
  c.completion_latency = Time::ns(7);
  c.latency_per_kib = Time::ns(160);  // 10 ns for 64 bytes
  EngineBench b(c);
  ListedDmas w;
  w.list = {read_of(high, 64), read_of(high, 64)};
  b.engine.drive(w);
  b.run();
  ASSERT_EQ(2u, w.results.size());
  EXPECT_EQ(Time::ns(20), w.results[0].issued);
  EXPECT_EQ(Time::ns(20 + 208 + 17), w.results[0].done);
  EXPECT_EQ(Time::ns(50), w.results[1].issued);
  // Its completion is ready at 174 and waits for the first, which is on the wire until 228.
  EXPECT_EQ(Time::ns(228 + 84 + 17), w.results[1].done);
}

TEST(DmaEngine, AReadToNobodyEndsAsUnsupportedRequest) {
  EngineBench b;
  b.memory.limit = high;
  ListedDmas w;
  w.list = {read_of(high, 64)};
  b.engine.drive(w);
  b.run();
  ASSERT_EQ(1u, w.results.size());
  EXPECT_EQ(CompletionStatus::unsupported_request, w.results[0].status);
  EXPECT_EQ(1u, b.engine.counters().failed_unsupported.value());
  EXPECT_EQ(0u, b.engine.counters().reads.value()) << "a failed DMA moves nothing";
  b.expect_quiet();
}

TEST(DmaEngine, TheSenderOfAPostedWriteNeverLearnsOfItsFailure) {
  EngineBench b;
  b.memory.limit = high;
  Results results;
  b.engine.submit(write_of(high, 64, WriteDone::visible), results.done());
  b.run();
  EXPECT_EQ(CompletionStatus::ok, results.list[0].status);
}

TEST(DmaEngine, AReadWithoutCompletionTimesOutAndItsTagWaitsForTheLateOne) {
  DmaEngineConfig c;
  c.completion_timeout = Time::us(1);
  EngineBench b(c, nanosecond_per_byte(), Time::us(3));
  ListedDmas w;
  w.list = {read_of(high, 64), read_of(high, 64, Time::ns(500))};
  b.engine.drive(w);
  b.run(Time::ns(1000));
  EXPECT_EQ(0u, w.results.size());
  b.run(Time::ns(2000));
  ASSERT_EQ(2u, w.results.size());
  EXPECT_EQ(CompletionStatus::timeout, w.results[0].status);
  EXPECT_EQ(Time::ns(1000), w.results[0].done);
  EXPECT_EQ(Time::ns(1500), w.results[1].done);
  EXPECT_FALSE(b.engine.quiescent());
  EXPECT_EQ("engine: 0 DMAs waiting for a slot, 0 in progress, 2 read tags, 0 posted writes", b.engine.holding());
  b.run();
  EXPECT_EQ(2u, b.engine.counters().failed_timeout.value());
  EXPECT_EQ(2u, b.engine.counters().late_completions.value());
  b.expect_quiet();
}

TEST(DmaEngine, AnAnsweredReadDoesNotTimeOut) {
  DmaEngineConfig c;
  c.completion_timeout = Time::us(1);
  EngineBench b(c);
  ListedDmas w;
  for (unsigned i = 0; i < 20; ++i) w.list.push_back(read_of(high, 64, Time::ns(300 * i)));
  b.engine.drive(w);
  b.run();
  EXPECT_EQ(20u, b.engine.counters().reads.value());
  EXPECT_EQ(0u, b.engine.counters().failed_timeout.value());
}

TEST(DmaEngine, AnMsiIsAFourByteWriteBehindTheDataBeforeIt) {
  EngineBench b;
  b.engine.submit(write_of(high, 512));
  b.engine.send_msi(0xfee01000, 0x4041);
  b.run();
  ASSERT_EQ(3u, b.memory.accesses.size());
  const auto& msi = b.memory.accesses[2];
  EXPECT_EQ(0xfee01000u, msi.address);
  EXPECT_EQ(4u, msi.bytes);
  EXPECT_EQ(0x4041u, msi.data);
  EXPECT_EQ(tlm::Traffic::msi, msi.traffic);
  EXPECT_EQ(1u, b.engine.counters().messages.value());
  EXPECT_EQ(1u, b.engine.counters().writes.value()) << "an MSI is no DMA of the workload";
  b.expect_quiet();
}

TEST(DmaEngine, GivenDataGoesToMemoryAndComesBack) {
  EngineBench b;
  unsigned char out[600], in[600] = {};
  for (unsigned i = 0; i < sizeof out; ++i) out[i] = static_cast<unsigned char>(i * 7);
  struct Chain {
    DmaEngine& engine;
    unsigned char* in;
    void read_back(const DmaResult& r) {
      DmaRequest back = read_of(high + 10, 600, r.done);
      back.data = in;
      engine.submit(back);
    }
  } chain{b.engine, in};
  DmaRequest w = write_of(high + 10, 600, WriteDone::visible);
  w.data = out;
  b.engine.submit(w, tlm::delegate<&Chain::read_back>(&chain));
  b.run();
  EXPECT_EQ(0, std::memcmp(in, out, sizeof out));
}

TEST(DmaEngine, StopIssuingLeavesTheWorkloadAloneAndFinishesTheRest) {
  DmaEngineConfig c;
  c.dmas = 4;
  EngineBench b(c);
  ListedDmas w;
  for (unsigned i = 0; i < 100; ++i) w.list.push_back(read_of(high, 64));
  b.engine.drive(w);
  b.run(Time::ns(300));
  b.engine.stop_issuing();
  EXPECT_FALSE(b.engine.quiescent());
  b.run();
  EXPECT_LT(w.results.size(), 10u);
  EXPECT_EQ(w.results.size(), b.engine.counters().reads.value());
  b.expect_quiet();
}

TEST(DmaEngine, AWorkloadThatWaitsIsAskedAgainWhenWoken) {
  EngineBench b;
  ListedDmas w;
  w.window = 0;
  w.list = {read_of(high, 64)};
  b.engine.drive(w);
  b.engine.submit(read_of(high, 64));
  b.run();
  EXPECT_EQ(0u, w.results.size());
  w.window = 1;
  const Time woken = b.sim.scheduler.now();
  EXPECT_GE(woken, Time::ns(208));
  b.engine.wake();
  b.run(Time::ms(200));
  ASSERT_EQ(1u, w.results.size());
  EXPECT_EQ(woken, w.results[0].issued);
}

TEST(DmaEngine, TheConfigurationReadsBack) {
  DmaEngineConfig c;
  c.completion_timeout = Time();
  const std::string text = base::dump_config(c);
  EXPECT_NE(std::string::npos, text.find("completion_timeout: none"));
  EXPECT_EQ(text, base::dump_config(base::parse_config<DmaEngineConfig>(text)));
}

}  // namespace
}  // namespace iommusim::ep
