// Links at their limit, by simulation. (a) LITERATURE E1: the analytic pcie-bench model's table in that model's
// accounting; nothing is fitted. (b) The measured rates of an NFP6000 on two hosts in physical accounting; fitted are
// two numbers, the share of ACKs and credits downwards (reads) and the engine's time per write TLP
// (configs/parts/nfp6000_physical.yaml), so the level is reproduced, and its independence of size and host predicted.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/endpoints/engine_bench.h"
#include "tests/validation/experiment_run.h"
#include "tests/validation/pcie_bench.h"

namespace iommusim::test {
namespace {

using base::Time;

/// A row of the table: 64-bit addresses, MPS 256, MRRS 512, RCB 64, Gb/s of payload.
struct Row {
  unsigned generation, width;
  bool rcb_chunks;
  std::uint32_t bytes;
  double write, read, each_way;
};

// From github.com/pcie-bench/pcie-model at commit 40703cf (Neugebauer et al., SIGCOMM 2018), run unmodified.
constexpr std::array<Row, 12> kCommitted{{
    {3, 8, false, 64, 42.098, 44.103, 33.077},
    {3, 8, false, 65, 42.275, 44.265, 33.297},
    {3, 8, false, 128, 48.745, 50.063, 42.098},
    {3, 8, false, 255, 52.905, 53.675, 48.715},
    {3, 8, false, 257, 48.775, 50.089, 45.217},
    {3, 8, false, 2048, 52.923, 53.690, 50.748},
    {3, 8, true, 129, 48.805, 39.509, 39.509},
    {3, 8, true, 1024, 52.923, 44.103, 44.103},
    {4, 16, false, 64, 165.382, 173.257, 129.943},
    {4, 16, false, 512, 207.909, 210.922, 199.364},
    {4, 16, true, 65, 166.079, 140.772, 130.805},
    {4, 16, true, 257, 191.613, 163.703, 163.703},
}};

enum class Mode { write, read, mixed };

/// DMAs of one size at the beginnings of 4 KiB pages, as many as the engine takes; mixed: a read after each write.
class Stream final : public ep::Workload {
 public:
  Stream(Mode mode, std::uint32_t bytes) : mode_(mode), bytes_(bytes) {}
  Next next(Time now) override {
    if (running_ == 1024) return Next::wait();
    ++running_;
    const bool write = mode_ == Mode::write || (mode_ == Mode::mixed && taken_ % 2 == 0);
    const std::uint64_t at = ep::high + 4096 * (taken_++ % 1024);
    return Next::take(write ? intended(ep::write_of(at, bytes_, ep::WriteDone::visible), now)
                            : intended(ep::read_of(at, bytes_), now));
  }
  void done(const ep::DmaResult&, Time) override { --running_; }
  Offered offered(Time) const override { return {taken_, taken_ * bytes_}; }

 private:
  static ep::DmaRequest intended(ep::DmaRequest request, Time now) {
    request.intended = now;
    return request;
  }
  const Mode mode_;
  const std::uint32_t bytes_;
  std::uint64_t taken_ = 0;
  unsigned running_ = 0;
};

double expected(const Row& row, Mode mode) {
  return mode == Mode::write ? row.write : mode == Mode::read ? row.read : row.each_way;
}

/// Gb/s of payload in the direction that has less.
double simulate(const Row& row, Mode mode) {
  pcie::LinkConfig link;
  link.generation = row.generation;
  link.width = row.width;
  link.accounting = pcie::Accounting::pcie_bench;
  link.completion_size = row.rcb_chunks ? pcie::CompletionSize::rcb : pcie::CompletionSize::mps;
  ep::DmaEngineConfig engine;
  engine.tags = 512;
  engine.posted_window = 512;
  engine.dmas = 1024;
  pcie::RootComplexConfig rc;
  rc.buffer = {};
  ep::EngineBench b(engine, link, Time(), rc);
  Stream stream(mode, row.bytes);
  b.engine.drive(stream);
  // As long as 5,000 DMAs take to settle and 5,000 to measure.
  const double dma_ps = 8000 * row.bytes / expected(row, mode);
  const Time settled = Time::ps(static_cast<std::uint64_t>(5000 * dma_ps)), end = settled + settled;
  b.run(settled);
  b.sim.stats.reset(settled);
  b.run(end);
  const auto gbps = [&](const base::Counter& bytes) {
    return static_cast<double>(bytes.value()) * 8000 / static_cast<double>((end - settled).ps());
  };
  const auto& n = b.engine.counters();
  if (mode == Mode::write) return gbps(n.write_bytes);
  if (mode == Mode::read) return gbps(n.read_bytes);
  return std::min(gbps(n.read_bytes), gbps(n.write_bytes));
}

void expect_rows(const std::vector<Row>& rows, Mode mode) {
  std::vector<Work> work;
  for (const Row& row : rows) work.push_back([=] { return Json(simulate(row, mode)); });
  const std::vector<Json> got = in_children(work);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    EXPECT_NEAR(expected(r, mode), got[i].get<double>(), 0.01 * expected(r, mode))
        << "Gen" << r.generation << " x" << r.width << ", " << r.bytes << " B, completions of "
        << (r.rcb_chunks ? 64 : 256) << " B";
  }
}

/// The reference table's rows of one kind of link; empty when it is not there.
std::vector<Row> table(unsigned generation, bool rcb_chunks) {
  std::ifstream in(IOMMUSIM_SOURCE_DIR "/../shared/reference/pcie_model_bandwidth.csv");
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    if (line[0] == '#' || line.rfind("gen,", 0) == 0) continue;
    std::vector<std::string> v;
    std::stringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) v.push_back(cell);
    const Row row{static_cast<unsigned>(std::stoul(v.at(0).substr(3))),
                  static_cast<unsigned>(std::stoul(v.at(1).substr(1))),
                  v.at(5) == "1",
                  static_cast<std::uint32_t>(std::stoul(v.at(8))),
                  std::stod(v.at(9)),
                  std::stod(v.at(11)),
                  std::stod(v.at(13))};
    if (row.generation == generation && row.rcb_chunks == rcb_chunks) rows.push_back(row);
  }
  return rows;
}

