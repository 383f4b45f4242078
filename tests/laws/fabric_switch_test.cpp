// Laws of a switch under load: bandwidth is conserved and shared as the arbiter promises, nothing starves, Little's law
// holds at each link, reads never pass posted writes, and throughput against buffer size bends where it is computed to.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/support/fabric.h"

namespace iommusim::test {
namespace {

using base::Bytes;
using base::Time;

constexpr std::uint64_t high = Fabric::kMemory;

FabricSpec devices_behind_a_switch(unsigned n, const std::vector<unsigned>& weights = {},
                                   pcie::ForwardMode mode = pcie::ForwardMode::cut_through) {
  pcie::SwitchConfig c;
  c.mode = mode;
  FabricSpec s = switch_of(std::vector<FabricSpec>(n), c);
  for (unsigned i = 0; i < weights.size(); ++i) s.ports[i].weight = weights[i];
  return s;
}

std::uint64_t region(unsigned i) { return high + (std::uint64_t{i} << 24); }

// --- shares

struct Shares {
  unsigned devices;
  std::vector<unsigned> weights;
};
void PrintTo(const Shares& s, std::ostream* os) { *os << s.devices << " writers"; }

class FabricShares : public ::testing::TestWithParam<Shares> {};

TEST_P(FabricShares, SaturatingDevicesGetTheirPartOfTheLinkAndAllOfItIsUsed) {
  const Shares& p = GetParam();
  tlm::Simulation sim;
  Fabric f(sim, "", {}, {devices_behind_a_switch(p.devices, p.weights)});
  unsigned total = 0;
  for (unsigned i = 0; i < p.devices; ++i) total += p.weights.empty() ? 1 : p.weights[i];
  constexpr unsigned kRounds = 400;
  const unsigned each = kRounds * (p.weights.empty() ? 1 : *std::max_element(p.weights.begin(), p.weights.end()));
  for (unsigned i = 0; i < p.devices; ++i) {
    for (unsigned n = 0; n < each; ++n) {
      f.leaves[i].dma->write(Time(), region(i) + n * 256, f.leaves[i].source(), 256);
    }
  }
  sim.scheduler.run_until(Time::ms(50));
  ASSERT_TRUE(f.drained());
  ASSERT_EQ("", f.lost());
  // The first rounds fill the buffers; the middle is steady: all have something to send.
  const auto& a = f.memory.accesses;
  const std::size_t skip = 50 * total, window = 300 * total;
  std::vector<unsigned> got(p.devices), gap(p.devices), last(p.devices, 0);
  for (unsigned k = 0; k < window; ++k) {
    const auto i = static_cast<unsigned>((a[skip + k].address - high) >> 24);
    ++got[i];
    gap[i] = std::max(gap[i], k - last[i]);
    last[i] = k;
  }
  for (unsigned i = 0; i < p.devices; ++i) {
    const double due = 300.0 * (p.weights.empty() ? 1 : p.weights[i]);
    EXPECT_NEAR(1, got[i] / due, 0.01) << "device " << i;
    EXPECT_LE(gap[i], 2 * total) << "device " << i << " starved";
  }
  // The link upward never pauses: 280 bytes per write, 1 ns each.
  EXPECT_EQ(Time::ns(window * 280), a[skip + window].at - a[skip].at);
}

INSTANTIATE_TEST_SUITE_P(Writers, FabricShares,
                         ::testing::Values(Shares{2, {}}, Shares{4, {}}, Shares{8, {}}, Shares{2, {3, 1}},
                                           Shares{4, {4, 3, 2, 1}}, Shares{8, {8, 1, 1, 1, 2, 2, 4, 1}}));

// Completions share the way down as the requests do the way up; a reader's bandwidth is what the link below carries.
class FabricReaders : public ::testing::TestWithParam<unsigned> {};
TEST_P(FabricReaders, ShareTheCompletionsAndConserveTheBandwidth) {
  const unsigned devices = GetParam();
  tlm::Simulation sim;
  Fabric f(sim, "", {}, {devices_behind_a_switch(devices)});
  constexpr unsigned kEach = 400;
  for (unsigned i = 0; i < devices; ++i) {
    for (unsigned n = 0; n < kEach; ++n) f.leaves[i].dma->read(Time(), region(i) + n * 256, f.leaves[i].source(), 256);
  }
  sim.scheduler.run_until(Time::ms(50));
  ASSERT_TRUE(f.drained());
  ASSERT_EQ("", f.lost());
  std::uint64_t below = 0;
  for (unsigned i = 0; i < devices; ++i) below += f.links[i]->down_stats().payload_bytes.value();
  EXPECT_EQ(std::uint64_t{devices} * kEach * 256, below);
  EXPECT_EQ(below, f.links.back()->down_stats().payload_bytes.value());
  // At the moment at which half of all has come back each has half of its own.
  std::vector<Time> answers;
  for (const auto& leaf : f.leaves)
    for (const auto& s : leaf.dma->sent) answers.push_back(s.answered_at);
  std::sort(answers.begin(), answers.end());
  const Time half = answers[answers.size() / 2];
  for (const auto& leaf : f.leaves) {
    const auto n = std::count_if(leaf.dma->sent.begin(), leaf.dma->sent.end(),
                                 [&](const Requester::Sent& s) { return s.answered_at <= half; });
    EXPECT_NEAR(kEach / 2, n, kEach / 100);
  }
}
INSTANTIATE_TEST_SUITE_P(Devices, FabricReaders, ::testing::Values(1u, 2u, 4u, 8u));

// --- Little's law

// TLPs of a direction on their way: those that wait or are on the wire, by the transmitter's own count, and how long
// they are, by what the two ends note of each.
TEST(FabricLittle, HoldsAtEachLinkUnderRandomLoad) {
  tlm::Simulation sim;
  Fabric f(sim, "", {}, {devices_behind_a_switch(4, {}, pcie::ForwardMode::store_and_forward)});
  struct Watch : pcie::TlpObserver {
    // When each write's last byte has crossed the link below the switch and the one above.
    std::map<std::uint64_t, Time> below_stop, above_stop;
    const pcie::Link* above = nullptr;
    void sent(const pcie::Link& link, bool up, const pcie::SentTlp& tlp) override {
      if (!up) return;
      (&link == above ? above_stop : below_stop)[tlp.payload.get_address()] = tlp.arrival;
    }
  } watch;
  watch.above = f.links.back().get();
  for (auto& link : f.links) link->observe(&watch);
  std::mt19937_64 random(7);
  constexpr unsigned kEach = 3000;
  for (unsigned i = 0; i < 4; ++i) {
    Time at;
    for (unsigned n = 0; n < kEach; ++n) {
      at = at + Time::ns(random() % 760);  // 88 ns each: 93 % of the link above
      f.leaves[i].dma->write(at, region(i) + n * 64, f.leaves[i].source(), 64);
    }
  }
  sim.scheduler.run_until(Time::ms(50));
  ASSERT_TRUE(f.drained());
  const auto& held = f.links.back()->up_stats().inside;
  double waited = 0;
  unsigned tlps = 0;
  for (const auto& [address, stop] : watch.above_stop) {
    waited += static_cast<double>((stop - watch.below_stop.at(address)).ps()) - 100000.0;  // the switch's own latency
    ++tlps;
  }
  EXPECT_EQ(4 * kEach, tlps);
  const double inside = held.mean(sim.scheduler.now()) * static_cast<double>(sim.scheduler.now().ps());
  ASSERT_GT(waited / tlps, 50000.0) << "the law would hold of nothing";
  EXPECT_NEAR(1, inside / waited, 0.01);
}

// --- ordering

// Every read of a device is at memory after all writes that the device has sent before it, through a congested switch.
TEST(FabricOrdering, ReadsNeverPassPostedWrites) {
  {
    tlm::Simulation sim;
    std::vector<std::unique_ptr<Fabric>> fabrics;
    std::mt19937_64 random(1);
    for (unsigned k = 0; k < 40; ++k) {
      pcie::SwitchConfig c;
      c.mode = k % 2 == 0 ? pcie::ForwardMode::cut_through : pcie::ForwardMode::store_and_forward;
      c.buffer = {{static_cast<unsigned>(1 + random() % 4), Bytes(256 * (1 + random() % 3))},
                  {static_cast<unsigned>(1 + random() % 4), Bytes(16)},
                  {static_cast<unsigned>(1 + random() % 4), Bytes(256)}};
      pcie::RootComplexConfig rc;
      rc.buffer.posted = {static_cast<unsigned>(1 + random() % 4), Bytes(256 * (1 + random() % 3))};
      FabricSpec tree = switch_of({switch_of(std::vector<FabricSpec>(3), c), FabricSpec()}, c);
      fabrics.push_back(std::make_unique<Fabric>(sim, "f" + std::to_string(k) + "_", rc, std::vector<FabricSpec>{tree},
                                                 Time::ns(1 + random() % 300)));
      Fabric& f = *fabrics.back();
      for (unsigned i = 0; i < 4; ++i) {
        for (unsigned n = 0; n < 200; ++n) {
          const bool write = random() % 2 == 0;
          const Time at = Time::ns(n * 60);
          const auto bytes = static_cast<unsigned>(1 + random() % 252);
          f.leaves[i].dma->add({at, region(i) + n * 4096, write, n, f.leaves[i].source(), bytes});
        }
      }
    }
    sim.scheduler.run_until(Time::ms(50));
    unsigned reads = 0;
    for (const auto& f : fabrics) {
      ASSERT_TRUE(f->drained());
      std::vector<std::vector<unsigned>> order(4);
      for (const auto& a : f->memory.accesses)
        order[(a.address - high) >> 24].push_back(static_cast<unsigned>((a.address & 0xffffff) / 4096));
      for (unsigned i = 0; i < 4; ++i) {
        ASSERT_EQ(200u, order[i].size());
        unsigned writes_seen = 0;
        std::vector<unsigned> writes_before(201);
        for (unsigned n = 0; n < 200; ++n)
          writes_before[n + 1] = writes_before[n] + (f->leaves[i].dma->sent[n].write ? 1 : 0);
        unsigned last_write = 0;
        for (const unsigned n : order[i]) {
          if (f->leaves[i].dma->sent[n].write) {
            ASSERT_GE(n, last_write) << "writes keep their order";
            last_write = n;
            ++writes_seen;
          } else {
            ASSERT_GE(writes_seen, writes_before[n]) << "read " << n << " has passed a write";
            ++reads;
          }
        }
      }
    }
    EXPECT_GT(reads, 10000u);
  }
}

// --- credits

// A buffer of n headers lets n TLPs go per round trip: TLP on the wire (T), propagation, residence in the buffer,
// UpdateFC. Up to n = round trip / T throughput is proportional to it, from there on it is the link's.
class FabricKnee : public ::testing::TestWithParam<unsigned> {};

TEST_P(FabricKnee, ThroughputBendsWhereTheBufferEqualsBandwidthTimesRoundTrip) {
  const unsigned headers = GetParam();
  tlm::Simulation sim;
  pcie::SwitchConfig c;
  c.mode = pcie::ForwardMode::store_and_forward;
  c.latency = Time::ns(300);
  c.buffer.posted = {headers, Bytes(0)};
  Fabric f(sim, "", {}, {switch_of({FabricSpec()}, c)});
  constexpr unsigned kWrites = 400;
  for (unsigned n = 0; n < kWrites; ++n) f.leaves[0].dma->write(Time(), high + n * 64, f.leaves[0].source(), 64);
  sim.scheduler.run_until(Time::ms(50));
  ASSERT_TRUE(f.drained());
  // 88 ns on the wire, 5 to the switch, 300 in it, 88 until the last byte has left it, 40 + 5 until the device knows.
  const Time round_trip = Time::ns(88 + 5 + 300 + 88 + 45);
  const auto& a = f.memory.accesses;
  const Time per_round = a[200 + headers].at - a[200].at;
  EXPECT_EQ(std::max(round_trip, Time::ns(88 * headers)), per_round);
}

// 526 / 88 = 5.98: the knee lies between 5 and 6.
INSTANTIATE_TEST_SUITE_P(Headers, FabricKnee, ::testing::Values(1u, 2u, 3u, 4u, 5u, 6u, 7u, 12u));

}  // namespace
}  // namespace iommusim::test
