// The unit's counters under the names of hardware, per PASID and by fault reason: exact values.
#include "models/iommu/core/perf_events.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

using Json = nlohmann::ordered_json;

Json metrics(const Bench& b) { return b.simulation.stats.to_json(b.simulation.scheduler.now())["unit"]; }
double value(const Json& group, const std::string& name) { return group.at(name).at("value").get<double>(); }

TEST(PerfEvents, AreTheCountersOfTheUnitUnderOtherNames) {
  Bench b(Bench::defaults(), 3);  // three reads per walk; a hit in the walk cache leaves one
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x3000);
  b.requester.read(Time::us(2), 0x4000);
  b.requester.read(Time::us(3), 0x5000);  // not present
  b.run(Time::us(4));
  const Json perf = metrics(b)["perf"];
  EXPECT_EQ(value(perf, "iommu_requests"), 4);
  EXPECT_EQ(value(perf, "iotlb_lookup"), 4);
  EXPECT_EQ(value(perf, "iotlb_hit"), 1);
  EXPECT_EQ(value(perf, "ctxt_cache_lookup"), 4);
  EXPECT_EQ(value(perf, "ctxt_cache_hit"), 3);
  EXPECT_EQ(value(perf, "ss_nonleaf_lookup"), 3);
  EXPECT_EQ(value(perf, "ss_nonleaf_hit"), 2);
  EXPECT_EQ(value(perf, "fs_nonleaf_lookup"), 0);
  EXPECT_EQ(value(perf, "iommu_mrds"), 1 + 3 + 1 + 1) << "a context, a whole walk, two that the walk cache shortens";
  EXPECT_EQ(value(perf, "pw_occupancy"), 400 + 100 + 100) << "nanoseconds: 100 per read";
  EXPECT_EQ(value(perf, "pasid_cache_lookup"), 0);
  EXPECT_EQ(value(perf, "ats_blocked"), 0);
}

TEST(PerfEvents, EventsOfTheRiscvMonitorAreCountedForEveryArchitecture) {
  Bench b(Bench::defaults(), 3);
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x3000);
  b.requester.read(Time::us(2), 0x4000);
  b.requester.read(Time::us(3), 0x4000, base::SourceId(16));  // passes through
  b.run(Time::us(4));
  const Json hpm = metrics(b)["hpm"];
  EXPECT_EQ(value(hpm, "untranslated_requests"), 4);
  EXPECT_EQ(value(hpm, "tlb_misses"), 2);
  EXPECT_EQ(value(hpm, "ddt_walks"), 2);
  EXPECT_EQ(value(hpm, "pdt_walks"), 0);
  EXPECT_EQ(value(hpm, "translation_requests"), 0);
}

TEST(PerfEvents, AWindowStartsThemAfresh) {
  Bench b;
  b.requester.read(Time::ns(10), 0x3000);
  b.run(Time::us(1));
  b.simulation.stats.reset(Time::us(1));
  b.requester.read(Time::us(1), 0x3000);
  b.run(Time::us(2));
  const Json unit = metrics(b);
  EXPECT_EQ(value(unit["perf"], "iommu_requests"), 1);
  EXPECT_EQ(value(unit["perf"], "iommu_mrds"), 0);
  EXPECT_EQ(value(unit["perf"], "pw_occupancy"), 0);
  EXPECT_EQ(value(unit["hpm"], "untranslated_requests"), 1);
  EXPECT_EQ(value(unit["hpm"], "ddt_walks"), 0);
}

TEST(PerfEvents, TheDocumentationNamesAllOfThemAndNoOthers) {
  std::ifstream file(std::string(IOMMUSIM_SOURCE_DIR) + "/models/iommu/core/METRICS.md");
  ASSERT_TRUE(file) << "no METRICS.md";
  std::set<std::string> documented[2];
  int section = -1;
  const std::regex name("`([a-z_0-9]+)`");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("## ", 0) == 0)
      section = line.find("Linux perf") != line.npos ? 0 : line.find("RISC-V") != line.npos ? 1 : -1;
    if (section < 0 || line.rfind("| `", 0) != 0) continue;
    const std::string first = line.substr(0, line.find('|', 1));
    for (std::sregex_iterator it(first.begin(), first.end(), name), end; it != end; ++it)
      documented[section].insert((*it)[1]);
  }
  Bench b;
  const Json unit = metrics(b);
  const char* const group[] = {"perf", "hpm"};
  for (int i = 0; i < 2; ++i) {
    std::set<std::string> registered;
    for (const auto& item : unit[group[i]].items()) registered.insert(item.key());
    EXPECT_EQ(registered, documented[i]) << group[i];
  }
}

TEST(FaultReasons, AreCountedByNumberOnceTheyOccur) {
  Bench b;
  b.requester.read(Time::ns(10), 0x5000);
  b.requester.write(Time::us(1), 0x6000);
  b.requester.write(Time::us(2), 0x6000);
  b.requester.read(Time::us(3), 0x3000, base::SourceId(24));
  b.run(Time::us(4));
  const Json reason = metrics(b)["faults"]["reason"];
  EXPECT_EQ(reason.size(), 3u);
  EXPECT_EQ(value(reason, "5"), 1) << "not present";
  EXPECT_EQ(value(reason, "6"), 2) << "no permission";
  EXPECT_EQ(value(reason, "2"), 1) << "no context";
}

TEST(RequesterStats, AreKeptPerPasidForTheFirstSixtyFour) {
  Bench b;
  b.requester.prepare = [](std::size_t i, tlm::Payload& p) {
    tlm::dma(p).has_pasid = i < 100;
    tlm::dma(p).pasid = base::Pasid(i < 100 ? static_cast<std::uint32_t>(1 + i % 80) : 0);
  };
  for (unsigned i = 0; i < 103; ++i) b.requester.read(Time::us(1 + i), i == 5 ? 0x5000 : 0x3000);
  b.run();
  const Json device = metrics(b)["requester"]["0000:00:01.0"];
  EXPECT_EQ(value(device, "requests"), 103);
  EXPECT_EQ(device["pasid"].size(), 64u);
  EXPECT_EQ(value(device["pasid"]["1"], "requests"), 2) << "requests 0 and 80";
  EXPECT_EQ(value(device["pasid"]["1"], "iotlb_hits"), 1) << "request 0 missed";
  EXPECT_EQ(value(device["pasid"]["6"], "faults"), 1);
  EXPECT_EQ(value(device["pasid"]["64"], "requests"), 1);
  EXPECT_EQ(device["pasid"].count("65"), 0u);
}

}  // namespace
}  // namespace iommusim::test
