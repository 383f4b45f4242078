// experiments/iotlb_reach against what pcie-bench measured on a Broadwell host (LITERATURE E4) and a Haswell one (E6).
//
// What is a fit and what a prediction. Fitted, before and outside these tests, to this very data set: 26 tags (rate
// times latency), the root complex's latency (the level of `none` at 256 KiB), walkers and their latency (rate and
// added latency at 64 MiB), 80 IOTLB entries (reach under load). So the level at 256 KiB, the saturated rate and the
// knee's place are reproduced, not predicted. Predicted: the seven points between, whose shape follows from a fully
// associative LRU cache and a stalling pipeline with nothing left to tune; that one walker and unlimited ones miss the
// curve; on Haswell, that 2 MiB mappings and pass-through cost nothing. The 4 KiB point there is a fit again.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/validation/experiment_run.h"
#include "tests/validation/pcie_bench.h"

namespace iommusim::test {
namespace {

using pcie_bench::kBroadwell;

const char* const kBroadwellFile = "experiments/iotlb_reach/experiment.yaml";
const char* const kHaswellFile = "experiments/iotlb_reach/superpages.yaml";
const char* const kThroughput = "nfp.dma.throughput";

struct Point {
  double none_gbps = 0;
  double dma_gbps = 0;
  double walks_per_second = 0;
  double drop() const { return 100 * (1 - dma_gbps / none_gbps); }
};
using Curve = std::array<Point, kBroadwell.size()>;
using Overrides = std::vector<std::string>;

std::string window_override(std::uint64_t bytes) { return "workloads[0].buffer.size=" + std::to_string(bytes) + " B"; }

/// Controls and sensitivities are decided by much more than the noise of a shorter window.
Overrides brief(Overrides o) {
  o.insert(o.end(), {"run.warm_up=200 us", "run.measure=500 us"});
  return o;
}

/// Both curves of the published figure on the Broadwell host with `unit` overrides applied.
Curve measure(const Overrides& unit, unsigned seed = 1) {
  std::vector<Work> work;
  for (const auto& w : kBroadwell) {
    Overrides o = unit;
    o.push_back(window_override(w.bytes));
    o.push_back("run.seed=" + std::to_string(seed));
    work.push_back(experiment(kBroadwellFile, o));
    o.push_back("platform.iommu.present=false");
    work.push_back(experiment(kBroadwellFile, o));
  }
  const std::vector<Json> results = in_children(work);
  Curve curve;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const Json& dma = results[2 * i];
    curve[i].dma_gbps = metric(dma, kThroughput);
    curve[i].walks_per_second = metric(dma, "iommu.walker.walks") / window_seconds(dma);
    curve[i].none_gbps = metric(results[2 * i + 1], kThroughput);
  }
  return curve;
}

/// The experiment's acceptance: every criterion that the curve misses, as text. Empty: accepted.
std::vector<std::string> rejections(const Curve& curve) {
  std::vector<std::string> found;
  const auto require = [&](bool met, const std::string& what, double got) {
    if (!met) found.push_back(what + ": " + std::to_string(got));
  };
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const Point& p = curve[i];
    const auto& published = kBroadwell[i];
    const std::string at = " at " + std::to_string(published.bytes >> 10) + " KiB";
    require(std::abs(p.dma_gbps / pcie_bench::kBroadwellQuoted[i] - 1) <= 0.10, "throughput within 10 %" + at,
            p.dma_gbps);
    const double band = published.bytes >= 1 << 20 ? 5 : 10;
    require(std::abs(p.drop() - published.drop_percent) <= band,
            "drop within " + std::to_string(int(band)) + " points" + at, p.drop());
  }
  require(curve[0].drop() <= 1, "at most 1 % lost at 256 KiB", curve[0].drop());
  // The knee is where the loss begins: none to speak of at 256 KiB (above), and at 512 KiB half of what was measured at
  // the least.
  require(curve[1].drop() >= 13, "the knee lies between 256 and 512 KiB", curve[1].drop());
  require(std::abs(curve.back().walks_per_second / pcie_bench::kBroadwellSaturatedWalks - 1) <= 0.15,
          "saturated walk rate within 15 %", curve.back().walks_per_second);
  return found;
}

