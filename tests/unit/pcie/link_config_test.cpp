#include "models/pcie/link_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "models/base/config/config.h"

namespace iommusim::pcie {
namespace {

using base::PsRatio;
using ::testing::HasSubstr;

LinkConfig bare(unsigned generation, unsigned width) {
  LinkConfig c;
  c.generation = generation;
  c.width = width;
  c.ack_interval = c.fc_interval = c.skip_interval = base::Bytes(0);
  return c;
}

TEST(LinkRate, FollowsFromGenerationWidthAndEncoding) {
  EXPECT_EQ((PsRatio{4000, 1}), bare(1, 1).byte_time());   // 10 bits at 2.5 GT/s
  EXPECT_EQ((PsRatio{500, 1}), bare(2, 4).byte_time());    // 10 bits at 5 GT/s, 4 lanes
  EXPECT_EQ((PsRatio{8125, 64}), bare(3, 8).byte_time());  // 8.125 bits at 8 GT/s, 8 lanes: 126.95 ps
  EXPECT_EQ((PsRatio{8125, 256}), bare(4, 16).byte_time());
  EXPECT_EQ((PsRatio{8125, 512}), bare(5, 16).byte_time());
  EXPECT_EQ((PsRatio{8125, 192}), bare(4, 12).byte_time());  // 16 GT/s on 12 lanes
  EXPECT_EQ((PsRatio{8125, 256}), bare(3, 32).byte_time());
}

TEST(LinkRate, RawRateOfGen3X8Is63GigabitsPerSecond) {
  EXPECT_EQ(63015384615u, bare(3, 8).raw_bits_per_second());  // 64e9 x 128 / 130
  EXPECT_EQ(2000000000u, bare(1, 1).raw_bits_per_second());
}

TEST(LinkRate, DataLinkPacketsTakeTheirShare) {
  LinkConfig c = bare(1, 1);
  c.ack_interval = base::Bytes(80);  // 8 of 80 bytes: nine tenths remain
  EXPECT_EQ((PsRatio{40000, 9}), c.byte_time());
}

// 64 GT/s on 16 lanes: a byte each 7.8125 ps, 256 of them for 236 of TLPs.
TEST(LinkRate, AGen6FlitCarries236BytesIn2NanosecondsOn16Lanes) {
  EXPECT_EQ((PsRatio{500, 59}), bare(6, 16).byte_time());
  EXPECT_EQ((PsRatio{2000, 1}), bare(6, 16).flit_time());
  EXPECT_EQ((PsRatio{32000, 1}), bare(6, 1).flit_time());
  EXPECT_EQ(1024000000000u, bare(6, 16).raw_bits_per_second());
}

TEST(LinkRate, FlitsAtALowerRateKeepItsEncoding) {
  LinkConfig c = bare(5, 16);
  EXPECT_EQ((PsRatio{0, 1}), c.flit_time()) << "without FLITs there is no such time";
  c.flit = true;
  EXPECT_EQ((PsRatio{8125, 2}), c.flit_time()) << "256 x 8.125 bits at 32 GT/s on 16 lanes: 4062.5 ps";
  EXPECT_EQ((PsRatio{8125, 472}), c.byte_time()) << "over 236 bytes";
}

// What specification and width make of nothing said, by hand.
TEST(LinkRate, ByDefaultAcksAndCreditsComeAtTheLatencyLimit) {
  // Gen3 x8, mps 256: 8 bytes of 203 x 8 twice, one block of 375 for SKIP.
  LinkConfig c;
  c.ack_interval = c.fc_interval = base::Bytes(1624);
  c.skip_interval = base::Bytes(6000);
  EXPECT_EQ(c.byte_time(), LinkConfig().byte_time());
  // 1 - 16/1624 - 16/6000 = 75172/76125, so 126.953125 / that.
  EXPECT_EQ(PsRatio::of(8125ull * 76125, 64ull * 75172), LinkConfig().byte_time());
}

TEST(LinkRate, ByDefaultGen6LosesFortySymbolsInTwelveThousandToSkip) {
  LinkConfig c;
  c.generation = 6;
  c.width = 16;
  EXPECT_EQ((PsRatio{187625, 22066}), c.byte_time()) << "500/59 x 12008/11968";
  c.width = 2;
  EXPECT_EQ(PsRatio::of(4000ull * 11944, 59ull * 11904), c.byte_time()) << "93 FLITs of 128 symbol times, then 40";
}

TEST(LinkRate, LatencyLimitsAreThoseOfTheTables) {
  EXPECT_EQ(237u, ack_latency_limit(1, 1, 128));
  EXPECT_EQ(118u, ack_latency_limit(1, 4, 256));
  EXPECT_EQ(86u, ack_latency_limit(1, 8, 512));
  EXPECT_EQ(1050u, ack_latency_limit(1, 4, 4096));
  EXPECT_EQ(123u, ack_latency_limit(2, 16, 256));
  EXPECT_EQ(103u, ack_latency_limit(2, 32, 512));
  EXPECT_EQ(141u, ack_latency_limit(2, 12, 256));
  EXPECT_EQ(163u, ack_latency_limit(3, 8, 128));
  EXPECT_EQ(203u, ack_latency_limit(3, 8, 256));
  EXPECT_EQ(168u, ack_latency_limit(4, 16, 256));
  EXPECT_EQ(246u, ack_latency_limit(5, 16, 1024));
  EXPECT_EQ(4239u, ack_latency_limit(3, 1, 4096));
}

TEST(LinkRate, ThePcieBenchModelReadsTheLimitAsBytes) {
  LinkConfig c;
  c.accounting = Accounting::pcie_bench;
  LinkConfig same = c;
  same.ack_interval = same.fc_interval = base::Bytes(203);
  same.skip_interval = base::Bytes(1538);
  EXPECT_EQ(same.byte_time(), c.byte_time());
}

TEST(LinkRate, ADirectionMayCarryAcksAndCreditsAtItsOwnRate) {
  LinkConfig c = bare(1, 1);
  c.down_ack_interval = base::Bytes(80);
  EXPECT_EQ((PsRatio{4000, 1}), c.byte_time(true));
  EXPECT_EQ((PsRatio{40000, 9}), c.byte_time(false));
}

TEST(LinkRate, NothingLeftForTlpsIsAnErrorOfTheUser) {
  LinkConfig c;
  c.ack_interval = base::Bytes(8);
  EXPECT_THROW(c.byte_time(), base::UserError);
}

TEST(LinkConfigText, ReportsEveryFieldThatIsWrong) {
  try {
    base::parse_config<LinkConfig>("schema: 1\ngeneration: 7\nmps: 300 B\nwidth: 8\n", "link.yaml");
    FAIL() << "accepted";
  } catch (const base::ConfigError& e) {
    EXPECT_THAT(e.what(), HasSubstr("link.yaml:2:13: generation"));
    EXPECT_THAT(e.what(), HasSubstr("link.yaml:3:6: mps"));
  }
}

TEST(LinkConfigText, RefusesThreeLanesAndARcbAboveMps) {
  EXPECT_THROW(base::parse_config<LinkConfig>("schema: 1\nwidth: 3\n"), base::ConfigError);
  EXPECT_NO_THROW(base::parse_config<LinkConfig>("schema: 1\nwidth: 12\nmps: 128 B\nrcb: 128 B\n"));
}

TEST(LinkConfigText, RefusesWhatFlitsExclude) {
  const auto refused = [](const std::string& text) {
    try {
      base::parse_config<LinkConfig>("schema: 1\ngeneration: 6\n" + text, "link.yaml");
    } catch (const base::ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refused("width: 12\n"), HasSubstr("link.yaml:3:8: width"));
  EXPECT_THAT(refused("accounting: pcie_bench\n"), HasSubstr("link.yaml:3:13: accounting"));
  EXPECT_THAT(refused("down_ack_interval: 1 KiB\n"), HasSubstr("link.yaml:3:20: down_ack_interval"));
  EXPECT_EQ("accepted", refused("width: 16\nack_interval: none\n"));
}

TEST(LinkConfigText, TheResolvedDumpReadsBackToTheSame) {
  LinkConfig c;
  c.generation = 4;
  c.fc_interval = base::Bytes(0);
  const std::string text = base::dump_config(c);
  EXPECT_EQ(text, base::dump_config(base::parse_config<LinkConfig>(text)));
  EXPECT_THAT(text, HasSubstr("fc_interval: none"));
}

// The analytic model's own table (reference data of the project): every row, to its printed precision, from this link's
// byte time and TLP arithmetic in the accounting the model uses.
TEST(LinkRate, ReproducesThePcieBenchModelTable) {
  std::ifstream in(IOMMUSIM_SOURCE_DIR "/../shared/reference/pcie_model_bandwidth.csv");
  if (!in) GTEST_SKIP() << "reference data absent: ../shared/reference/pcie_model_bandwidth.csv";
  std::string line;
  unsigned rows = 0;
  while (std::getline(in, line)) {
    if (line[0] == '#' || line.rfind("gen,", 0) == 0) continue;
    std::vector<std::string> v;
    std::stringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) v.push_back(cell);
    LinkConfig c;
    c.generation = static_cast<unsigned>(std::stoul(v[0].substr(3)));
    c.width = static_cast<unsigned>(std::stoul(v[1].substr(1)));
    c.mps = base::Bytes(std::stoul(v[2]));
    c.mrrs = base::Bytes(std::stoul(v[3]));
    c.rcb = base::Bytes(std::stoul(v[4]));
    c.completion_size = v[5] == "1" ? CompletionSize::rcb : CompletionSize::mps;
    c.accounting = Accounting::pcie_bench;
    const std::uint64_t size = std::stoul(v[8]);
    const PsRatio t = c.byte_time();
    const double ps = static_cast<double>(t.num) / static_cast<double>(t.den);
    EXPECT_NEAR(std::stod(v[7]), 8000 / ps, 5e-5 * 8000 / ps) << line;
    const std::uint64_t reads = request_count(0, size, c.mrrs.value());
    const std::uint64_t writes = request_count(0, size, c.mps.value());
    const auto write_up =
        static_cast<double>(writes * overhead_bytes({TlpKind::memory_write, 0, 64}, c.format()) + size);
    const auto read_up = static_cast<double>(reads * overhead_bytes({TlpKind::memory_read, 0, 64}, c.format()));
    double read_down = 0;
    for (std::uint64_t at = 0; at < size; at += c.mrrs.value()) {
      read_down += static_cast<double>(
          completion_wire_bytes(at, std::min(c.mrrs.value(), size - at), c.rcb.value(), c.chunk(), c.format()));
    }
    const double gbps = 8000 * static_cast<double>(size) / ps;
    EXPECT_NEAR(std::stod(v[9]), gbps / write_up, 1e-4 * std::stod(v[9])) << line;
    EXPECT_NEAR(std::stod(v[11]), gbps / std::max(read_down, read_up), 1e-4 * std::stod(v[11])) << line;
    EXPECT_NEAR(std::stod(v[13]), gbps / std::max(write_up + read_up, read_down), 1e-4 * std::stod(v[13])) << line;
    ++rows;
  }
  EXPECT_EQ(40u, rows);
}

}  // namespace
}  // namespace iommusim::pcie
