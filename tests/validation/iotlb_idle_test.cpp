// experiments/iotlb_idle against what pcie-bench measured on four hosts with the IOMMU on and one read in progress
// (LITERATURE E3).
//
// What is a fit and what a prediction. Fitted to these very rows: on Ivy Bridge and Sandy Bridge the time of a walk
// (the largest window less the smallest) and, on Sandy Bridge, the smallest window's latency; on all hosts the number
// of IOTLB entries (512 KiB to 2 MiB): 128, 128, 118, 116. Taken from other experiments: the smallest window's latency
// on Ivy Bridge (E2), on Haswell and Broadwell (throughput without IOMMU), and there the time of a walk, which is the
// throughput of E4 and E6. Predicted: every point between, the medians' step, that nothing but leaf reads is left of a
// walk up to 64 MiB.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/validation/experiment_run.h"
#include "tests/validation/pcie_bench_iommu_latency.h"

namespace iommusim::test {
namespace {

using pcie_bench::kIommuWindow;
using pcie_bench::kIommuWindows;
using pcie_bench::Latency;
using pcie_bench::LatencyRow;
using pcie_bench::miss_fraction;
using Overrides = std::vector<std::string>;

struct Host {
  const char* name;
  const char* file;
  const LatencyRow& measured;
  double miss_points;  ///< band of the miss fraction, percentage points
};
void PrintTo(const Host& host, std::ostream* out) { *out << host.name; }
const Host kIvb{"ivb-E5-2620v2", "experiment", pcie_bench::kIvyBridge, 2};
const Host kSnb{"snb-E5-2630", "sandybridge", pcie_bench::kSandyBridge, 2};
const Host kHsw{"hsw-E5-2620v3", "haswell", pcie_bench::kHaswell, 3};
const Host kBdw{"bdw-E5-2630v4", "broadwell", pcie_bench::kBroadwellIdle, 3};

struct Point : Latency {
  double missed;  ///< by the unit's own count
};
using Curve = std::array<Point, kIommuWindows>;

Curve simulate(const Host& host, Overrides unit = {}, unsigned seed = 1) {
  std::vector<Work> work;
  for (const char* cost : {"issue_latency", "completion_latency", "latency_per_kib"})  // past the DMA engine
    unit.push_back("platform.endpoints[0].dma." + std::string(cost) + "=0 ns");
  unit.push_back("run.seed=" + std::to_string(seed));
  for (const std::uint64_t window : kIommuWindow) {
    Overrides o = unit;
    o.push_back("workloads[0].buffer.size=" + std::to_string(window) + " B");
    work.push_back(experiment("experiments/iotlb_idle/" + std::string(host.file) + ".yaml", o));
  }
  const std::vector<Json> results = in_children(work);
  Curve curve;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    curve[i].mean_ns = metric(results[i], "nfp.dma.read.latency", "mean") / 1e3;
    curve[i].median_ns = metric(results[i], "nfp.dma.read.latency", "p50") / 1e3;
    curve[i].missed = 1 - metric(results[i], "iommu.iotlb.hit_rate");
  }
  return curve;
}

/// Pages held, as the miss fraction of a window of 1 MiB has it: random reads hit `entries` of 256.
template <class Row>
double reach(const Row& row) {
  return 256 * (1 - miss_fraction(row, 2));
}

/// The experiment's acceptance: every criterion that the curve misses, as text. Empty: accepted.
std::vector<std::string> rejections(const Host& host, const Curve& curve) {
  std::vector<std::string> found;
  const auto require = [&](bool met, const std::string& what, double got) {
    if (!met) found.push_back(what + ": " + std::to_string(got));
  };
  const LatencyRow& measured = host.measured;
  const double base = measured[0].median_ns, miss = measured[kIommuWindows - 1].median_ns;
  for (std::size_t i = 0; i < kIommuWindows; ++i) {
    const std::string at = " at " + std::to_string(kIommuWindow[i] >> 10) + " KiB";
    require(std::abs(curve[i].mean_ns / measured[i].mean_ns - 1) <= 0.03, "mean within 3 %" + at, curve[i].mean_ns);
    const double want = 100 * miss_fraction(measured, i);
    for (const double got : {100 * miss_fraction(curve, i), 100 * curve[i].missed})
      require(std::abs(got - want) <= host.miss_points, "miss fraction" + at, got);
    // The median steps from a hit's latency to a miss's between 512 KiB and 1 MiB. Where half of the reads miss, to two
    // points, chance decides: with 128 entries at 1 MiB on which side it falls differs from seed to seed.
    if (std::abs(want - 50) > 2)
      require(std::abs(curve[i].median_ns / (i < 2 ? base : miss) - 1) <= 0.05, "median" + at, curve[i].median_ns);
  }
  require(reach(curve) > reach(measured) / 2 && reach(curve) < reach(measured) * 2,
          "the knee lies within a power of two", reach(curve));
  return found;
}

std::string text(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& l : lines) all += "  " + l + "\n";
  return all;
}

