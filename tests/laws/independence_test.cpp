// What must not matter: an endpoint that does nothing, how events are scheduled, what another device draws. And what an
// open loop offers.
#include <gtest/gtest.h>

#include "tests/laws/machines.h"
#include "tests/support/in_child.h"

namespace iommusim::test {
namespace {

const char* const kSizes = "type: uniform, smallest: 64 B, largest: 4 KiB";

std::string busy() {
  return machine_with("window: 32, count: 2000, " + mixed("50 %", kSizes), "DMA", "size: 4 MiB, placement: scattered",
                      "walkers: 3");
}
std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}
/// Another endpoint, before or behind the one at work.
std::string with_idle_behind() {
  return with(busy(), "completion_latency: 30 ns}}", "completion_latency: 30 ns}}, {name: idle, bdf: \"02:00.0\"}");
}
std::string with_idle_before() { return with(busy(), "endpoints: [", "endpoints: [{name: idle, bdf: \"02:00.0\"}, "); }

Work finished(const std::string& yaml, tlm::Scheduler::Kind kind = tlm::Scheduler::Kind::wheel,
              std::uint64_t seed = 1) {
  return [=] {
    Machine m(yaml, {}, kind, seed);
    m.finish();
    return m.metrics();
  };
}

TEST(Independence, SameMachineTwiceGivesTheSameBytesAndAnotherSeedOthers) {
  const auto r = in_children({finished(busy()), finished(busy()), finished(busy(), tlm::Scheduler::Kind::wheel, 2)});
  EXPECT_EQ(r[0].dump(), r[1].dump());
  EXPECT_NE(r[0].dump(), r[2].dump());
}

TEST(Independence, ExchangingTheSchedulerChangesNoByte) {
  const auto r = in_children({finished(busy()), finished(busy(), tlm::Scheduler::Kind::stage_events)});
  EXPECT_GT(r[0]["a"]["dma"]["reads"]["value"].get<int>(), 900);
  EXPECT_EQ(r[0].dump(), r[1].dump());
}

void expect_same_metrics_of_others(const Json& alone, const Json& beside, const std::string& port) {
  for (const auto& [name, metrics] : alone.items()) {
    if (name == "root_complex") continue;
    EXPECT_EQ(metrics.dump(), beside.at(name).dump()) << name;
  }
  EXPECT_EQ(alone["root_complex"]["port0"].dump(), beside["root_complex"][port].dump());
  EXPECT_EQ(beside["idle"]["dma"]["reads"]["value"], 0);
}

TEST(Independence, AnIdleEndpointChangesNoByteOfTheOthers) {
  const auto r = in_children({finished(busy()), finished(with_idle_behind()), finished(with_idle_before())});
  expect_same_metrics_of_others(r[0], r[1], "port0");
  expect_same_metrics_of_others(r[0], r[2], "port1");
}

// ---- random streams

std::string two_busy() {
  return with_idle_behind() +
         "  - endpoint: idle\n    domain: {type: DMA}\n    buffer: {size: 4 MiB}\n    traffic: {type: generator, "
         "window: 32, count: 2000, " +
         mixed("50 %", kSizes) + "}\n";
}

// A device's draws are its own: beside another one that is just as busy it makes the same DMAs, only at other times.
TEST(Independence, ABusyNeighbourChangesTimesButNotWhatADeviceDoes) {
  const auto r = in_children({finished(busy()), finished(two_busy())});
  for (const char* metric : {"reads", "writes", "read_bytes", "write_bytes", "read_requests", "write_requests"}) {
    EXPECT_EQ(r[0]["a"]["dma"][metric]["value"], r[1]["a"]["dma"][metric]["value"]) << metric;
  }
  EXPECT_GT(r[1]["a"]["dma"]["read"]["latency"]["mean"], r[0]["a"]["dma"]["read"]["latency"]["mean"])
      << "they share walkers";
  EXPECT_NE(r[1]["a"]["dma"]["read_bytes"]["value"], r[1]["idle"]["dma"]["read_bytes"]["value"])
      << "the same workload, another stream";
}

// ---- open loops

std::string open_loop(const std::string& rate, const std::string& gaps) {
  return machine_with("loop: open, rate: " + rate + ", gaps: " + gaps + ", " + mixed("100 %"), "none");
}

TEST(OpenLoop, ConstantGapsOfferExactlyTheRate) {
  Machine m(open_loop("10 M/s", "constant"));
  m.run_for(Time::us(10));
  m.simulation.stats.reset(m.now());
  m.run_for(Time::ms(1));
  EXPECT_EQ(m.number("a.dma.offered_rate"), 10e6);
  EXPECT_NEAR(m.number("a.dma.dma_rate"), 10e6, 0.01e6) << "the machine keeps up";
  EXPECT_EQ(m.number("a.dma.read.breakdown.issue_wait", "max"), 20e3)
      << "no DMA is issued later than wanted, but for the engine's 20 ns";
}

TEST(OpenLoop, PoissonArrivalsOfferTheRateWithinTheirSpread) {
  Machine m(open_loop("10 M/s", "poisson"));
  m.run_for(Time::ms(1));
  EXPECT_NEAR(m.number("a.dma.offered_rate"), 10e6, 4 * 100e3)
      << "ten thousand arrivals, a standard deviation of a hundred";
  EXPECT_NE(m.number("a.dma.offered_rate"), 10e6);
}

// Coordinated omission: a machine that cannot keep up is still offered what was said, and latency counts the wait.
TEST(OpenLoop, OverloadIsOfferedInFullAndItsWaitIsLatency) {
  Machine m(open_loop("100 M/s", "constant"));
  m.run_for(Time::us(100));
  EXPECT_NEAR(m.number("a.dma.offered_rate"), 100e6, 0.01e6 + 1) << "and the arrival at the very end";
  EXPECT_LT(m.number("a.dma.dma_rate"), 90e6);
  const double lag = 1 - m.number("a.dma.dma_rate") / 100e6;
  EXPECT_GT(m.number("a.dma.read.latency", "max"), 0.9 * lag * 100e6)
      << "the last DMA done was wanted that long ago, in ps";
}

}  // namespace
}  // namespace iommusim::test