std::string text(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& l : lines) all += "  " + l + "\n";
  return all;
}

void print(const std::string& title, const Curve& curve) {
  std::printf("%s\n  %8s %9s %9s %9s %7s %7s %8s\n", title.c_str(), "KiB", "none", "DMA", "measured", "drop", "meas.",
              "Mwalk/s");
  for (std::size_t i = 0; i < curve.size(); ++i) {
    std::printf("  %8llu %9.2f %9.2f %9.2f %6.1f%% %6d%% %8.2f\n",
                static_cast<unsigned long long>(kBroadwell[i].bytes >> 10), curve[i].none_gbps, curve[i].dma_gbps,
                kBroadwell[i].on_gbps, curve[i].drop(), kBroadwell[i].drop_percent, curve[i].walks_per_second / 1e6);
  }
}

// ---- the curve

TEST(IotlbReach, BroadwellCurveIsReproducedAtAllNineWindows) {
  const Curve curve = measure({});
  print("Broadwell, as calibrated", curve);
  EXPECT_TRUE(rejections(curve).empty()) << text(rejections(curve));
}

// A pass must not hang on one seed. Mean and 95 % interval (Student's t, nine degrees of freedom) of ten seeds lie
// inside every band.
TEST(IotlbReach, TenSeedsKeepTheirIntervalsInsideTheBands) {
  if (!long_run()) GTEST_SKIP() << "set IOMMUSIM_LONG=1 (scripts/test --long) for ten seeds";
  constexpr double kStudent95 = 2.262;
  std::vector<Curve> curves;
  for (unsigned seed = 1; seed <= 10; ++seed) curves.push_back(measure({}, seed));
  Curve low, high;
  const auto bound = [&](std::size_t i, double Point::*figure) {
    double mean = 0, square = 0;
    for (const Curve& c : curves) mean += c[i].*figure / 10;
    for (const Curve& c : curves) square += (c[i].*figure - mean) * (c[i].*figure - mean);
    const double half = kStudent95 * std::sqrt(square / 9 / 10);
    low[i].*figure = mean - half;
    high[i].*figure = mean + half;
  };
  for (std::size_t i = 0; i < low.size(); ++i) {
    for (const auto figure : {&Point::none_gbps, &Point::dma_gbps, &Point::walks_per_second}) bound(i, figure);
    std::swap(low[i].none_gbps, high[i].none_gbps);  // the largest drop has the highest baseline
  }
  print("lower ends of the intervals", low);
  print("upper ends of the intervals", high);
  EXPECT_TRUE(rejections(low).empty()) << text(rejections(low));
  EXPECT_TRUE(rejections(high).empty()) << text(rejections(high));
}

// The warm rows, with nothing re-tuned: data come from the last-level cache, which is 40 ns nearer. A prediction
// throughout.
TEST(IotlbReach, WarmCurveFollowsFromTheShorterMemoryLatencyAlone) {
  std::vector<Work> work;
  for (const auto& w : pcie_bench::kBroadwellWarm) {
    Overrides o = brief({"platform.memory.dram.latency=30 ns", window_override(w.bytes)});
    work.push_back(experiment(kBroadwellFile, o));
    o.push_back("platform.iommu.present=false");
    work.push_back(experiment(kBroadwellFile, o));
  }
  const std::vector<Json> results = in_children(work);
  for (std::size_t i = 0; i < pcie_bench::kBroadwellWarm.size(); ++i) {
    const auto& measured = pcie_bench::kBroadwellWarm[i];
    const Point p{metric(results[2 * i + 1], kThroughput), metric(results[2 * i], kThroughput), 0};
    const double drop = 100 * (1 - measured.on_gbps / measured.off_gbps);
    std::printf("  warm %6llu KiB: none %.2f (measured %.2f)  DMA %.2f (%.2f) Gb/s  drop %.1f (%.1f) %%\n",
                static_cast<unsigned long long>(measured.bytes >> 10), p.none_gbps, measured.off_gbps, p.dma_gbps,
                measured.on_gbps, p.drop(), drop);
    EXPECT_NEAR(p.none_gbps / measured.off_gbps, 1, 0.10) << measured.bytes;
    EXPECT_NEAR(p.dma_gbps / measured.on_gbps, 1, 0.10) << measured.bytes;
    EXPECT_NEAR(p.drop(), drop, measured.bytes >= 1 << 20 ? 5 : 10) << measured.bytes;
  }
}

