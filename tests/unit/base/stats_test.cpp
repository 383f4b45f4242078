#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "models/base/random/distributions.h"
#include "models/base/stats/group.h"

namespace iommusim::base {
namespace {

TEST(Histogram, PercentilesStayWithinATenthOfAPercentOfTheSortedSamples) {
  RandomStream random(1, "histogram");
  std::vector<std::uint64_t> samples;
  Histogram h;
  for (int i = 0; i < 100000; ++i) {
    const auto x = static_cast<std::uint64_t>(pareto(random, 200, 0.8));  // eight decades
    samples.push_back(x);
    h.add(x);
  }
  std::sort(samples.begin(), samples.end());
  for (const double p : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
    const double exact = static_cast<double>(samples[static_cast<std::size_t>(std::ceil(p / 100 * 100000 - 1e-6)) - 1]);
    EXPECT_NEAR(static_cast<double>(h.percentile(p)), exact, exact * 0.001) << p;
  }
  EXPECT_EQ(h.percentile(0), samples.front());
  EXPECT_EQ(h.percentile(100), samples.back());
  EXPECT_EQ(h.min(), samples.front());
  EXPECT_EQ(h.max(), samples.back());
}

TEST(Histogram, SmallValuesAndSumsAreExact) {
  Histogram h;
  EXPECT_EQ(h.percentile(50), 0u);
  for (std::uint64_t x = 1; x <= 1000; ++x) h.add(x);
  EXPECT_EQ(h.percentile(50), 500u);
  EXPECT_EQ(h.percentile(99), 990u);
  EXPECT_EQ(h.percentile(99.9), 999u);
  EXPECT_EQ(h.percentile(99.99), 1000u);
  EXPECT_EQ(static_cast<std::uint64_t>(h.sum()), 500500u);
  EXPECT_EQ(h.count(), 1000u);
}

TEST(Histogram, CellsCoverAllValuesWithoutGapOrOverlap) {
  Histogram h;
  std::uint64_t count = 0;
  for (unsigned bit = 0; bit < 64; ++bit)
    for (const std::uint64_t x :
         {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit, (std::uint64_t{1} << bit) + 1}) {
      h.add(x);
      ++count;
    }
  h.add(~std::uint64_t{0});
  std::ostringstream csv;
  h.write_csv(csv);
  std::istringstream rows(csv.str());
  std::string line;
  std::getline(rows, line);
  EXPECT_EQ(line, "low,high,count,cumulative");
  std::uint64_t previous = 0, last = 0, low, high, n, sum;
  bool first = true;
  char comma;
  while (rows >> low >> comma >> high >> comma >> n >> comma >> sum) {
    EXPECT_LE(low, high);
    EXPECT_TRUE(first || low > previous) << low;
    EXPECT_LE(static_cast<double>(high - low), static_cast<double>(low) / 1000 + 1);
    first = false;
    previous = high;
    last = sum;
  }
  EXPECT_EQ(previous, ~std::uint64_t{0});
  EXPECT_EQ(last, count + 1);
}

TEST(Histogram, MergeEqualsAddingAll) {
  Histogram a, b, all;
  for (std::uint64_t x = 0; x < 5000; ++x) {
    (x % 3 ? a : b).add(x * x);
    all.add(x * x);
  }
  a.merge(b);
  for (const double p : {0.0, 25.0, 50.0, 99.99, 100.0}) EXPECT_EQ(a.percentile(p), all.percentile(p));
  EXPECT_EQ(static_cast<double>(a.sum()), static_cast<double>(all.sum()));
  a.reset();
  EXPECT_EQ(a.count(), 0u);
  EXPECT_EQ(a.percentile(99), 0u);
}

TEST(Occupancy, IsWeightedByTime) {
  Occupancy o;
  o.set(Time::ns(0), 2);
  o.add(Time::ns(10));     // 2 for 10 ns
  o.sub(Time::ns(20), 3);  // 3 for 10 ns
  EXPECT_DOUBLE_EQ(o.mean(Time::ns(50)), (2 * 10 + 3 * 10) / 50.0);
  EXPECT_EQ(o.max(), 3u);
  o.add(Time::ns(50), 1);
  o.reset(Time::ns(60));  // a level held across the reset counts from there
  EXPECT_EQ(o.max(), 1u);
  EXPECT_DOUBLE_EQ(o.mean(Time::ns(70)), 1.0);
  EXPECT_DOUBLE_EQ(o.mean(Time::ns(60)), 0.0);
}

TEST(Mean, KeepsExactSums) {
  Mean m;
  EXPECT_EQ(m.min(), 0u);
  EXPECT_EQ(m.mean(), 0.0);
  for (int i = 0; i < 4; ++i) m.add(~std::uint64_t{0});
  EXPECT_TRUE(m.sum() == static_cast<u128>(~std::uint64_t{0}) * 4);
  m.reset();
  m.add(3);
  m.add(6);
  EXPECT_EQ(m.min(), 3u);
  EXPECT_EQ(m.max(), 6u);
  EXPECT_DOUBLE_EQ(m.mean(), 4.5);
}

struct Tree {
  Group root;
  Counter hits;
  Mean wait;
  Histogram latency;
  Occupancy busy;
  Tree() {
    Group& iotlb = root.group("iommu").group("iotlb");
    iotlb.add("hits", hits, "1", "Lookups that hit");
    iotlb.add(
        "hit_rate", [this](Time window) { return static_cast<double>(hits.value()) / window.ns(); }, "1/ns",
        "Hits per time");
    root.group("iommu").add("wait", wait, "ps", "Wait for a walker");
    root.group("iommu").add("busy", busy, "1", "Walkers busy");
    root.group("nic0").add("latency", latency, "ps", "DMA latency");
  }
};

TEST(Group, ExportsUnitAndDescriptionInOrderOfRegistration) {
  Tree t;
  ++t.hits;
  t.hits += 4;
  t.wait.add(10);
  const auto json = t.root.to_json(Time::ns(10));
  EXPECT_EQ(
      json["iommu"]["iotlb"].dump(),
      R"({"hits":{"value":5,"unit":"1","description":"Lookups that hit"},"hit_rate":{"value":0.5,"unit":"1/ns","description":"Hits per time"}})");
  EXPECT_EQ(json["iommu"]["wait"].dump(),
            R"({"count":1,"sum":10,"mean":10.0,"min":10,"max":10,"unit":"ps","description":"Wait for a walker"})");
  std::vector<std::string> keys;
  for (const auto& [key, value] : json["iommu"].items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"wait", "busy", "iotlb"}));
  std::ostringstream csv;
  t.root.write_csv(csv, Time::ns(10));
  EXPECT_EQ(csv.str().substr(0, 96),
            "metric,value,unit,description\niommu.wait.count,1,1,\"Wait for a walker\"\niommu.wait.sum,10,ps,\"Wai");
}

