// What goes in comes out: TLPs and bytes are the same at every boundary, nothing stays behind, the link carries no more
// than it can, and the parts of a latency are the whole.
#include <gtest/gtest.h>

#include "models/endpoints/latency_stats.h"
#include "tests/laws/machines.h"

namespace iommusim::test {
namespace {

const char* const kSizes =
    "type: table, rows: [{bytes: 64 B, weight: 4}, {bytes: 1500 B, weight: 2}, {bytes: 4 KiB, weight: 1}]";

class Conservation : public ::testing::TestWithParam<const char*> {};

TEST_P(Conservation, TlpsAndBytesAreTheSameAtEveryBoundary) {
  const std::string domain = GetParam();
  Machine m(machine_with("window: 64, count: 3000, " + mixed("60 %", kSizes), domain));
  m.finish();
  const auto reads = m.count("a.dma.read_requests"), writes = m.count("a.dma.write_requests");
  EXPECT_GT(reads, m.count("a.dma.reads")) << "some DMAs have several TLPs";
  EXPECT_EQ(m.count("a.dma.reads") + m.count("a.dma.writes"), 3000u);
  EXPECT_EQ(m.count("a.link.up.requests"), reads + writes);
  EXPECT_EQ(m.count("root_complex.port0.reads"), reads);
  EXPECT_EQ(m.count("root_complex.port0.writes"), writes);
  if (domain != "none") {
    EXPECT_EQ(m.count("iommu.requests"), reads + writes);
    const iommu::RequesterStats& own = *m.platform.unit()->requester(m.source());
    EXPECT_EQ(own.iotlb_hits.value() + own.iotlb_misses.value() + own.passed.value(), reads + writes);
  }
  EXPECT_EQ(m.count("router.forwarded"), reads + writes);
  EXPECT_EQ(m.count("memory.dma.reads"), reads);
  EXPECT_EQ(m.count("memory.dma.writes"), writes);
  EXPECT_EQ(m.count("a.link.down.payload_bytes"), m.count("a.dma.read_bytes"));
  EXPECT_EQ(m.count("a.link.up.payload_bytes"), m.count("a.dma.write_bytes"));
  EXPECT_EQ(m.count("memory.dma.bytes"), m.count("a.dma.read_bytes") + m.count("a.dma.write_bytes"));
  EXPECT_EQ(m.count("a.link.down.requests") + m.count("a.link.up.completions"), 0u) << "no CPU has asked for anything";
  EXPECT_EQ(m.simulation.pool.live(), 0u) << m.simulation.pool.leak_report();
}

TEST_P(Conservation, PartsOfTheLatencyAreTheWholeExactly) {
  Machine m(machine_with("window: 64, count: 3000, " + mixed("60 %", kSizes), GetParam()));
  m.finish();
  for (const char* direction : {"read", "write"}) {
    const auto json = m.metrics()["a"]["dma"][direction];
    const auto& whole = json["latency"];
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < ep::LatencyStats::part_count; ++i) {
      const auto& part = json["breakdown"][ep::LatencyStats::part_name(i)];
      EXPECT_EQ(part["count"], whole["count"]) << ep::LatencyStats::part_name(i);
      sum += part["sum"].get<std::uint64_t>();
    }
    const auto count = whole["count"].get<std::uint64_t>();
    ASSERT_GT(count, 100u);
    EXPECT_EQ(sum, whole["sum"].get<std::uint64_t>()) << "picosecond for picosecond";
    EXPECT_DOUBLE_EQ(static_cast<double>(sum) / static_cast<double>(count), whole["mean"].get<double>());
  }
}

INSTANTIATE_TEST_SUITE_P(Domains, Conservation, ::testing::Values("none", "identity", "DMA", "DMA-FQ"));

TEST(ConservationOfCompletions, AReadHasOnePerMaxPayloadAndARefusedOneHasOne) {
  Machine m(machine_with("window: 8, count: 500, " + mixed("100 %", "type: fixed, bytes: 512 B")));
  m.finish();
  EXPECT_EQ(m.count("a.link.down.completions"), 2 * 500u);
  m.read(Iova(0x10000), 512);  // mapped to nothing
  EXPECT_EQ(m.count("a.link.down.completions"), 2 * 500u + 1);
  EXPECT_EQ(m.count("a.link.down.payload_bytes"), 512 * 500u) << "a refusal carries no data";
  EXPECT_EQ(m.count("memory.dma.reads"), 500u);
  EXPECT_EQ(m.count("a.dma.failed_unsupported"), 1u);
  EXPECT_EQ(m.simulation.pool.live(), 0u);
}

// ---- the link

class LinkLimit : public ::testing::TestWithParam<unsigned> {};

// No more payload than the raw rate leaves after each TLP's overhead, and nearly all of that when enough is
// outstanding.
TEST_P(LinkLimit, ThroughputNeverExceedsIt) {
  const unsigned bytes = GetParam();
  Machine m(
      machine_with("window: 256, count: 4000, " + mixed("100 %", "type: fixed, bytes: " + std::to_string(bytes) + " B"),
                   "none"),
      {"platform.endpoints[0].dma.tags=256", "platform.endpoints[0].link.ack_interval=0 B",
       "platform.endpoints[0].link.fc_interval=0 B", "platform.endpoints[0].link.skip_interval=0 B"});
  m.finish();
  const double raw = 64.0 * 128 / 130;
  const double completions = static_cast<double>((bytes + 255) / 256);
  const double limit = raw * bytes / (bytes + 20 * completions);
  const double got = m.number("a.dma.throughput");
  EXPECT_LE(got, limit);
  EXPECT_GT(got, 0.97 * limit) << "the link is what limits";
  EXPECT_LE(m.number("a.link.down.utilisation"), 1.0);
  EXPECT_LE(m.number("a.link.up.utilisation"), 1.0);
}

INSTANTIATE_TEST_SUITE_P(Sizes, LinkLimit, ::testing::Values(64u, 256u, 512u, 4096u));

}  // namespace
}  // namespace iommusim::test
