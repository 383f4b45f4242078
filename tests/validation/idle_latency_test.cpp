// experiments/idle_latency against what pcie-bench measured on three hosts, IOMMU off (LITERATURE E2).
//
// What is a fit and what a prediction. Fitted: what the DMA engine adds to the command path (64 B, cold) and its copy
// time per byte (slope from 256 to 2048 B on Haswell), in configs/parts/nfp6000.yaml, the same on all hosts; per host
// the cold-minus-warm difference of DRAM and, on Ivy Bridge, one cold 64-byte latency; the hop to the other socket
// (64 B, cold). On Broadwell and Haswell the root complex is fitted to the throughput of E4, so that every latency
// there is a prediction. Predicted everywhere: the growth with size, that remote reads take as long warm as cold, and
// from which window on the last-level cache no longer helps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/validation/experiment_run.h"
#include "tests/validation/pcie_bench_latency.h"

namespace iommusim::test {
namespace {

using pcie_bench::IdleRow;
using pcie_bench::kIdle;

constexpr double kMedianTolerance = 0.05;
constexpr double kDeltaTolerance = 15;  // ns
const std::vector<std::string> kHosts{"bdw-E5-2630v4", "bdw-E5-2630v4-remote-socket", "hsw-E5-2620v3", "ivb-E5-2620v2"};
const std::vector<unsigned> kSizes{8, 16, 32, 64, 128, 256, 512, 1024, 2048};

Work run_of(const IdleRow& row) {
  const std::string host = row.host;
  const std::string file = host[0] == 'h' ? "haswell" : host[0] == 'i' ? "ivybridge" : "experiment";
  const std::string stream = "workloads[0].traffic.streams[0].";
  std::vector<std::string> o{
      "workloads[0].buffer.size=" + std::to_string(row.window) + " B",
      stream + "size.bytes=" + std::to_string(row.bytes) + " B",
      stream + "pattern.type=" + (std::string(row.pattern) == "Rand" ? "random" : "sequential"),
      std::string("workloads[0].buffer.warm=") + (std::string(row.cache) == "HWarm" ? "true" : "false")};
  // A window that the cache does not hold has two latencies: the median is that of the more frequent one.
  o.push_back(row.window > (8u << 20) ? "run.measure=2 ms" : "run.measure=50 us");
  if (host.find("remote") != std::string::npos) o.push_back("workloads[0].buffer.node=1");
  if (std::string(row.test) == "LAT_CMD_RD") {  // past the DMA engine
    for (const char* cost : {"issue_latency", "completion_latency", "latency_per_kib"})
      o.push_back("platform.endpoints[0].dma." + std::string(cost) + "=0 ns");
  }
  return experiment("experiments/idle_latency/" + file + ".yaml", o);
}

/// Medians in ns, by the text of the row.
std::map<std::string, double> simulate(const std::vector<IdleRow>& rows) {
  std::vector<Work> work;
  for (const IdleRow& row : rows) work.push_back(run_of(row));
  const std::vector<Json> results = in_children(work);
  std::map<std::string, double> medians;
  for (std::size_t i = 0; i < rows.size(); ++i)
    medians[rows[i].text()] = metric(results[i], "nfp.dma.read.latency", "p50") / 1e3;
  return medians;
}

template <class Predicate>
std::vector<IdleRow> rows_where(Predicate wanted) {
  std::vector<IdleRow> rows;
  for (const IdleRow& row : kIdle) {
    if (wanted(row)) rows.push_back(row);
  }
  return rows;
}

void expect_medians(const std::vector<IdleRow>& rows, std::map<std::string, double>& simulated) {
  for (const IdleRow& row : rows) {
    const double got = simulated.at(row.text());
    std::printf("  %-68s %6.0f %8.1f %+5.1f %%\n", row.text().c_str(), row.median_ns, got,
                100 * (got / row.median_ns - 1));
    EXPECT_NEAR(got / row.median_ns, 1, kMedianTolerance) << row.text();
  }
}

/// Measured and simulated differ by `to` - `from` alike.
void expect_delta(const IdleRow& from, const IdleRow& to, std::map<std::string, double>& simulated) {
  const double measured = to.median_ns - from.median_ns;
  const double got = simulated.at(to.text()) - simulated.at(from.text());
  std::printf("  %-64s less %-64s %6.0f %8.1f\n", to.text().c_str(), from.text().c_str(), measured, got);
  EXPECT_NEAR(got, measured, kDeltaTolerance) << to.text() << " less " << from.text();
}

// ---- size

bool by_size(const IdleRow& row) { return std::string(row.pattern) == "Seq"; }

TEST(IdleLatency, MediansBySizeAreWithinFivePercentOnEveryHost) {
  const auto rows = rows_where(by_size);
  auto simulated = simulate(rows);
  expect_medians(rows, simulated);
}

TEST(IdleLatency, GrowthWithSizeIsMonotoneAndWithinFifteenNanoseconds) {
  auto simulated = simulate(rows_where(by_size));
  for (const std::string& host : kHosts) {
    const auto row = [&](unsigned bytes) {
      return rows_where([&](const IdleRow& r) { return by_size(r) && r.host == host && r.bytes == bytes; }).at(0);
    };
    for (std::size_t i = 1; i < kSizes.size(); ++i) {
      expect_delta(row(kSizes[i - 1]), row(kSizes[i]), simulated);
      if (kSizes[i - 1] != 64) expect_delta(row(64), row(kSizes[i]), simulated);
    }
    double before = 0;
    for (const IdleRow& r : rows_where([&](const IdleRow& r) { return by_size(r) && r.host == host; })) {
      EXPECT_GT(simulated.at(r.text()), before) << r.text();
      before = simulated.at(r.text());
    }
  }
}

// ---- cache state

bool small_window(const IdleRow& row) { return std::string(row.pattern) == "Rand" && row.window <= (1u << 20); }

TEST(IdleLatency, WarmAndColdReadsAreWithinFivePercentByBothPathsOfTheDevice) {
  const auto rows = rows_where(small_window);
  auto simulated = simulate(rows);
  expect_medians(rows, simulated);
}

TEST(IdleLatency, ColdLessWarmIsWithinFifteenNanoseconds) {
  auto simulated = simulate(rows_where(small_window));
  unsigned pairs = 0;
  for (const IdleRow& cold : rows_where(small_window)) {
    if (std::string(cold.cache) != "Cold") continue;
    for (const IdleRow& warm : rows_where(small_window)) {
      if (std::string(warm.cache) != "HWarm" || std::string(warm.host) != cold.host ||
          std::string(warm.test) != cold.test || warm.bytes != cold.bytes)
        continue;
      expect_delta(warm, cold, simulated);
      ++pairs;
    }
  }
  EXPECT_EQ(pairs, 6u) << "four by the DMA engine, two by Ivy Bridge's command path";
}

// A warm buffer larger than the cache is found there in part: the median steps from one latency to the other.
TEST(IdleLatency, WarmWindowsBeyondTheCacheAreColdWhereTheMeasuredOnesAre) {
  const auto rows = rows_where([](const IdleRow& r) { return r.window > (8u << 20); });
  ASSERT_EQ(rows.size(), 12u);
  auto simulated = simulate(rows);
  expect_medians(rows, simulated);
}

// ---- the other socket

TEST(IdleLatency, RemoteLessLocalIsWithinFifteenNanosecondsWarmAndCold) {
  const auto of_host = [](const std::string& host) {
    return rows_where([&](const IdleRow& r) {
      return r.host == host && std::string(r.test) == "LAT_DMA_RD" && r.window <= (1u << 20) &&
             (by_size(r) ? std::count(kSizes.begin(), kSizes.end(), r.bytes) > 0 : true);
    });
  };
  const auto local = of_host(kHosts[0]), remote = of_host(kHosts[1]);
  ASSERT_EQ(local.size(), remote.size());
  ASSERT_EQ(local.size(), kSizes.size() + 2);
  auto both = local;
  both.insert(both.end(), remote.begin(), remote.end());
  auto simulated = simulate(both);
  for (std::size_t i = 0; i < local.size(); ++i) expect_delta(local[i], remote[i], simulated);
}

// ---- controls: what must not be accepted

// Each constant carries its part: without it the same rows miss.
TEST(IdleLatency, WithoutTheCopyOrTheHopTheMediansMiss) {
  const auto row = [](const std::string& host, unsigned bytes) {
    return rows_where([&](const IdleRow& r) { return by_size(r) && r.host == host && r.bytes == bytes; }).at(0);
  };
  const std::vector<Json> r = in_children(
      {experiment("experiments/idle_latency/experiment.yaml", {"workloads[0].traffic.streams[0].size.bytes=2048 B",
                                                               "platform.endpoints[0].dma.latency_per_kib=0 ns"}),
       experiment("experiments/idle_latency/experiment.yaml",
                  {"workloads[0].buffer.node=1", "platform.memory.socket_link.latency=0 ns",
                   "platform.memory.llc.remote_reads=cached"})});
  EXPECT_LT(metric(r[0], "nfp.dma.read.latency", "p50") / 1e3, (1 - kMedianTolerance) * row(kHosts[0], 2048).median_ns);
  EXPECT_LT(metric(r[1], "nfp.dma.read.latency", "p50") / 1e3, (1 - kMedianTolerance) * row(kHosts[1], 64).median_ns);
}

// ---- against the whole data set

/// Rows of the data set with IOMMU off: everything before the means -> median.
std::map<std::string, double> data_set() {
  std::ifstream file(IOMMUSIM_SOURCE_DIR "/../shared/reference/pcie-bench/latency.csv");
  std::map<std::string, double> rows;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells{""};
    for (const char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back().push_back(c);
      }
    }
    if (cells.size() < 10 || cells[1] != "off") continue;
    rows[cells[0] + "," + cells[2] + "," + cells[3] + "," + cells[4] + "," + cells[5] + "," + cells[6]] =
        std::atof(cells[9].c_str());
  }
  return rows;
}