TEST(Group, ResetStartsAWindowForTheWholeTree) {
  Tree t;
  Time seen;
  t.root.group("nic0").on_reset([&](Time now) { seen = now; });
  t.hits += 7;
  t.latency.add(99);
  t.root.reset(Time::ns(100));
  EXPECT_EQ(seen, Time::ns(100));
  EXPECT_EQ(t.hits.value(), 0u);
  EXPECT_EQ(t.latency.count(), 0u);
  t.hits += 20;
  EXPECT_EQ(t.root.to_json(Time::ns(110))["iommu"]["iotlb"]["hit_rate"]["value"], 2.0);
}

TEST(Group, FindsHistogramsByPath) {
  Tree t;
  EXPECT_EQ(t.root.find_histogram("nic0.latency"), &t.latency);
  EXPECT_EQ(t.root.find_histogram("iommu.wait"), nullptr);
  EXPECT_EQ(t.root.find_histogram("nic1.latency"), nullptr);
}

TEST(Group, RefusesTwoMetricsOfOneNameAndMetricsWithoutUnit) {
  Tree t;
  Counter c;
  EXPECT_THROW(t.root.group("iommu").group("iotlb").add("hits", c, "1", "again"), std::logic_error);
  EXPECT_THROW(t.root.group("iommu").add("iotlb", c, "1", "a group already"), std::logic_error);
  EXPECT_THROW(t.root.group("iommu").group("wait"), std::logic_error);
  EXPECT_THROW(t.root.add("x", c, "", "no unit"), std::logic_error);
  EXPECT_THROW(t.root.add("x y", c, "1", "bad name"), std::logic_error);
}

}  // namespace
}  // namespace iommusim::base