// ---- controls: what must not be accepted

TEST(IotlbReach, OneWalkerIsRejected) {
  const Curve curve = measure(brief({"platform.iommu.unit.walkers=1"}));
  print("Broadwell with one walker", curve);
  EXPECT_FALSE(rejections(curve).empty());
  EXPECT_LT(curve.back().walks_per_second, 0.25 * pcie_bench::kBroadwellSaturatedWalks)
      << "visibly: a sixth of the rate";
  EXPECT_GT(curve.back().drop(), 85);
}

TEST(IotlbReach, UnlimitedWalkersAreRejected) {
  const Curve curve = measure(brief({"platform.iommu.unit.walkers=4096"}));
  print("Broadwell with 4096 walkers", curve);
  EXPECT_FALSE(rejections(curve).empty());
  EXPECT_LT(curve.back().drop(), 50)
      << "visibly: latency alone, hidden behind 26 tags, costs far less than was measured";
  EXPECT_GT(curve.back().walks_per_second, 1.3 * pcie_bench::kBroadwellSaturatedWalks);
}

// ---- sensitivity, reported

/// Root of the mean squared deviation of the throughput from the measured one, relative.
double misfit(const Curve& curve) {
  double square = 0;
  for (std::size_t i = 0; i < curve.size(); ++i)
    square += std::pow(curve[i].dma_gbps / kBroadwell[i].on_gbps - 1, 2) / double(curve.size());
  return std::sqrt(square);
}

// With 26 tags behind it, a pipeline that stalls and one that lets hits pass differ by little: both are accepted, the
// stall is closer.
TEST(IotlbReach, StallingServiceFitsBetterThanOutOfOrderService) {
  const Curve in_order = measure(brief({})),
              out_of_order = measure(brief({"platform.iommu.unit.service=out_of_order"}));
  print("Broadwell with out-of-order service", out_of_order);
  std::printf("  misfit: in order %.2f %%, out of order %.2f %%\n", 100 * misfit(in_order), 100 * misfit(out_of_order));
  EXPECT_LT(misfit(in_order), misfit(out_of_order));
  for (const std::size_t i : {1, 2, 3})
    EXPECT_GT(out_of_order[i].dma_gbps, in_order[i].dma_gbps) << "hits pass misses that wait";
}

TEST(IotlbReach, MoreIotlbEntriesRaiseTheCurveAndMoveTheKnee) {
  const std::array<unsigned, 4> entries{64, 80, 116, 128};
  std::array<Curve, 4> curves;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    curves[i] = measure(brief({"platform.iommu.unit.iotlb.entries=" + std::to_string(entries[i])}));
    print("Broadwell with " + std::to_string(entries[i]) + " IOTLB entries", curves[i]);
  }
  for (std::size_t i = 1; i < entries.size(); ++i) {
    EXPECT_GT(curves[i][1].dma_gbps, curves[i - 1][1].dma_gbps) << entries[i] << " entries at 512 KiB";
    EXPECT_GT(curves[i][2].dma_gbps, curves[i - 1][2].dma_gbps) << entries[i] << " entries at 1 MiB";
  }
  EXPECT_LT(curves[3][1].drop(), 1) << "128 entries cover 512 KiB";
  EXPECT_FALSE(rejections(curves[2]).empty())
      << "the 116 entries that one outstanding DMA shows do not explain the curve under load";
  EXPECT_FALSE(rejections(curves[3]).empty());
  // All four saturate alike: at 64 MiB no such cache helps.
  EXPECT_NEAR(curves[0].back().dma_gbps, curves[3].back().dma_gbps, 0.2);
}

// ---- the control on the Haswell host

