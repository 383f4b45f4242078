// The elaborated machine: what is bound to what, and what boot leaves in memory.
#include "platforms/platform.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "models/base/bdf.h"
#include "models/base/config/config.h"

namespace iommusim::platforms {
namespace {

using base::Time;

struct Description {
  PlatformConfig platform;
  std::vector<WorkloadUseConfig> workloads;
  static const base::Fields<Description>& fields() {
    static const auto f = base::Fields<Description>("test", "a machine and what it does")
                              .object("platform", &Description::platform, "machine")
                              .list("workloads", &Description::workloads, "work");
    return f;
  }
};

const char* const kMachine = R"(schema: 1
platform:
  endpoints: [{name: a, bdf: "01:00.0"}, {name: b, bdf: "02:00.0"}]
  iommu: {architecture: {type: vtd}}
workloads:
  - endpoint: b
    domain: {type: DMA}
    buffer: {size: 256 KiB, placement: scattered}
    traffic: {type: generator, count: 100, write_done: visible,
              streams: [{reads: 50 %, pattern: {type: random}, size: {type: fixed, bytes: 256 B}}]}
)";

struct Machine {
  explicit Machine(const std::string& text = kMachine) : Machine(base::parse_config<Description>(text)) {}
  explicit Machine(const Description& d) : platform(simulation, d.platform, d.workloads) {
    ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
    platform.boot();
  }
  void finish() {
    while (!platform.monitor().finished()) {
      ASSERT_NE(simulation.scheduler.run_until(simulation.scheduler.now() + Time::us(100)),
                tlm::Scheduler::RunResult::idle)
          << platform.holders();
    }
  }
  tlm::Simulation simulation;
  Platform platform;
};

std::string with(const std::string& from, const std::string& to) {
  std::string text = kMachine;
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(Platform, WorkloadFinishesAndLeavesNothingInFlight) {
  Machine m;
  m.finish();
  EXPECT_EQ(m.platform.monitor().completed(), 100u);
  EXPECT_TRUE(m.platform.quiescent()) << m.platform.holders();
  const auto& stats = m.platform.endpoints()[1]->dma.counters();
  EXPECT_EQ(stats.reads.value() + stats.writes.value(), 100u);
  EXPECT_EQ(stats.failed_unsupported.value() + stats.failed_abort.value(), 0u);
  EXPECT_EQ(m.platform.endpoints()[0]->dma.counters().reads.value(), 0u);
}

TEST(Platform, WalksShownAreTheReadsThatMemoryCounted) {
  Machine m;
  m.finish();
  const base::Group& root = m.simulation.stats;
  const auto reads = root.to_json(m.simulation.scheduler.now());
  EXPECT_GT(reads["iommu"]["walker"]["reads"]["value"].get<std::uint64_t>(), 40u)
      << "at least the leaf entries of the pages touched";
  EXPECT_EQ(reads["iommu"]["walker"]["reads"]["value"], reads["memory"]["walk"]["reads"]["value"]);
}

TEST(Platform, ScatteredBufferIsMappedPageByPageToDistinctFrames) {
  Machine m;
  auto* domain = m.platform.driver()->domain_of(base::make_source_id(0, base::make_bdf(2, 0, 0)));
  ASSERT_NE(domain, nullptr);
  EXPECT_EQ(domain->type, host::DomainType::dma);
  const std::uint64_t top = 1ull << 32;  // addresses are given downward from 4 GiB
  std::set<std::uint64_t> frames;
  for (std::uint64_t page = 1; page <= 64; ++page) {
    const auto t = domain->tables->lookup(m.platform.driver()->instant_memory(), base::Iova(top - page * 4096));
    ASSERT_TRUE(t.has_value()) << page;
    EXPECT_EQ(t->size_log2, 12);
    frames.insert(t->output.value());
  }
  EXPECT_EQ(frames.size(), 64u);
  EXPECT_FALSE(domain->tables->lookup(m.platform.driver()->instant_memory(), base::Iova(top - 65 * 4096)).has_value());
}

TEST(Platform, EndpointWithoutWorkloadHasNoDomain) {
  Machine m;
  EXPECT_EQ(m.platform.driver()->domain_of(base::make_source_id(0, base::make_bdf(1, 0, 0))), nullptr);
}

TEST(Platform, WithoutAnIommuAddressesArePhysical) {
  Machine m(with("iommu: {", "iommu: {present: false, "));
  m.finish();
  EXPECT_EQ(m.platform.unit(), nullptr);
  EXPECT_EQ(m.platform.endpoints()[1]->dma.counters().failed_unsupported.value(), 0u);
  EXPECT_EQ(m.platform.memory().reads(tlm::Traffic::walk), 0u);
}

TEST(Platform, IdentityDomainWalksNoPageTables) {
  Machine m(with("type: DMA", "type: identity"));
  m.finish();
  EXPECT_EQ(m.platform.monitor().completed(), 100u);
  EXPECT_EQ(m.platform.memory().reads(tlm::Traffic::walk), 2u) << "root entry and context entry";
}

TEST(Platform, CoreReachesEndpointRegistersThroughTheRootComplex) {
  Machine m;
  Endpoint& a = *m.platform.endpoints()[0];
  std::uint64_t value = 0;
  Time took;
  m.platform.core(0).submit([&](host::CpuCore& core) {
    core.mmio_write(a.registers.base(), 0x1234, 4);
    const Time start = core.now();
    value = core.mmio_read(a.registers.base(), 4);
    took = core.now() - start;
  });
  m.finish();
  EXPECT_EQ(value, 0x1234u);
  EXPECT_GT(took, Time()) << "two crossings of the link";
}

TEST(Platform, CoreReachesTheRegistersOfTheIommu) {
  Machine m;
  std::uint64_t version = 0;
  m.platform.core(0).submit([&](host::CpuCore& core) { version = core.mmio_read(base::Hpa(0xfed90000), 4); });
  m.finish();
  EXPECT_EQ(version, m.platform.unit()->architecture().read_register(0, 4));
  EXPECT_NE(version & 0xff, 0xffu);
}

TEST(Platform, StoppedWorkloadDrains) {
  Machine m(with("count: 100, ", ""));
  m.simulation.scheduler.run_until(Time::us(5));
  EXPECT_FALSE(m.platform.quiescent());
  EXPECT_NE(m.platform.holders().find("b.dma"), std::string::npos);
  m.platform.stop_issuing();
  m.simulation.scheduler.run_until(Time::us(50));
  EXPECT_TRUE(m.platform.quiescent()) << m.platform.holders();
  EXPECT_EQ(m.platform.holders(), "");
}

TEST(Platform, MonitorStopsAtExactlyTheDmaAskedFor) {
  Machine m;
  m.platform.monitor().stop_at(37);
  EXPECT_EQ(m.simulation.scheduler.run_until(Time::ms(1)), tlm::Scheduler::RunResult::stopped);
  EXPECT_EQ(m.platform.monitor().completed(), 37u);
  EXPECT_TRUE(m.platform.monitor().reached());
}

}  // namespace
}  // namespace iommusim::platforms