const std::vector<Row> kAll(kCommitted.begin(), kCommitted.end());

TEST(LinkCeiling, WritesOfTheCommittedRows) { expect_rows(kAll, Mode::write); }
TEST(LinkCeiling, ReadsOfTheCommittedRows) { expect_rows(kAll, Mode::read); }
TEST(LinkCeiling, BothAtOnceOfTheCommittedRows) { expect_rows(kAll, Mode::mixed); }

class WholeTable : public ::testing::TestWithParam<std::tuple<unsigned, bool, Mode>> {};
TEST_P(WholeTable, IsReproduced) {
  const auto [generation, rcb_chunks, mode] = GetParam();
  const std::vector<Row> rows = table(generation, rcb_chunks);
  if (rows.empty()) GTEST_SKIP() << "reference data absent: ../shared/reference/pcie_model_bandwidth.csv";
  EXPECT_EQ(10u, rows.size());
  expect_rows(rows, mode);
}
std::string name_of(const ::testing::TestParamInfo<WholeTable::ParamType>& info) {
  static const char* const modes[] = {"Writes", "Reads", "Both"};
  const auto [generation, rcb_chunks, mode] = info.param;
  return "Gen" + std::to_string(generation) + (rcb_chunks ? "CacheLines" : "Payloads") + modes[static_cast<int>(mode)];
}
INSTANTIATE_TEST_SUITE_P(LinkCeiling, WholeTable,
                         ::testing::Combine(::testing::Values(3u, 4u), ::testing::Bool(),
                                            ::testing::Values(Mode::write, Mode::read, Mode::mixed)),
                         name_of);

/// Simulated against measured, within 2 %.
void expect_measured(const char* file, bool reads, const std::vector<pcie_bench::Large>& points) {
  std::vector<Work> work;
  for (const auto& p : points) {
    work.push_back(experiment(file, {"workloads[0].traffic.streams[0].size.bytes=" + std::to_string(p.bytes) + " B",
                                     std::string("workloads[0].traffic.streams[0].reads=") + (reads ? "1" : "0")}));
  }
  const std::vector<Json> got = in_children(work);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_NEAR(points[i].gbps, metric(got[i], "nfp.dma.throughput"), 0.02 * points[i].gbps) << points[i].bytes << " B";
  }
}

const char* const kBroadwellFile = "experiments/link_ceiling/nfp6000_broadwell.yaml";
const char* const kHaswellFile = "experiments/link_ceiling/nfp6000_haswell.yaml";

TEST(LinkCeiling, LargeReadsOfTheBroadwellHost) {
  expect_measured(kBroadwellFile, true, {pcie_bench::kBroadwellReads.begin(), pcie_bench::kBroadwellReads.end()});
}
TEST(LinkCeiling, LargeWritesOfTheBroadwellHost) {
  expect_measured(kBroadwellFile, false, {pcie_bench::kLargeWrites.begin(), pcie_bench::kLargeWrites.end()});
}
TEST(LinkCeiling, LargeReadsOfTheHaswellHost) {
  expect_measured(kHaswellFile, true, {pcie_bench::kHaswellReads.begin(), pcie_bench::kHaswellReads.end()});
}
TEST(LinkCeiling, LargeWritesOfTheHaswellHost) {
  expect_measured(kHaswellFile, false, {pcie_bench::kLargeWrites.begin(), pcie_bench::kLargeWrites.end()});
}

}  // namespace
}  // namespace iommusim::test
