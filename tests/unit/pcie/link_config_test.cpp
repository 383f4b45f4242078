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

TEST(LinkRate, NothingLeftForTlpsIsAnErrorOfTheUser) {
  LinkConfig c;
  c.ack_interval = base::Bytes(8);
  EXPECT_THROW(c.byte_time(), base::UserError);
}

TEST(LinkConfigText, ReportsEveryFieldThatIsWrong) {
  try {
    base::parse_config<LinkConfig>("schema: 1\ngeneration: 6\nmps: 300 B\nwidth: 8\n", "link.yaml");
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
    c.ack_interval = c.fc_interval = base::Bytes(c.generation == 3 ? 203 : 168);
    c.always_64_bit = true;
    c.pad_to_dword = false;
    const std::uint64_t size = std::stoul(v[8]);
    const PsRatio t = c.byte_time();
    const double ps = static_cast<double>(t.num) / static_cast<double>(t.den);
    EXPECT_NEAR(std::stod(v[7]), 8000 / ps, 5e-5 * 8000 / ps) << line;
    const std::uint64_t reads = request_count(0, size, c.mrrs.value());
    const std::uint64_t writes = request_count(0, size, c.mps.value());
    const auto write_up =
        static_cast<double>(writes * overhead_bytes(c.generation, TlpKind::memory_write, 0, false, c.format()) + size);
    const auto read_up =
        static_cast<double>(reads * overhead_bytes(c.generation, TlpKind::memory_read, 0, false, c.format()));
    double read_down = 0;
    for (std::uint64_t at = 0; at < size; at += c.mrrs.value()) {
      read_down += static_cast<double>(completion_wire_bytes(c.generation, at, std::min(c.mrrs.value(), size - at),
                                                             c.rcb.value(), c.chunk(), c.format()));
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
