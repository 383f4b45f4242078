// Time of single requests over a real link, worked out by hand: at that picosecond the answer is there, one picosecond
// earlier not.
#include <gtest/gtest.h>

#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;

pcie::LinkConfig gen3_x8() {
  pcie::LinkConfig c;
  c.propagation = Time::ns(1);
  return c;
}
pcie::LinkConfig gen3_x8_without_overhead() {
  pcie::LinkConfig c = gen3_x8();
  c.ack_interval = c.fc_interval = c.skip_interval = base::Bytes(0);
  return c;
}
pcie::RootComplexConfig host() {
  pcie::RootComplexConfig c;
  c.request_latency = Time::ns(50);
  c.completion_latency = Time::ns(30);
  return c;
}

// The run's limit is exclusive: what happens at the limit has not happened.
void expect_done_exactly_at(EngineBench& b, const ListedDmas& w, std::size_t dmas, Time at) {
  b.run(at);
  EXPECT_EQ(dmas - 1, w.results.size()) << "nothing one picosecond earlier";
  b.run(at + Time::ps(1));
  ASSERT_EQ(dmas, w.results.size());
  EXPECT_EQ(at.ps(), w.results.back().done.ps());
}

TEST(PcieReadTiming, AnIdle64ByteReadOnGen3X8) {
  EngineBench b({}, gen3_x8_without_overhead(), Time::ns(100), host());
  ListedDmas w;
  w.list = {read_of(high, 64)};
  b.engine.drive(w);
  // 24 B x 126.953125 ps = 3046.875 -> 3047; 1 ns; 50 ns; 100 ns of memory; 30 ns; 84 B: 10664.0625 -> 10665; 1 ns.
  expect_done_exactly_at(b, w, 1, Time::ps(3047 + 1000 + 50000 + 100000 + 30000 + 10665 + 1000));
}

TEST(PcieReadTiming, AcknowledgementsAndFlowControlLengthenEveryByte) {
  EngineBench b({}, gen3_x8(), Time::ns(100), host());
  ListedDmas w;
  w.list = {read_of(high, 64)};
  b.engine.drive(w);
  // 126.953125 / (1 - 16/1624 - 16/6000) = 128.56258... ps: 24 B 3085.50 -> 3086, 84 B 10799.26 -> 10800.
  expect_done_exactly_at(b, w, 1, Time::ps(3086 + 1000 + 50000 + 100000 + 30000 + 10800 + 1000));
}

TEST(PcieReadTiming, TheSecondOfTwoReadsFollowsAtTheExactRate) {
  EngineBench b({}, gen3_x8_without_overhead(), Time::ns(100), host());
  ListedDmas w;
  w.list = {read_of(high, 64), read_of(high + 64, 64)};
  b.engine.drive(w);
  // Second request leaves at 48 x 126.953125 = 6093.75 -> 6094, its completion is ready at 187094 while the first is
  // being sent from 184047 to 194711.0625; both together end at 184047 + 168 x 126.953125 = 205375.125 -> 205376; 1 ns.
  expect_done_exactly_at(b, w, 2, Time::ps(205376 + 1000));
}

TEST(PcieReadTiming, APostedWriteIsVisibleWhenMemoryHasIt) {
  EngineBench b({}, gen3_x8_without_overhead(), Time::ns(100), host());
  ListedDmas w;
  w.list = {write_of(high, 64, WriteDone::visible)};
  b.engine.drive(w);
  // 88 B: 11171.875 -> 11172; 1 ns; 50 ns; 100 ns. No way back.
  expect_done_exactly_at(b, w, 1, Time::ps(11172 + 1000 + 50000 + 100000));
}

TEST(PcieReadTiming, ALargeReadEndsWithTheLastCompletionOfItsLastRequest) {
  EngineBench b({}, gen3_x8_without_overhead(), Time::ns(100), host());
  ListedDmas w;
  w.list = {read_of(high, 1024)};
  b.engine.drive(w);
  // First completions start at 184047; 2 x 2 x (20 + 256) bytes back to back: 1104 x 126.953125 = 140156.25.
  expect_done_exactly_at(b, w, 1, Time::ps(184047 + 140157 + 1000));
}

}  // namespace
}  // namespace iommusim::ep
