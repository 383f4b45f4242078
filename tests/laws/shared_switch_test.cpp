// experiments/shared_switch: endpoints behind one switch whose link up is as wide as one endpoint's. Bandwidth is
// conserved and shared as the arbiter promises, nobody starves, and no TLP is lost or made.
#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/in_child.h"
#include "tests/support/machine.h"
#include "tests/validation/experiment_run.h"

namespace iommusim::test {
namespace {

using Overrides = std::vector<std::string>;

const std::array<unsigned, 4> kCounts{1, 2, 4, 8};

std::string file_of(unsigned endpoints) {
  const char* const name = endpoints == 1 ? "one" : endpoints == 2 ? "two" : endpoints == 4 ? "four" : "experiment";
  return std::string("experiments/shared_switch/") + name + ".yaml";
}

Overrides all_read(unsigned endpoints) {
  Overrides o;
  for (unsigned i = 0; i < endpoints; ++i)
    o.push_back("workloads[" + std::to_string(i) + "].traffic.streams[0].reads=100 %");
  return o;
}

std::vector<double> throughputs(const Json& result, unsigned endpoints) {
  std::vector<double> all;
  for (unsigned i = 0; i < endpoints; ++i) all.push_back(metric(result, "e" + std::to_string(i) + ".dma.throughput"));
  return all;
}

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

void print(const char* what, const std::vector<double>& gbps) {
  std::printf("  %s, %zu endpoints: %.2f Gb/s =", what, gbps.size(), sum(gbps));
  for (const double g : gbps) std::printf(" %.3f", g);
  std::printf("\n");
}

void expect_conserved_and_equal(const char* what, bool reads) {
  std::vector<Work> work;
  for (const unsigned n : kCounts) work.push_back(experiment(file_of(n), reads ? all_read(n) : Overrides{}));
  const std::vector<Json> results = in_children(work);
  const double alone = throughputs(results[0], 1)[0];
  for (std::size_t i = 0; i < kCounts.size(); ++i) {
    const std::vector<double> gbps = throughputs(results[i], kCounts[i]);
    print(what, gbps);
    EXPECT_NEAR(sum(gbps) / alone, 1, 0.01) << kCounts[i] << " endpoints share what one has";
    for (const double g : gbps) EXPECT_NEAR(g / (sum(gbps) / kCounts[i]), 1, 0.01) << kCounts[i];
  }
  EXPECT_GT(metric(results.back(), reads ? "sw.link.down.utilisation" : "sw.link.up.utilisation"), 0.98)
      << "the shared link is the narrow place";
}

TEST(SharedSwitch, WritersConserveTheBandwidthOfTheSharedLinkAndHaveEqualShares) {
  expect_conserved_and_equal("writes", false);
}

TEST(SharedSwitch, ReadersConserveTheBandwidthOfTheSharedLinkAndHaveEqualShares) {
  expect_conserved_and_equal("reads", true);
}

void expect_shares(const std::vector<unsigned>& weights, const Overrides& more = {}) {
  Overrides o = more;
  for (std::size_t i = 0; i < weights.size(); ++i)
    o.push_back("platform.endpoints[" + std::to_string(i) + "].port.weight=" + std::to_string(weights[i]));
  const auto n = static_cast<unsigned>(weights.size());
  const auto r = in_children({experiment(file_of(n), o), experiment(file_of(1), more)});
  const std::vector<double> gbps = throughputs(r[0], n);
  print("weighted writes", gbps);
  const double alone = throughputs(r[1], 1)[0];
  EXPECT_NEAR(sum(gbps) / alone, 1, 0.01);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_NEAR(gbps[i] / sum(gbps) / (weights[i] / total), 1, 0.02) << "weight " << weights[i];
}

TEST(SharedSwitch, WeightsShareTheBandwidthAsTheyPromise) {
  expect_shares({3, 1});
  expect_shares({4, 2, 1, 1, 4, 2, 1, 1});
}

TEST(SharedSwitch, TheLightestBesideTheHeaviestStillGetsItsShare) {
  expect_shares({200, 1, 1, 200}, {"run.measure=4 ms"});
}

// Readers that ask for more at a time get more: their requests are what queues at the host. Arbitration is not the
// place to change that.
TEST(SharedSwitch, ReadersShareByWhatTheyHaveOutstandingWhateverTheWeights) {
  Overrides o = all_read(2);
  o.push_back("platform.endpoints[0].dma.tags=96");
  o.push_back("platform.endpoints[1].dma.tags=32");
  o.push_back("platform.endpoints[1].port.weight=4");
  const std::vector<double> gbps = throughputs(in_child(experiment(file_of(2), o)), 2);
  print("reads of 96 and 32 tags", gbps);
  EXPECT_NEAR(gbps[0] / gbps[1], 3, 0.06);
}

// ---- counted at both ends

std::string mixed_traffic(unsigned endpoints) {
  std::string yaml =
      "schema: 1\nplatform:\n  root_complex: {request_latency: 100 ns, completion_latency: 100 ns}\n"
      "  switches: [{name: sw, link: {generation: 3, width: 8}}]\n  endpoints:\n";
  for (unsigned i = 0; i < endpoints; ++i)
    yaml += "    - {name: e" + std::to_string(i) + ", behind: sw, dma: {tags: 64}}\n";
  yaml += "workloads:\n";
  for (unsigned i = 0; i < endpoints; ++i) {
    yaml +=
        "  - {endpoint: e" + std::to_string(i) +
        ", buffer: {size: 1 MiB}, traffic: {type: generator, window: 64, count: 1000, write_done: visible, streams: "
        "[{reads: 50 %, pattern: {type: random}, size: {type: uniform, smallest: 1 B, largest: 1 KiB}}]}}\n";
  }
  return yaml;
}

class CountedAtBothEnds : public ::testing::TestWithParam<unsigned> {};

TEST_P(CountedAtBothEnds, NoTlpIsLostOrMade) {
  const unsigned n = GetParam();
  Machine m(mixed_traffic(n));
  m.finish();
  const auto of_all = [&](const std::string& path) {
    std::uint64_t total = 0;
    for (unsigned i = 0; i < n; ++i) total += m.count("e" + std::to_string(i) + "." + path);
    return total;
  };
  EXPECT_EQ(of_all("dma.reads") + of_all("dma.writes"), 1000u * n);
  for (unsigned i = 0; i < n; ++i) {
    const std::string e = "e" + std::to_string(i) + ".";
    EXPECT_EQ(m.count(e + "link.up.requests"), m.count(e + "dma.read_requests") + m.count(e + "dma.write_requests"));
    EXPECT_EQ(m.count(e + "link.up.payload_bytes"), m.count(e + "dma.write_bytes"));
    EXPECT_EQ(m.count(e + "link.down.payload_bytes"), m.count(e + "dma.read_bytes"));
    EXPECT_EQ(m.count(e + "link.down.requests"), 0u);
  }
  // Up: endpoints, switch, root port, memory.
  EXPECT_EQ(m.count("sw.link.up.requests"), of_all("link.up.requests"));
  EXPECT_EQ(m.count("sw.link.up.payload_bytes"), of_all("link.up.payload_bytes"));
  EXPECT_EQ(m.count("root_complex.port0.reads"), of_all("dma.read_requests"));
  EXPECT_EQ(m.count("root_complex.port0.writes"), of_all("dma.write_requests"));
  EXPECT_EQ(m.count("memory.dma.reads"), of_all("dma.read_requests"));
  EXPECT_EQ(m.count("memory.dma.writes"), of_all("dma.write_requests"));
  // Down: the root port cuts reads into completions, the switch passes each on.
  EXPECT_EQ(m.count("sw.link.down.completions"), of_all("link.down.completions"));
  EXPECT_GT(m.count("sw.link.down.completions"), of_all("dma.read_requests"));
  EXPECT_EQ(m.count("sw.link.down.payload_bytes"), of_all("dma.read_bytes"));
}

INSTANTIATE_TEST_SUITE_P(Endpoints, CountedAtBothEnds, ::testing::ValuesIn(kCounts));

// ---- determinism

TEST(SharedSwitch, SameFileGivesTheSameBytesUnderEitherScheduler) {
  const auto run = [](tlm::Scheduler::Kind kind) -> Work {
    return [kind] {
      Machine m(mixed_traffic(8), {}, kind);
      m.finish();
      return m.metrics();
    };
  };
  const auto r = in_children(
      {run(tlm::Scheduler::Kind::wheel), run(tlm::Scheduler::Kind::wheel), run(tlm::Scheduler::Kind::stage_events)});
  EXPECT_EQ(r[0].dump(), r[1].dump());
  EXPECT_EQ(r[0].dump(), r[2].dump());
}

}  // namespace
}  // namespace iommusim::test
