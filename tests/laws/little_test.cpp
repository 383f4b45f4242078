// Little's law at boundaries that are measured apart: what is inside on average equals arrivals per time multiplied by
// time inside. The occupancies come from counters of the modules, the times from stamps in the requests.
#include <gtest/gtest.h>

#include "tests/laws/machines.h"

namespace iommusim::test {
namespace {

double part_sum(const Machine& m, const std::string& direction, const std::vector<std::string>& parts) {
  double sum = 0;
  for (const auto& part : parts) sum += m.number("a.dma." + direction + ".breakdown." + part, "sum");
  return sum;
}
// Between a TLP's leaving the engine and its last completion, of DMAs of one TLP.
const std::vector<std::string> kOutstanding{"link_wait", "link_up",   "unit_wait", "lookup",      "walk_wait", "walk",
                                            "unit_out",  "to_memory", "memory",    "from_memory", "link_down"};
const std::vector<std::string> kInUnit{"unit_wait", "lookup", "walk_wait", "walk", "unit_out"};

void expect_equal(double inside, double rate_times_latency, double tolerance) {
  ASSERT_GT(inside, 0.5) << "the law would hold of nothing";
  EXPECT_NEAR(inside / rate_times_latency, 1, tolerance);
}

void expect_littles_law(const Machine& m, double window, double tolerance) {
  expect_equal(m.number("a.dma.tags_used", "mean"), part_sum(m, "read", kOutstanding) / window, tolerance);
  expect_equal(m.number("a.dma.posted_used", "mean"), part_sum(m, "write", kOutstanding) / window, tolerance);
  expect_equal(m.number("iommu.in_flight", "mean"),
               (part_sum(m, "read", kInUnit) + part_sum(m, "write", kInUnit)) / window, tolerance);
  const double walks = m.number("iommu.walker.latency", "count") * m.number("iommu.walker.latency", "mean");
  expect_equal(m.number("iommu.walker.occupancy", "mean"), walks / window, tolerance);
}

class LittlesLaw : public ::testing::TestWithParam<const char*> {};

// From an empty machine to an empty machine the law is an identity: nothing is left over at the ends.
TEST_P(LittlesLaw, HoldsExactlyOverARunThatStartsAndEndsEmpty) {
  Machine m(machine_with("window: 64, count: 4000, write_done: visible, " + mixed(), "DMA", "size: 4 MiB", GetParam()));
  m.finish();
  ASSERT_EQ(m.count("a.dma.reads") + m.count("a.dma.writes"), 4000u);
  expect_littles_law(m, static_cast<double>(m.now().ps()), 1e-9);
}

TEST_P(LittlesLaw, HoldsWithinOnePercentOverAWindowInTheMiddle) {
  Machine m(machine_with("window: 64, write_done: visible, " + mixed(), "DMA", "size: 4 MiB", GetParam()));
  m.run_for(Time::us(50));
  m.simulation.stats.reset(m.now());
  m.run_for(Time::us(200));
  expect_littles_law(m, static_cast<double>(Time::us(200).ps()), 0.01);
}

INSTANTIATE_TEST_SUITE_P(Units, LittlesLaw,
                         ::testing::Values("walkers: 2", "walkers: 2, service: out_of_order",
                                           "lookup_interval: 30 ns, iotlb: {entries: 16}"));

}  // namespace
}  // namespace iommusim::test