void print(const std::string& title, const Host& host, const Curve& curve) {
  std::printf("%s %s\n  %8s %8s %8s %7s %8s %8s %7s %7s\n", host.name, title.c_str(), "KiB", "mean", "meas.", "error",
              "median", "meas.", "miss", "meas.");
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const Latency& m = host.measured[i];
    std::printf("  %8llu %8.1f %8.1f %+6.1f%% %8.1f %8.0f %6.1f%% %6.1f%%\n",
                static_cast<unsigned long long>(kIommuWindow[i] >> 10), curve[i].mean_ns, m.mean_ns,
                100 * (curve[i].mean_ns / m.mean_ns - 1), curve[i].median_ns, m.median_ns, 100 * curve[i].missed,
                100 * miss_fraction(host.measured, i));
  }
}

class IotlbIdle : public ::testing::TestWithParam<Host> {};

TEST_P(IotlbIdle, MissFractionMeanAndMedianAreReproducedAtEveryWindow) {
  const Curve curve = simulate(GetParam());
  print("", GetParam(), curve);
  EXPECT_TRUE(rejections(GetParam(), curve).empty()) << text(rejections(GetParam(), curve));
}

// A pass must not hang on one seed. Mean and 95 % interval (Student's t, nine degrees of freedom) of ten seeds lie
// inside every band.
TEST_P(IotlbIdle, TenSeedsKeepTheirIntervalsInsideTheBands) {
  if (!long_run()) GTEST_SKIP() << "set IOMMUSIM_LONG=1 (scripts/test --long) for ten seeds";
  constexpr double kStudent95 = 2.262;
  std::vector<Curve> curves;
  for (unsigned seed = 1; seed <= 10; ++seed) curves.push_back(simulate(GetParam(), {}, seed));
  Curve low, high;
  const auto bound = [&](std::size_t i, auto figure) {
    double mean = 0, square = 0;
    for (const Curve& c : curves) mean += c[i].*figure / 10;
    for (const Curve& c : curves) square += (c[i].*figure - mean) * (c[i].*figure - mean);
    const double half = kStudent95 * std::sqrt(square / 9 / 10);
    low[i].*figure = mean - half;
    high[i].*figure = mean + half;
  };
  for (std::size_t i = 0; i < kIommuWindows; ++i) {
    bound(i, &Point::mean_ns);
    bound(i, &Point::median_ns);
    bound(i, &Point::missed);
  }
  print("lower ends of the intervals", GetParam(), low);
  print("upper ends of the intervals", GetParam(), high);
  EXPECT_TRUE(rejections(GetParam(), low).empty()) << text(rejections(GetParam(), low));
  EXPECT_TRUE(rejections(GetParam(), high).empty()) << text(rejections(GetParam(), high));
}

INSTANTIATE_TEST_SUITE_P(EveryHost, IotlbIdle, ::testing::Values(kIvb, kSnb, kHsw, kBdw),
                         [](const auto& host) { return std::string(host.param.file); });

