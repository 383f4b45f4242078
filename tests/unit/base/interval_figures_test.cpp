// A time line's figures against those of the whole window.
#include "models/base/stats/interval_figures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "models/base/error.h"

namespace iommusim::base {
namespace {

struct Metrics {
  Metrics() {
    Group& g = root.group("nic");
    g.add("bytes", bytes, "B", "moved");
    g.add("lookups", lookups, "1", "lookups");
    g.add("hits", hits, "1", "hits");
    g.add("hit_rate", Group::Ratio{&hits, &lookups}, "1", "hits / lookups");
    g.add("latency", latency, "ps", "latency");
    g.add("wait", wait, "ps", "wait");
    g.add("queue", queue, "1", "queue length");
    g.add(
        "throughput", [this](Time window) { return static_cast<double>(bytes.value()) / window.seconds(); }, "B/s",
        "bytes per second");
    g.add(
        "doubled", [this](Time) { return 2.0 * static_cast<double>(bytes.value()); }, "B", "an amount",
        Group::Extent::count);
    g.add(
        "entries", [this](Time) { return static_cast<double>(lookups.value() % 7); }, "1", "a state",
        Group::Extent::level);
  }
  Group root;
  Counter bytes, lookups, hits;
  Histogram latency;
  Mean wait;
  Occupancy queue;
};

std::vector<std::string> all() {
  return {"nic.bytes",      "nic.hit_rate",   "nic.latency.mean", "nic.wait.mean",
          "nic.queue.mean", "nic.throughput", "nic.doubled",      "nic.entries"};
}

TEST(IntervalFigures, AStretchHasWhatHappenedInItAlone) {
  Metrics m;
  IntervalFigures figures(m.root, all());
  figures.restart(Time());
  m.bytes += 1000;
  m.lookups += 10;
  m.hits += 5;
  m.latency.add(std::uint64_t{100});
  m.latency.add(std::uint64_t{300});
  m.queue.set(Time::us(1), 4);
  m.wait.add(std::uint64_t{50});
  EXPECT_EQ(figures.take(Time::us(2)), (std::vector<double>{1000, 0.5, 200, 50, 2, 5e8, 2000, 3}));
  m.bytes += 300;
  m.lookups += 10;
  m.hits += 9;
  m.latency.add(std::uint64_t{1000});
  m.wait.add(std::uint64_t{70});
  m.queue.set(Time::us(3), 0);
  // The ratio, the means and the rates are of 2 to 6 us, not of all 6.
  EXPECT_EQ(figures.take(Time::us(6)), (std::vector<double>{300, 0.9, 1000, 70, 1, 7.5e7, 600, 6}));
}

TEST(IntervalFigures, WithoutSamplesThereIsNoMeanAndNoRatio) {
  Metrics m;
  IntervalFigures figures(m.root, all());
  figures.restart(Time());
  const std::vector<double> f = figures.take(Time::us(1));
  EXPECT_EQ(f[0], 0);
  EXPECT_TRUE(std::isnan(f[1]));
  EXPECT_TRUE(std::isnan(f[2]));
  EXPECT_TRUE(std::isnan(f[3]));
  EXPECT_EQ(f[4], 0);
  EXPECT_EQ(f[5], 0);
}

TEST(IntervalFigures, ResettingTheMetricsStartsAStretch) {
  Metrics m;
  IntervalFigures figures(m.root, {"nic.bytes", "nic.throughput", "nic.queue.mean"});
  figures.restart(Time());
  m.bytes += 500;
  m.queue.set(Time::us(1), 3);
  figures.take(Time::us(3));
  m.root.reset(Time::us(3));
  figures.restart(Time::us(3));
  m.bytes += 40;
  EXPECT_EQ(figures.take(Time::us(4)), (std::vector<double>{40, 4e7, 3}));
}

TEST(IntervalFigures, TheDefaultIsEveryRateRatioLevelAndLatency) {
  Metrics m;
  std::vector<std::string> paths;
  const IntervalFigures figures(m.root, {});
  for (const auto& c : figures.columns()) paths.push_back(c.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"nic.hit_rate", "nic.latency.mean", "nic.queue.mean", "nic.throughput"}));
}

TEST(IntervalFigures, AFigureThatIsNotThereIsRefusedWithANearOne) {
  Metrics m;
  try {
    IntervalFigures(m.root, {"nic.thruput"}).require();
    FAIL();
  } catch (const UserError& e) {
    EXPECT_STREQ(e.what(),
                 "there is no figure 'nic.thruput' for a time line: it must be a count, a rate, a ratio or a mean. Did "
                 "you mean 'nic.throughput'?");
  }
}

TEST(IntervalFigures, AFigureThatAppearsLaterCountsFromThere) {
  Metrics m;
  Counter late;
  IntervalFigures figures(m.root, {"nic.late", "nic.bytes"});
  figures.restart(Time());
  EXPECT_TRUE(std::isnan(figures.take(Time::us(1))[0]));
  EXPECT_THROW(figures.require(), UserError);
  m.root.group("nic").add("late", late, "1", "registered later");
  late += 3;
  figures.resolve();
  EXPECT_NO_THROW(figures.require());
  EXPECT_EQ(figures.take(Time::us(2)), (std::vector<double>{3, 0}));
}

TEST(IntervalFigures, AStretchTakenAgainHasWhatHappenedAtItsEnd) {
  Metrics m;
  IntervalFigures figures(m.root, {"nic.bytes", "nic.throughput"});
  figures.restart(Time());
  m.bytes += 10;
  figures.take(Time::us(1));
  m.bytes += 5;
  figures.take(Time::us(2));
  m.bytes += 1;  // at 2 us, too
  EXPECT_EQ(figures.retake(Time::us(2)), (std::vector<double>{6, 6e6}));
}

TEST(IntervalFigures, MetricsRegisteredLaterDisturbNothing) {
  Metrics m;
  IntervalFigures figures(m.root, {"nic.bytes"});
  figures.restart(Time());
  std::vector<Counter> more(100);
  for (std::size_t i = 0; i < more.size(); ++i)
    m.root.group("nic").add("more" + std::to_string(i), more[i], "1", "more");
  m.bytes += 7;
  EXPECT_EQ(figures.take(Time::us(1)), (std::vector<double>{7}));
}

}  // namespace
}  // namespace iommusim::base
