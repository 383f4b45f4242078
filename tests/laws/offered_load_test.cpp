// experiments/offered_load: what an open loop offers, what gets through, and what it costs, with the link and with one
// DRAM channel as the narrow place. Latency counts from the intended time.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "models/pcie/link_config.h"
#include "tests/validation/experiment_run.h"

namespace iommusim::test {
namespace {

constexpr double kBytes = 256;
constexpr double kRequestBytes = 24, kCompletionBytes = 276;  // with framing, Gen4: 16 + 8 and 12 + 8 + 256
constexpr double kRootComplexPs = 100e3, kPropagationPs = 5e3;

double ps_per_byte(bool up) {
  pcie::LinkConfig link;
  link.generation = 4;
  link.width = 16;
  const auto time = link.byte_time(up);
  return static_cast<double>(time.num) / static_cast<double>(time.den);
}

/// The narrow place and the reads per second that it carries at most.
struct Place {
  const char* name;
  unsigned channels;
  double reads_per_second;
};
Place link() { return {"link", 4, 1e12 / (kCompletionBytes * ps_per_byte(false))}; }
Place dram() { return {"DRAM", 1, 153.6e9 / (8 * kBytes)}; }

/// What one run shows. Times in ps.
struct Point {
  double load, asked, offered, achieved;  // of what the place carries; DMAs per second
  double mean, p99, issue_wait, link_wait, memory, from_memory, link_down;
  double dmas, tags, up, root_complex, in_memory, down;  // numbers inside
  double reads_per_ps;
};

Work run_at(const Place& place, double load, const std::string& gaps, const std::string& measure) {
  const auto rate = static_cast<unsigned long long>(load * place.reads_per_second);
  return experiment("experiments/offered_load/experiment.yaml",
                    {"workloads[0].traffic.rate=" + std::to_string(rate) + " /s", "workloads[0].traffic.gaps=" + gaps,
                     "platform.memory.dram.channels=" + std::to_string(place.channels), "run.measure=" + measure});
}

Point point_of(const Json& r, const Place& place, double load) {
  const auto part = [&](const char* name) { return metric(r, std::string("dev.dma.read.breakdown.") + name, "mean"); };
  const auto inside = [&](const char* path) { return metric(r, path, "mean"); };
  Point p{};
  p.load = load;
  p.asked = std::floor(load * place.reads_per_second);
  p.offered = metric(r, "dev.dma.offered_throughput") * 1e9 / (8 * kBytes);
  p.achieved = metric(r, "dev.dma.throughput") * 1e9 / (8 * kBytes);
  p.mean = metric(r, "dev.dma.read.latency", "mean");
  p.p99 = metric(r, "dev.dma.read.latency", "p99");
  p.issue_wait = part("issue_wait");
  p.link_wait = part("link_wait");
  p.memory = part("memory");
  p.from_memory = part("from_memory");
  p.link_down = part("link_down");
  p.dmas = inside("dev.dma.dmas_used");
  p.tags = inside("dev.dma.tags_used");
  p.up = inside("dev.link.up.inside");
  p.root_complex = inside("root_complex.port0.non_posted");
  p.in_memory = inside("memory.in_flight");
  p.down = inside("dev.link.down.inside");
  p.reads_per_ps = p.achieved / 1e12;
  return p;
}

std::vector<Point> curve(const Place& place, const std::vector<double>& loads, const std::string& gaps,
                         const std::string& measure = "1 ms") {
  std::vector<Work> work;
  for (const double load : loads) work.push_back(run_at(place, load, gaps, measure));
  const std::vector<Json> results = in_children(work);
  std::vector<Point> points;
  std::printf("  %s, %s gaps\n  %6s %9s %9s %9s %9s %9s %9s %8s\n", place.name, gaps.c_str(), "load", "offered",
              "achieved", "mean ns", "p99 ns", "memory", "link wait", "inside");
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const Point p = point_of(results[i], place, loads[i]);
    points.push_back(p);
    std::printf("  %6.2f %9.3f %9.3f %9.1f %9.1f %9.1f %9.1f %8.2f\n", p.load, p.offered / place.reads_per_second,
                p.achieved / place.reads_per_second, p.mean / 1e3, p.p99 / 1e3, p.memory / 1e3,
                (p.from_memory - kRootComplexPs) / 1e3, p.tags);
  }
  return points;
}

const std::vector<double> kBelow{0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95};
const std::vector<double> kAbove{1.05, 1.2};

// ---- offered and achieved

TEST(OfferedLoad, ConstantGapsOfferWhatTheFileSaysAndAllOfItGetsThroughBelowSaturation) {
  for (const Point& p : curve(link(), kBelow, "constant", "200 us")) {
    EXPECT_NEAR(p.offered / p.asked, 1, 0.005) << p.load;
    EXPECT_NEAR(p.achieved / p.offered, 1, 0.01) << p.load;
  }
}

// The arrivals of a window are Poisson distributed: four standard deviations, and 0.5 % where there are enough of them.
TEST(OfferedLoad, PoissonArrivalsOfferWhatTheFileSaysAndAllOfItGetsThroughBelowSaturation) {
  for (const Point& p : curve(link(), kBelow, "poisson")) {
    EXPECT_NEAR(p.offered / p.asked, 1, 4 / std::sqrt(p.asked * 1e-3)) << p.load;
    EXPECT_NEAR(p.achieved / p.offered, 1, 0.01) << p.load;
  }
  for (const Point& p : curve(link(), {0.5}, "poisson", "14 ms")) EXPECT_NEAR(p.offered / p.asked, 1, 0.005);
}

TEST(OfferedLoad, OverloadIsOfferedInFullAndTheLinkCarriesWhatItCan) {
  for (const Point& p : curve(link(), kAbove, "constant", "500 us")) {
    EXPECT_NEAR(p.offered / p.asked, 1, 0.005) << p.load;
    EXPECT_NEAR(p.achieved / link().reads_per_second, 1, 0.01) << p.load;
  }
}

// Closed pages, random rows: enough of them wait to keep the bus busy.
TEST(OfferedLoad, OverloadIsOfferedInFullAndTheChannelCarriesItsBandwidth) {
  for (const Point& p : curve(dram(), kAbove, "constant", "500 us")) {
    EXPECT_NEAR(p.offered / p.asked, 1, 0.005) << p.load;
    EXPECT_LT(p.achieved / dram().reads_per_second, 1.001) << p.load;
    EXPECT_GT(p.achieved / dram().reads_per_second, 0.99) << p.load;
  }
}

// ---- the curve

void expect_knee(const std::vector<Point>& points) {
  for (std::size_t i = 1; i < points.size(); ++i) {
    EXPECT_GT(points[i].mean, points[i - 1].mean) << points[i].load;
    EXPECT_GE(points[i].p99, points[i - 1].p99) << points[i].load;
  }
  const auto slope = [&](std::size_t i) {
    return (points[i].mean - points[i - 1].mean) / (points[i].load - points[i - 1].load);
  };
  EXPECT_GT(slope(points.size() - 1), 10 * slope(2)) << "steep at 95 %, flat at 40 %";
}

TEST(OfferedLoad, LatencyRisesWithTheLoadOfTheLinkAndNotInTheMemoryPart) {
  const std::vector<Point> points = curve(link(), kBelow, "poisson", "2 ms");
  expect_knee(points);
  EXPECT_LT(points.back().memory - points.front().memory, 0.2 * (points.back().mean - points.front().mean))
      << "four channels carry 2.7 times the link: what rises is the link's share";
}

// With channels enough that two reads hardly ever meet in one, completions arrive at the link as Poisson's do and take
// equally long there: M/D/1 waits load / (2 (1 - load)) services. Four channels take a part of that wait on themselves,
// as two reads that meet in one come apart by more than the link needs.
TEST(OfferedLoad, WaitForTheLinkIsThatOfAQueueWithConstantService) {
  const std::vector<double> loads{0.2, 0.4, 0.6, 0.8};
  const std::vector<Point> wide = curve({"link, 64 channels", 64, link().reads_per_second}, loads, "poisson", "2 ms");
  const std::vector<Point> four = curve(link(), loads, "poisson", "2 ms");
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const double expected = loads[i] / (2 * (1 - loads[i])) * kCompletionBytes * ps_per_byte(false);
    EXPECT_NEAR((wide[i].from_memory - kRootComplexPs) / expected, 1, 0.05) << loads[i];
    EXPECT_LT(four[i].from_memory - kRootComplexPs, expected) << loads[i];
  }
}