TEST(IotlbReach, HaswellSuperpagesAndPassThroughCostNothingAnd4KPagesTwoThirds) {
  const std::vector<Json> r =
      in_children({experiment(kHaswellFile, {"platform.iommu.present=false"}),
                   experiment(kHaswellFile, {"workloads[0].domain.type=identity"}), experiment(kHaswellFile, {}),
                   experiment(kHaswellFile, {"workloads[0].buffer.page_size=4 KiB"})});
  const double none = metric(r[0], kThroughput), identity = metric(r[1], kThroughput),
               large = metric(r[2], kThroughput), small = metric(r[3], kThroughput);
  std::printf(
      "Haswell, 64 MiB (measured): none %.2f (%.2f)  identity %.2f  2 MiB %.2f (%.2f)  4 KiB %.2f (%.2f) Gb/s\n", none,
      pcie_bench::kHaswellOff, identity, large, pcie_bench::kHaswell2M, small, pcie_bench::kHaswell4K);
  EXPECT_NEAR(none / pcie_bench::kHaswellOff, 1, 0.10);
  EXPECT_NEAR(identity / none, 1, 0.02);
  EXPECT_NEAR(large / none, 1, 0.02);
  EXPECT_NEAR(100 * (1 - small / none), 65, 10);
  // What 2 MiB mappings save are walks: 32 of them cover the window.
  EXPECT_GT(metric(r[2], "iommu.iotlb.hit_rate"), 0.999);
  EXPECT_LT(metric(r[3], "iommu.iotlb.hit_rate"), 0.01);
}

// ---- the committed figures are those of the data set

TEST(PcieBenchData, CommittedFiguresEqualTheDataSet) {
  std::ifstream file(IOMMUSIM_SOURCE_DIR "/../shared/reference/pcie-bench/throughput.csv");
  if (!file)
    GTEST_SKIP() << "the data set is not at ../shared/reference/pcie-bench: the figures in pcie_bench.h were NOT "
                    "compared with it";
  std::map<std::string, double> rows;  // everything before the throughput -> throughput
  for (std::string line; std::getline(file, line);) {
    const std::size_t rate = line.rfind(','), gbps = line.rfind(',', rate - 1);
    if (gbps != std::string::npos) rows[line.substr(0, gbps)] = std::atof(line.c_str() + gbps + 1);
  }
  const auto row = [&](const std::string& host, const std::string& iommu, const std::string& cache,
                       std::uint64_t window) {
    return rows.at(host + "," + iommu + ",BW_DMA_RD,Rand," + cache + "," + std::to_string(window) + ",64");
  };
  for (std::size_t i = 0; i < kBroadwell.size(); ++i) {
    const auto& w = kBroadwell[i];
    EXPECT_EQ(w.on_gbps, row("bdw-E5-2630v4", "4K", "Cold", w.bytes));
    EXPECT_EQ(w.off_gbps, row("bdw-E5-2630v4", "off", "Cold", w.bytes));
    EXPECT_NEAR(w.drop_percent, 100 * (1 - w.on_gbps / w.off_gbps), 0.51);
    EXPECT_NEAR(pcie_bench::kBroadwellQuoted[i], w.on_gbps, 0.0501);
  }
  for (const auto& w : pcie_bench::kBroadwellWarm) {
    EXPECT_EQ(w.on_gbps, row("bdw-E5-2630v4", "4K", "HWarm", w.bytes));
    EXPECT_EQ(w.off_gbps, row("bdw-E5-2630v4", "off", "HWarm", w.bytes));
  }
  EXPECT_NEAR(pcie_bench::kBroadwellSaturatedWalks, kBroadwell.back().on_gbps * 1e9 / 8 / 64, 0.05e6);
  EXPECT_EQ(pcie_bench::kHaswellOff, row("hsw-E5-2620v3", "off", "HWarm", 64 << 20));
  EXPECT_EQ(pcie_bench::kHaswell2M, row("hsw-E5-2620v3", "2M", "HWarm", 64 << 20));
  EXPECT_EQ(pcie_bench::kHaswell4K, row("hsw-E5-2620v3", "4K", "HWarm", 64 << 20));
}

}  // namespace
}  // namespace iommusim::test