// ---- controls: what must not be accepted

const std::string kUnit = "platform.iommu.unit.";

struct Wrong {
  const char* name;
  Overrides unit;
  const char* complaint;  ///< one that must be among the rejections
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

class WrongUnit : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongUnit, IsRejectedOnIvyBridge) {
  Overrides unit = GetParam().unit;
  unit.insert(unit.end(), {"run.warm_up=5 ms", "run.measure=3 ms"});
  const Curve curve = simulate(kIvb, unit);
  print(GetParam().name, kIvb, curve);
  const std::string all = text(rejections(kIvb, curve));
  EXPECT_NE(all.find(GetParam().complaint), std::string::npos) << all;
}

INSTANTIATE_TEST_SUITE_P(
    Each, WrongUnit,
    ::testing::Values(
        // The figure in the paper's text; at 512 KiB half of all reads would miss.
        Wrong{"Entries64", {kUnit + "iotlb.entries=64"}, "miss fraction at 512 KiB"},
        Wrong{"Entries112", {kUnit + "iotlb.entries=112"}, "miss fraction at 1024 KiB"},
        Wrong{"Entries256", {kUnit + "iotlb.entries=256"}, "miss fraction at 1024 KiB"},
        // Four reads a walk instead of one.
        Wrong{"NoWalkCaches",
              {kUnit + "walk_caches.level1.entries=0", kUnit + "walk_caches.level2.entries=0",
               kUnit + "walk_caches.level3.entries=0"},
              "mean within 3 % at 16384 KiB"},
        // What the paper's text says a miss adds; it compares a hit in the last-level cache with a miss to DRAM.
        Wrong{"WalkOf330Nanoseconds", {kUnit + "walk_overhead=300 ns"}, "mean within 3 % at 65536 KiB"}),
    [](const auto& wrong) { return std::string(wrong.param.name); });

// The entries that fit the throughput under load (E4) do not fit one read at a time: iotlb_effective_size asks why.
TEST(IotlbIdle, TheEntriesThatFitTheLoadedBroadwellAreRejected) {
  const Curve curve = simulate(kBdw, {kUnit + "iotlb.entries=80", "run.warm_up=5 ms", "run.measure=3 ms"});
  print("with 80 entries", kBdw, curve);
  EXPECT_NE(text(rejections(kBdw, curve)).find("miss fraction at 512 KiB"), std::string::npos);
}

// ---- the committed figures are those of the data set

TEST(PcieBenchIommuLatency, CommittedFiguresEqualTheDataSet) {
  std::ifstream file(IOMMUSIM_SOURCE_DIR "/../shared/reference/pcie-bench/latency.csv");
  if (!file)
    GTEST_SKIP() << "the data set is not at ../shared/reference/pcie-bench: the figures in "
                    "pcie_bench_iommu_latency.h were NOT compared with it";
  std::map<std::string, Latency> rows;  // everything before the figures -> mean, median
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells{""};
    for (const char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back().push_back(c);
      }
    }
    if (cells.size() < 10) continue;
    std::string key;
    for (int i = 0; i < 7; ++i) key += cells[i] + ",";
    rows[key] = {std::atof(cells[8].c_str()), std::atof(cells[9].c_str())};
  }
  for (const Host* host : {&kIvb, &kHsw, &kBdw}) {
    for (std::size_t i = 0; i < kIommuWindows; ++i) {
      const Latency& l =
          rows.at(std::string(host->name) + ",4K,LAT_CMD_RD,Rand,Cold," + std::to_string(kIommuWindow[i]) + ",64,");
      EXPECT_EQ(host->measured[i].mean_ns, l.mean_ns) << host->name << " " << kIommuWindow[i];
      EXPECT_EQ(host->measured[i].median_ns, l.median_ns) << host->name << " " << kIommuWindow[i];
    }
  }
}

}  // namespace
}  // namespace iommusim::test