TEST(OfferedLoad, LatencyRisesWithTheLoadOfOneDramChannelInTheMemoryPart) {
  const std::vector<Point> points = curve(dram(), kBelow, "poisson");
  expect_knee(points);
  EXPECT_GT(points.back().memory - points.front().memory, 0.8 * (points.back().mean - points.front().mean));
}

TEST(OfferedLoad, LatencySettlesBelowSaturationAndGrowsWithTimeAbove) {
  for (const Place& place : {link(), dram()}) {
    const Point settled = curve(place, {0.8}, "poisson", "500 us")[0],
                still = curve(place, {0.8}, "poisson", "2 ms")[0];
    EXPECT_NEAR(still.mean / settled.mean, 1, 0.05) << place.name;
    const Point growing = curve(place, {1.2}, "poisson", "500 us")[0],
                grown = curve(place, {1.2}, "poisson", "2 ms")[0];
    EXPECT_GT(grown.mean, 3 * growing.mean) << place.name;
    EXPECT_GT(growing.mean, 10 * settled.mean) << place.name;
  }
}

// ---- Little's law: numbers inside from the modules' counters, times from the stamps in the requests

void expect_law(const char* boundary, const Point& p, double inside, double time) {
  ASSERT_GT(inside, 0) << boundary;
  EXPECT_NEAR(inside / (p.reads_per_ps * time), 1, 0.01) << boundary << " at " << p.load;
}

void expect_littles_law(const std::vector<Point>& points) {
  for (const Point& p : points) {
    const double rate = p.reads_per_ps;
    ASSERT_GT(rate, 0);
    expect_law("link up", p, p.up, p.link_wait + kRequestBytes * ps_per_byte(true) + kPropagationPs);
    expect_law("root complex", p, p.root_complex, 2 * kRootComplexPs + p.memory);
    expect_law("memory", p, p.in_memory, p.memory);
    expect_law("link down", p, p.down, p.from_memory - kRootComplexPs + p.link_down);
    expect_law("tags", p, p.tags,
               p.link_wait + kRequestBytes * ps_per_byte(true) + kPropagationPs + kRootComplexPs + p.memory +
                   p.from_memory + p.link_down);
    if (p.load < 1) expect_law("engine", p, p.dmas, p.mean);
  }
}

TEST(OfferedLoad, LittlesLawHoldsAtEveryBoundaryWithTheLinkAsNarrowPlace) {
  expect_littles_law(curve(link(), {0.05, 0.5, 0.9, 1.2}, "poisson"));
  expect_littles_law(curve(link(), {0.05, 0.5, 0.9, 1.2}, "constant", "500 us"));
}

TEST(OfferedLoad, LittlesLawHoldsAtEveryBoundaryWithDramAsNarrowPlace) {
  expect_littles_law(curve(dram(), {0.05, 0.5, 0.9, 1.2}, "poisson"));
}

}  // namespace
}  // namespace iommusim::test
