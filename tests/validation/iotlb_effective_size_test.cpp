// experiments/iotlb_effective_size: why does the Broadwell host of pcie-bench behave like 116 IOTLB entries with one
// read in progress (LITERATURE E3) and like 80 with 26 (E4)?
//
// Fitted: 116 entries, to one read at a time (E3); six walkers of 310 ns, to the largest window of E4; the window of
// eight reads, to E4 at 1 MiB. Predicted: E4's other windows, the buffer on the other socket, the whole Haswell curve
// with the same window. Of writes under load nothing is fitted: entries and walk are those of one read at a time.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/validation/experiment_run.h"
#include "tests/validation/pcie_bench.h"
#include "tests/validation/pcie_bench_iommu_latency.h"

namespace iommusim::test {
namespace {

using pcie_bench::kBroadwell;
using pcie_bench::kLoadedWindow;
using pcie_bench::LoadedRow;
using Overrides = std::vector<std::string>;

const std::string kFolder = "experiments/iotlb_effective_size/";
const std::string kUnit = "platform.iommu.unit.";
const Overrides kReadsInOrder8{kUnit + "read_order=arrival", kUnit + "read_window=8"};

Overrides operator+(Overrides a, const Overrides& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Overrides window(std::uint64_t bytes) { return {"workloads[0].buffer.size=" + std::to_string(bytes) + " B"}; }

// ---- the three curves: each returns what it misses, as text

/// One read at a time: the bands of E3 for this host, 3 points of misses and 3 % of the mean.
std::string idle_rejections(const Overrides& unit) {
  constexpr std::array<std::size_t, 5> kWhich{0, 1, 2, 4, 8};
  std::vector<Work> work;
  for (const std::size_t i : kWhich) {
    Overrides o = unit + window(pcie_bench::kIommuWindow[i]);
    for (const char* cost : {"issue_latency", "completion_latency", "latency_per_kib"})
      o.push_back("platform.endpoints[0].dma." + std::string(cost) + "=0 ns");
    work.push_back(experiment(kFolder + "idle.yaml", o));
  }
  const std::vector<Json> results = in_children(work);
  std::array<pcie_bench::Latency, pcie_bench::kIommuWindows> simulated{};
  for (std::size_t k = 0; k < kWhich.size(); ++k)
    simulated[kWhich[k]].mean_ns = metric(results[k], "nfp.dma.read.latency", "mean") / 1e3;
  const auto& measured = pcie_bench::kBroadwellIdle;
  std::string found;
  for (const std::size_t i : kWhich) {
    const double got = miss_fraction(simulated, i), want = miss_fraction(measured, i);
    std::printf("  idle   %6llu KiB %6.1f ns (%6.1f)  misses %5.1f %% (%5.1f)\n",
                static_cast<unsigned long long>(pcie_bench::kIommuWindow[i] >> 10), simulated[i].mean_ns,
                measured[i].mean_ns, 100 * got, 100 * want);
    if (std::abs(got - want) > 0.03 || std::abs(simulated[i].mean_ns / measured[i].mean_ns - 1) > 0.03)
      found += " idle at " + std::to_string(pcie_bench::kIommuWindow[i] >> 10) + " KiB";
  }
  return found;
}

std::vector<double> throughput(const std::string& file, const std::vector<Overrides>& points) {
  std::vector<Work> work;
  for (const Overrides& o : points) work.push_back(experiment(kFolder + file + ".yaml", o));
  std::vector<double> gbps;
  for (const Json& r : in_children(work)) gbps.push_back(metric(r, "nfp.dma.throughput"));
  return gbps;
}

/// 26 reads: the bands of E4.
std::string read_rejections(const Overrides& unit) {
  std::vector<Overrides> points{unit + window(kBroadwell[0].bytes) + Overrides{"platform.iommu.present=false"}};
  for (const auto& w : kBroadwell) points.push_back(unit + window(w.bytes));
  const auto gbps = throughput("experiment", points);
  std::string found;
  for (std::size_t i = 0; i < kBroadwell.size(); ++i) {
    const auto& w = kBroadwell[i];
    const double got = gbps[i + 1], drop = 100 * (1 - got / gbps[0]);
    std::printf("  reads  %6llu KiB %6.2f Gb/s (%6.2f) %+5.1f %%\n", static_cast<unsigned long long>(w.bytes >> 10),
                got, w.on_gbps, 100 * (got / w.on_gbps - 1));
    const double band = w.bytes >= 1 << 20 ? 5 : 10;
    if (std::abs(got / w.on_gbps - 1) > 0.10 || std::abs(drop - w.drop_percent) > band)
      found += " reads at " + std::to_string(w.bytes >> 10) + " KiB";
  }
  return found;
}

/// Writes by the device's own interval, in number.
std::vector<double> writes(const std::string& file, const Overrides& unit) {
  std::vector<Overrides> points;
  for (const std::uint64_t w : kLoadedWindow)
    points.push_back(
        unit + window(w) +
        Overrides{"workloads[0].traffic.streams[0].reads=0", "platform.endpoints[0].dma.write_interval=21.1 ns"});
  return throughput(file, points);
}

double worst(const char* title, const std::vector<double>& gbps, const LoadedRow& measured) {
  double largest = 0;
  for (std::size_t i = 0; i < gbps.size(); ++i) {
    const double error = gbps[i] / measured[i] - 1;
    std::printf("  %s %6llu KiB %6.2f Gb/s (%6.2f) %+5.1f %%\n", title,
                static_cast<unsigned long long>(kLoadedWindow[i] >> 10), gbps[i], measured[i], 100 * error);
    largest = std::max(largest, std::abs(error));
  }
  return largest;
}

std::string rejections(const Overrides& unit) {
  std::string found = idle_rejections(unit) + read_rejections(unit);
  // The band of the saturated walk rate in E4.
  if (worst("writes", writes("experiment", unit), pcie_bench::kBroadwellWrites) > 0.15) found += " writes";
  return found;
}

// ---- the hypothesis that is left

TEST(IotlbEffectiveSize, EightReadsInArrivalOrderFitOneReadManyReadsAndManyWritesAlike) {
  EXPECT_EQ(rejections(kReadsInOrder8), "");
}

TEST(IotlbEffectiveSize, EightReadsInArrivalOrderFitManyReadsWithEachOfTenSeeds) {
  if (!long_run()) GTEST_SKIP() << "set IOMMUSIM_LONG=1 (scripts/test --long) for ten seeds";
  for (unsigned seed = 1; seed <= 10; ++seed)
    EXPECT_EQ(read_rejections(kReadsInOrder8 + Overrides{"run.seed=" + std::to_string(seed)}), "") << "seed " << seed;
}

TEST(IotlbEffectiveSize, TheSameEightReadsPredictTheOtherSocketAndHaswell) {
  std::vector<Overrides> remote, haswell;
  for (const std::uint64_t w : kLoadedWindow) {
    haswell.push_back(kReadsInOrder8 + window(w));
    remote.push_back(haswell.back() + Overrides{"workloads[0].buffer.node=1"});
  }
  EXPECT_LT(worst("remote", throughput("experiment", remote), pcie_bench::kBroadwellRemoteReads), 0.10);
  EXPECT_LT(worst("haswell", throughput("haswell", haswell), pcie_bench::kHaswellReadsLoaded), 0.10);
}

// A unit that holds fewer pages under load would show it to writes, too.
TEST(IotlbEffectiveSize, WritesUnderLoadShowTheEntriesAndTheWalkOfOneReadAtATime) {
  const Overrides broadwell{kUnit + "walk_overhead=257 ns"}, haswell{kUnit + "walk_overhead=197 ns"};  // 287, 227 ns
  EXPECT_LT(worst("Broadwell, 116", writes("experiment", broadwell), pcie_bench::kBroadwellWrites), 0.06);
  EXPECT_LT(worst("Haswell, 118", writes("haswell", haswell), pcie_bench::kHaswellWrites), 0.06);
  EXPECT_GT(worst("Broadwell, 80", writes("experiment", broadwell + Overrides{kUnit + "iotlb.entries=80"}),
                  pcie_bench::kBroadwellWrites),
            0.15);
  EXPECT_GT(worst("Haswell, 72", writes("haswell", haswell + Overrides{kUnit + "iotlb.entries=72"}),
                  pcie_bench::kHaswellWrites),
            0.15);
}

// ---- those that are not: each misses a curve

struct Mechanism {
  const char* name;
  Overrides unit;
  const char* missed;  ///< a curve that it misses
};
void PrintTo(const Mechanism& m, std::ostream* out) { *out << m.name; }

class RejectedMechanism : public ::testing::TestWithParam<Mechanism> {};

TEST_P(RejectedMechanism, MissesACurve) {
  const std::string found = rejections(GetParam().unit);
  EXPECT_NE(found.find(GetParam().missed), std::string::npos) << "missed:" << found;
}

INSTANTIATE_TEST_SUITE_P(
    Each, RejectedMechanism,
    ::testing::Values(
        Mechanism{"None", {}, "reads at 1024"}, Mechanism{"Entries80", {kUnit + "iotlb.entries=80"}, "idle at 512"},
        Mechanism{"ReservedByWalks", {kUnit + "iotlb.reserve_on_miss=true"}, "reads at 1024"},
        Mechanism{"Duplicates", {kUnit + "merge_misses=false", kUnit + "iotlb.duplicate_fills=true"}, "reads at 1024"},
        Mechanism{"Hashed8Ways",
                  {kUnit + "iotlb.entries=128", kUnit + "iotlb.ways=8", kUnit + "iotlb.index=mixed"},
                  "reads at 1024"},
        Mechanism{"RandomReplacement", {kUnit + "iotlb.policy=random"}, "reads at 1024"},
        Mechanism{"SplitBySize", {kUnit + "iotlb.split=by_size"}, "reads at 1024"},
        Mechanism{"WalkCacheOf4", {kUnit + "walk_caches.level1.entries=4"}, "reads at 1024"},
        Mechanism{"OutOfOrder", {kUnit + "service=out_of_order"}, "reads at 1024"},
        Mechanism{"SlowLookups", {kUnit + "lookup_interval=15 ns"}, "reads at 1024"},
        // Fits one read and many reads: a first level of 64 entries, and 50 ns between lookups of the second.
        Mechanism{"TwoLevels", {kUnit + "iotlb.per_port.entries=64", kUnit + "lookup_interval=50 ns"}, "writes"},
        Mechanism{"ReadsInOrderWithoutLimit", {kUnit + "read_order=arrival"}, "reads at 1024"}),
    [](const auto& m) { return std::string(m.param.name); });

// A second device that keeps twelve of 128 entries from one read at a time holds next to none when evictions are fast.
TEST(IotlbEffectiveSize, OtherTrafficTakesEntriesFromOneReadAtATimeOnly) {
  const auto hit_rate = [](const Json& r) {
    const Json& nfp = r.at("metrics").at("iommu").at("requester").at("0000:01:00.0");
    return nfp.at("iotlb_hits").at("value").get<double>() / nfp.at("requests").at("value").get<double>();
  };
  const Overrides mib = window(1 << 20);
  const auto r =
      in_children({experiment(kFolder + "other_traffic.yaml",
                              mib + Overrides{"workloads[0].traffic.window=1", "run.warm_up=5 ms", "run.measure=5 ms"}),
                   experiment(kFolder + "other_traffic.yaml", mib)});
  std::printf("  entries: one read %.1f, many %.1f\n", 256 * hit_rate(r[0]), 256 * hit_rate(r[1]));
  EXPECT_NEAR(256 * hit_rate(r[0]), 116, 5);
  EXPECT_GT(256 * hit_rate(r[1]), 124) << "80 were to be explained";
}

// ---- the committed figures are those of the data set

TEST(PcieBenchLoaded, CommittedFiguresEqualTheDataSet) {
  std::ifstream file(IOMMUSIM_SOURCE_DIR "/../shared/reference/pcie-bench/throughput.csv");
  if (!file)
    GTEST_SKIP() << "the data set is not at ../shared/reference/pcie-bench: the figures in pcie_bench.h were NOT "
                    "compared with it";
  std::map<std::string, double> rows;  // everything before the throughput -> throughput
  for (std::string line; std::getline(file, line);) {
    const std::size_t rate = line.rfind(','), gbps = line.rfind(',', rate - 1);
    if (gbps != std::string::npos) rows[line.substr(0, gbps)] = std::atof(line.c_str() + gbps + 1);
  }
  const auto expect = [&](const LoadedRow& row, const std::string& host, const std::string& test) {
    for (std::size_t i = 0; i < row.size(); ++i)
      EXPECT_EQ(row[i], rows.at(host + ",4K," + test + ",Rand,Cold," + std::to_string(kLoadedWindow[i]) + ",64"));
  };
  expect(pcie_bench::kBroadwellRemoteReads, "bdw-E5-2630v4-remote-socket", "BW_DMA_RD");
  expect(pcie_bench::kBroadwellWrites, "bdw-E5-2630v4", "BW_DMA_WR");
  expect(pcie_bench::kHaswellReadsLoaded, "hsw-E5-2620v3", "BW_DMA_RD");
  expect(pcie_bench::kHaswellWrites, "hsw-E5-2620v3", "BW_DMA_WR");
}

}  // namespace
}  // namespace iommusim::test