TEST(PcieBenchLatency, CommittedFiguresEqualTheDataSet) {
  const auto data = data_set();
  if (data.empty())
    GTEST_SKIP() << "the data set is not at ../shared/reference/pcie-bench: the figures in pcie_bench_latency.h were "
                    "NOT compared with it";
  for (const IdleRow& r : kIdle) {
    EXPECT_EQ(r.median_ns, data.at(std::string(r.host) + "," + r.test + "," + r.pattern + "," + r.cache + "," +
                                   std::to_string(r.window) + "," + std::to_string(r.bytes)))
        << r.text();
  }
}

// All windows and sizes of the engine's reads, warm and cold.
TEST(PcieBenchLatency, EveryReadOfTheDmaEngineInTheDataSetIsWithinFivePercent) {
  const auto data = data_set();
  if (data.empty())
    GTEST_SKIP() << "the data set is not at ../shared/reference/pcie-bench: only the committed rows were compared";
  std::vector<IdleRow> rows;
  unsigned left_out = 0;
  for (const std::string& host : kHosts) {
    for (const char* const pattern : {"Rand", "Seq"}) {
      for (const char* const cache : {"Cold", "HWarm"}) {
        const std::string prefix = host + ",LAT_DMA_RD," + pattern + "," + cache + ",";
        for (auto at = data.lower_bound(prefix); at != data.end() && at->first.compare(0, prefix.size(), prefix) == 0;
             ++at) {
          const std::string rest = at->first.substr(prefix.size());
          const std::uint64_t window = std::stoull(rest);
          // Its median of 533 ns is less than the local host's 600; its 95th percentile is the 653 ns of the others.
          if (host == kHosts[1] && std::string(cache) == "Cold" && window == 8192) {
            ++left_out;
            continue;
          }
          rows.push_back({host.c_str(), "LAT_DMA_RD", pattern, cache, window,
                          static_cast<unsigned>(std::stoul(rest.substr(rest.find(',') + 1))), at->second});
        }
      }
    }
  }
  EXPECT_EQ(left_out, 1u);
  ASSERT_EQ(rows.size(), 4 * (2 * 12 + 15) - 1);
  auto simulated = simulate(rows);
  expect_medians(rows, simulated);
}

}  // namespace
}  // namespace iommusim::test
