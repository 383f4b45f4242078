// Stale hits of whole machines: software unmaps by policy, devices go on using what they had. Exact counts.
#include <gtest/gtest.h>

#include "tests/support/machine.h"

namespace iommusim::test {
namespace {

using host::CpuCore;
using host::DomainType;

constexpr Hpa kBuffer{std::uint64_t{4} << 30};
const char* const kMachine = R"(schema: 1
platform:
  cores: [{name: cpu0}, {name: cpu1}]
  endpoints: [{name: a, bdf: "01:00.0"}, {name: b, bdf: "02:00.1"}]
  iommu: {architecture: {type: vtd}, unit: {stale_hit_oracle: true}}
)";

struct StaleHits : ::testing::TestWithParam<const char*> {
  Machine m{kMachine, {std::string("platform.iommu.architecture.type=") + GetParam()}};

  host::DmaDomain& domain() { return *m.platform.driver()->domain_of(m.source()); }
  std::uint64_t during() const { return m.count("iommu.stale_hits.during_unmap"); }
  std::uint64_t after() const { return m.count("iommu.stale_hits.after_unmap"); }
  /// A figure of the first device's own group.
  std::uint64_t of_device(const char* figure) const {
    return m.metrics()["iommu"]["requester"]["0000:01:00.0"]["stale_hits"][figure]["value"].get<std::uint64_t>();
  }
  void unmap(Iova at, std::uint64_t bytes) {
    m.task([&](CpuCore& core) { m.platform.driver()->unmap(core, domain(), at, bytes); });
  }
  /// DMAs of endpoint 0, one every 20 ns, while `task` runs; all answered at its end.
  void under_fire(Iova at, const CpuCore::Task& task) {
    bool done = false;
    m.platform.core(0).submit([&](CpuCore& core) {
      task(core);
      done = true;
    });
    while (!done) {
      m.start(at, 64, false);
      m.run_for(Time::ns(20));
    }
    m.settle();
  }
};

TEST_P(StaleHits, LazySoftwareLeavesAHoleUntilTheFlush) {
  const Iova at = m.map(DomainType::dma_fq, kBuffer, 2 * 4096);
  m.read(at);
  EXPECT_EQ(after(), 0u);
  unmap(at, 2 * 4096);
  for (int i = 0; i < 5; ++i) m.read(at + 64 * i);
  m.write(at);
  m.read(at + 4096);  // not in the IOTLB: faults
  EXPECT_EQ(after(), 6u);
  EXPECT_EQ(during(), 0u) << "the call had returned";
  EXPECT_EQ(of_device("after_unmap"), 6u);
  m.task([&](CpuCore& core) { m.platform.driver()->flush(core); });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::unsupported_request);
  EXPECT_EQ(after(), 6u);
}

TEST_P(StaleHits, ALazyDeviceMayUseMemoryThatBelongsToAnotherByThen) {
  const Iova old = m.map(DomainType::dma_fq, kBuffer, 4096);
  m.read(old);
  unmap(old, 4096);
  Iova mine;
  m.task([&](CpuCore& core) {
    mine = m.platform.driver()->map(core, domain(), {{kBuffer, 4096}}, iommu::kRead);  // the page has a new owner
  });
  EXPECT_NE(mine, old) << "its address waits for the flush";
  unsigned char word[8] = {1, 2, 3};
  EXPECT_EQ(m.write(old, 8, word).result.status, tlm::CompletionStatus::ok);
  EXPECT_EQ(m.platform.memory().contents().read64(kBuffer), 0x030201u) << "nothing stops it";
  EXPECT_EQ(after(), 1u);
}

TEST_P(StaleHits, StrictSoftwareLeavesNone) {
  const Iova at = m.map(DomainType::dma, kBuffer, 16 * 4096);
  for (int i = 0; i < 16; ++i) m.read(at + 4096 * i);
  for (int i = 0; i < 16; ++i) {
    unmap(at + 4096 * i, 4096);
    m.read(at + 4096 * i);
  }
  EXPECT_EQ(after(), 0u);
  EXPECT_EQ(during(), 0u) << "no DMA ran meanwhile";
}

TEST_P(StaleHits, WhileAStrictUnmapIsUnderWayItsMappingMayStillBeUsed) {
  const Iova at = m.map(DomainType::dma, kBuffer, 4096);
  m.read(at);
  under_fire(at, [&](CpuCore& core) { m.platform.driver()->unmap(core, domain(), at, 4096); });
  EXPECT_GT(during(), 0u);
  EXPECT_EQ(after(), 0u);
  EXPECT_EQ(m.count("iommu.stale_walks.after_unmap"), 0u);
  EXPECT_EQ(of_device("during_unmap"), during());
}

TEST_P(StaleHits, ADeviceBeingDetachedIsInTheFirstWindowOnly) {
  const Iova at = m.map(DomainType::dma, kBuffer, 4096);
  m.read(at);
  under_fire(at, [&](CpuCore& core) { m.platform.driver()->detach(core, m.source()); });
  EXPECT_GT(during(), 0u);
  EXPECT_EQ(after(), 0u);
}

TEST_P(StaleHits, RemappingTheSameAddressAfterAStrictUnmapLeavesNoneEither) {
  const Iova at = m.map(DomainType::dma, kBuffer, 4096);
  m.read(at);
  under_fire(at, [&](CpuCore& core) {
    for (unsigned i = 1; i <= 8; ++i) {
      m.platform.driver()->unmap(core, domain(), at, 4096);
      ASSERT_EQ(m.platform.driver()->map(core, domain(), {{kBuffer + 4096 * i, 4096}}, iommu::kReadWrite), at);
    }
  });
  EXPECT_GT(during(), 0u);
  EXPECT_EQ(after(), 0u);
}

TEST_P(StaleHits, ClearingTablesWithoutAnInvalidationIsAHoleForGood) {
  const Iova at = m.map(DomainType::unmanaged, kBuffer, 4096);
  m.read(at);
  m.task([&](CpuCore& core) { m.platform.driver()->unmap_tables(core, domain(), at, 4096); });
  m.run_for(Time::ms(50));
  for (int i = 0; i < 3; ++i) m.read(at);
  EXPECT_EQ(after(), 3u);
  EXPECT_EQ(during(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Architectures, StaleHits, ::testing::Values("vtd", "riscv"),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace iommusim::test
