// Buffers mapped for each DMA, in a whole machine: what it costs under which domain type, and that nothing faults.
#include <gtest/gtest.h>

#include "tests/support/in_child.h"
#include "tests/support/machine.h"

namespace iommusim::test {
namespace {

using Kind = iommu::Invalidation::Kind;

const char* const kText = R"(schema: 1
platform:
  cores: [{name: cpu0}, {name: cpu1}]
  endpoints: [{name: a, bdf: "01:00.0"}, {name: b, bdf: "02:00.0"}]
  iommu: {architecture: {type: vtd}}
workloads:
  - endpoint: a
    domain: {type: DMA}
    buffer: {size: 1 MiB, mapping: per_dma}
    traffic: {type: generator, count: 1000, window: 8,
              streams: [{reads: 50 %, misalignment: 1000 B, pattern: {type: random}, size: {type: fixed, bytes: 4 KiB}}]}
)";

const Machine::Overrides kLazy{"workloads[0].domain.type=DMA-FQ"};
const Machine::Overrides kOpen{"workloads[0].traffic.loop=open", "workloads[0].traffic.gaps=constant"};

Machine::Overrides with(Machine::Overrides a, const Machine::Overrides& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::uint64_t faults(const Machine& m) {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : m.metrics()["iommu"]["faults"].items()) sum += count["value"].get<std::uint64_t>();
  return sum;
}

void expect_no_fault(const Machine& m) {
  for (const auto& e : m.platform.endpoints()) {
    const ep::DmaEngineStats& s = e->dma.counters();
    EXPECT_EQ(s.failed_unsupported.value() + s.failed_abort.value() + s.failed_timeout.value(), 0u);
  }
  EXPECT_EQ(faults(m), 0u);
}

std::size_t mappings(Machine& m) { return m.platform.driver()->domain_of(m.source())->iovas.allocations(); }

TEST(BufferMapping, StrictIssuesOnePageSelectiveInvalidationAndOneWaitPerDma) {
  Machine m(kText);
  m.finish();
  host::InvalidationQueue& queue = m.platform.driver()->queue();
  EXPECT_EQ(m.platform.completed(), 1000u);
  EXPECT_EQ(queue.submitted(Kind::iotlb_pages), 1000u);
  EXPECT_EQ(queue.submitted(Kind::wait), 1000u);
  EXPECT_EQ(queue.submitted(Kind::iotlb_domain), 0u);
  EXPECT_EQ(m.count("iommu_driver.maps"), 1000u);
  EXPECT_EQ(m.count("iommu_driver.unmaps"), 1000u);
  EXPECT_EQ(m.count("cpu0.tasks"), 2000u);
  EXPECT_EQ(m.count("cpu0.mmio_writes"), 1000u);
  EXPECT_EQ(mappings(m), 0u);
  expect_no_fault(m);
}

TEST(BufferMapping, LazyIssuesOneDomainFlushPerFullQueueAndOneAtTheTimer) {
  Machine m(kText, kLazy);
  m.finish();
  host::InvalidationQueue& queue = m.platform.driver()->queue();
  // A ring of 256 holds 255 ranges: unmaps 256, 511 and 766 find it full.
  EXPECT_EQ(queue.submitted(Kind::iotlb_domain), 3u);
  EXPECT_EQ(queue.submitted(Kind::wait), 3u);
  EXPECT_EQ(queue.submitted(Kind::iotlb_pages), 0u);
  EXPECT_LT(m.now(), Time::ms(5)) << "ranges that wait for the timer do not keep the machine busy";
  EXPECT_EQ(mappings(m), 1000u - 3 * 255);
  m.run_for(Time::ms(10));
  m.settle();
  EXPECT_EQ(queue.submitted(Kind::iotlb_domain), 4u);
  EXPECT_EQ(mappings(m), 0u);
  expect_no_fault(m);
}

TEST(BufferMapping, LazyWithoutAFullQueueFlushesTenMillisecondsAfterTheFirstUnmap) {
  Machine m(kText, with(kLazy, {"workloads[0].traffic.count=255"}));
  m.finish();
  host::InvalidationQueue& queue = m.platform.driver()->queue();
  EXPECT_EQ(queue.submitted(Kind::iotlb_domain), 0u);
  EXPECT_EQ(mappings(m), 255u);
  m.run_for(Time::ms(10) - m.now());
  EXPECT_EQ(queue.submitted(Kind::iotlb_domain), 0u) << "the first unmap was later than time zero";
  m.run_for(Time::us(100));
  EXPECT_EQ(queue.submitted(Kind::iotlb_domain), 1u);
  EXPECT_EQ(mappings(m), 0u);
}

Work metrics_of(const Machine::Overrides& o, tlm::Scheduler::Kind kind = tlm::Scheduler::Kind::wheel) {
  return [=]() -> Json {
    Machine m(kText, o, kind);
    m.finish();
    Json result = m.metrics();
    result.erase("scheduler");
    result["end"] = m.now().ps();
    return result;
  };
}

TEST(BufferMapping, CostsNothingWhereNothingIsTranslated) {
  for (const char* machine : {"platform.iommu.present=false", "workloads[0].domain.type=identity"}) {
    const auto r = in_children({metrics_of({machine}), metrics_of({machine, "workloads[0].buffer.mapping=premapped"})});
    EXPECT_EQ(r[0], r[1]) << machine;
    EXPECT_EQ(r[0]["cpu0"]["tasks"]["value"], 0);
  }
}

TEST(BufferMapping, IsDeterministicUnderEitherScheduler) {
  for (const auto& o : {Machine::Overrides{}, kLazy}) {
    const auto r = in_children({metrics_of(o), metrics_of(o), metrics_of(o, tlm::Scheduler::Kind::stage_events)});
    EXPECT_EQ(r[0], r[1]);
    EXPECT_EQ(r[0], r[2]);
  }
}

TEST(BufferMapping, PremappedBuffersNeedNoCore) {
  Machine m(kText, {"workloads[0].buffer.mapping=premapped"});
  m.finish();
  EXPECT_EQ(m.count("cpu0.tasks"), 0u);
  EXPECT_EQ(m.platform.driver()->queue().submitted(Kind::wait), 0u);
}

TEST(BufferMapping, TheCoreNamedDoesTheWork) {
  Machine m(kText, {"workloads[0].buffer.core=cpu1"});
  m.finish();
  EXPECT_EQ(m.count("cpu0.tasks"), 0u);
  EXPECT_EQ(m.count("cpu1.tasks"), 2000u);
}

TEST(BufferMapping, ALatencyIsNoShorterThanTheWaitForTheMapping) {
  Machine m(kText, {"workloads[0].traffic.window=1"});
  m.finish();
  EXPECT_GT(m.number("a.mapping.wait", "min"), 0);
  EXPECT_GE(m.number("a.dma.read.breakdown.issue_wait", "mean"), m.number("a.mapping.wait", "min"));
}

TEST(BufferMapping, ABacklogOfAnOpenLoopIsACountNotMappings) {
  // A DMA takes the core several hundred nanoseconds; one is offered every hundred.
  Machine m(kText, with(kOpen, {"workloads[0].traffic.rate=10 M/s", "platform.endpoints[0].dma.dmas=4"}));
  m.finish();
  EXPECT_EQ(m.platform.completed(), 1000u);
  EXPECT_LE(m.number("a.mapping.buffers", "max"), 12) << "four ahead, four in the engine, some not yet unmapped";
  const double end = static_cast<double>(m.now().ps());
  EXPECT_GT(end, 2 * 1000 * 100e3) << "behind the offer";
  EXPECT_NEAR(m.number("a.dma.read.latency", "max"), end - 1000 * 100e3, 0.1 * end)
      << "the last DMA was meant to start after 100 us: its latency counts from there";
  expect_no_fault(m);
}

TEST(BufferMapping, AnOpenLoopWithinTheCoresReachHasNoBacklog) {
  Machine m(kText, with(kOpen, {"workloads[0].traffic.rate=200 k/s"}));
  m.finish();
  EXPECT_LT(m.number("a.dma.read.latency", "max"), 5e6);
  EXPECT_EQ(m.number("a.mapping.buffers", "max"), 1);
}

TEST(BufferMapping, AStoppedWorkloadUnmapsWhatItHasMapped) {
  for (const auto& o : {Machine::Overrides{}, with(kOpen, {"workloads[0].traffic.rate=100 M/s"})}) {
    const Json r = in_child([o]() -> Json {
      Machine m(kText, with(o, {"workloads[0].traffic.count=unbounded", "platform.endpoints[0].dma.tags=1"}));
      m.run_for(Time::us(50));
      const std::size_t before = mappings(m);
      const bool busy = !m.platform.quiescent();
      m.platform.stop_issuing();
      m.settle();
      return {{"before", before},
              {"busy", busy},
              {"after", mappings(m)},
              {"invalidations", m.platform.driver()->queue().submitted(Kind::iotlb_pages)},
              {"maps", m.count("iommu_driver.maps")},
              {"faults", faults(m)}};
    });
    EXPECT_GT(r["before"], 0);
    EXPECT_EQ(r["busy"], true);
    EXPECT_EQ(r["after"], 0);
    EXPECT_EQ(r["invalidations"], r["maps"]);
    EXPECT_EQ(r["faults"], 0);
  }
}

TEST(BufferMapping, TwoEndpointsShareACore) {
  Machine m(R"(schema: 1
platform:
  endpoints: [{name: a, bdf: "01:00.0"}, {name: b, bdf: "02:00.0"}]
  iommu: {architecture: {type: vtd}}
workloads:
  - endpoint: a
    domain: {type: DMA}
    buffer: {size: 1 MiB, mapping: per_dma, placement: scattered}
    traffic: {type: generator, count: 300, window: 8, streams: [{pattern: {type: random}, size: {type: fixed, bytes: 9000 B}}]}
  - endpoint: b
    domain: {type: DMA-FQ}
    buffer: {size: 4 MiB, page_size: 2 MiB, mapping: per_dma}
    traffic: {type: generator, count: 300, window: 8, streams: [{reads: 0 %, pattern: {type: random}, size: {type: fixed, bytes: 1500 B}}]}
)");
  m.finish();
  EXPECT_EQ(m.platform.completed(), 600u);
  EXPECT_EQ(m.count("cpu0.tasks"), 1200u);
  host::InvalidationQueue& queue = m.platform.driver()->queue();
  EXPECT_EQ(queue.submitted(Kind::iotlb_pages), 300u);
  EXPECT_EQ(queue.submitted(Kind::iotlb_domain), 1u) << "unmap 256 of the lazy one";
  expect_no_fault(m);
}

TEST(BufferMapping, BootByACoreIsFollowedByMappingsOfTheSameCore) {
  Machine m(kText, {"platform.iommu.driver.boot=timed"});
  m.finish();
  EXPECT_EQ(m.platform.completed(), 1000u);
  EXPECT_EQ(m.count("cpu0.tasks"), 2001u);
  EXPECT_EQ(mappings(m), 0u);
  expect_no_fault(m);
}

}  // namespace
}  // namespace iommusim::test
