// An idle 64-byte read through a whole machine, worked out by hand: with no unit on the path, under pass-through, and
// on an IOTLB hit. The three differ by the lookups alone (DESIGN section 9).
#include <gtest/gtest.h>

#include "models/pcie/tlp.h"
#include "tests/support/machine.h"

namespace iommusim::test {
namespace {

// Every latency on the path is another prime number of nanoseconds, so that no mistake cancels out. Addresses count as
// 64-bit ones always: a physical address above 4 GiB would otherwise be four bytes longer on the wire than a translated
// one below.
const char* const kMachine = R"(schema: 1
platform:
  memory: {dram: {latency: 83 ns}, llc: {size: 0 B}}
  root_complex: {request_latency: 41 ns, completion_latency: 43 ns}
  endpoints:
    - name: a
      bdf: "01:00.0"
      link:
        {generation: 3, width: 8, propagation: 5 ns, accounting: pcie_bench,
         ack_interval: 0 B, fc_interval: 0 B, skip_interval: 0 B}
      dma: {issue_latency: 61 ns, completion_latency: 67 ns}
  iommu:
    architecture: {type: vtd}
    unit: {context_latency: 3 ns, iotlb_latency: 7 ns}
)";
constexpr Hpa kMemory{std::uint64_t{4} << 30};

// Gen3 x8: 8 GT/s on 8 lanes with 128b/130b is 64 Gb/s * 128/130 = 63.0169 Gb/s, a byte every 8 * 130 / (64 * 128) ns =
// 126.953125 ps.
constexpr std::uint64_t wire_ps(std::uint64_t bytes) { return (bytes * 126953125 + 999999) / 1000000; }

// Request: 8 bytes of framing and 16 of header. Completion: 8 and 12, and 64 of payload.
const std::uint64_t kPath = (61 + 5 + 41 + 83 + 43 + 5 + 67) * 1000 + wire_ps(24) + wire_ps(84);

std::string without_unit() {
  std::string text = kMachine;
  const std::string at = "architecture";
  return text.replace(text.find(at), at.size(), "present: false\n    architecture");
}

TEST(MachineLatency, WithNoUnitOnThePath) {
  Machine m(without_unit());
  EXPECT_EQ(m.read(Iova(kMemory.value())).latency().ps(), kPath);
}

TEST(MachineLatency, PassThroughAddsTheContextLookup) {
  Machine m(kMachine);
  const Iova at = m.map(host::DomainType::identity, kMemory, 4096);
  m.read(at);  // reads root and context entry
  const Dma& dma = m.read(at);
  EXPECT_EQ(dma.latency().ps(), kPath + 3000);
  EXPECT_FALSE(dma.result.remapped.translated);
}

TEST(MachineLatency, AHitAddsTheContextAndTheIotlbLookup) {
  Machine m(kMachine);
  const Iova at = m.map(host::DomainType::dma, kMemory, 4096);
  m.read(at);
  const Dma& dma = m.read(at + 64);
  EXPECT_EQ(dma.latency().ps(), kPath + 3000 + 7000);
  EXPECT_TRUE(dma.result.remapped.iotlb_hit);
}

TEST(MachineLatency, AMissAddsItsDependentReads) {
  Machine m(kMachine);
  const Iova at = m.map(host::DomainType::dma, kMemory, 2 * 4096);
  EXPECT_EQ(m.read(at).latency().ps(), kPath + 3000 + 7000 + 6 * 83000) << "root, context, four levels";
  EXPECT_EQ(m.read(at + 4096).latency().ps(), kPath + 3000 + 7000 + 83000) << "the level-1 table is in the walk cache";
}

TEST(MachineLatency, AnotherDevicesWalkDoesNotDelayAHit) {
  std::string text = kMachine;
  const std::string from = "  iommu:\n";
  text.replace(text.find(from), from.size(), "    - {name: b, bdf: \"02:00.0\"}\n  iommu:\n");
  Machine m(text);
  const Iova a = m.map(host::DomainType::dma, kMemory, 4096, 0);
  const Iova b = m.map(host::DomainType::dma, kMemory + 4096, 4096, 1);
  m.read(a);
  m.start(b, 64, false, nullptr, 1);  // walks, with walkers to spare
  EXPECT_EQ(m.read(a + 64).latency().ps(), kPath + 3000 + 7000);
}

// The memory's figure is the last-level cache's when the line is there.
TEST(MachineLatency, LastLevelCacheHitsTakeItsLatency) {
  Machine m(without_unit(), {"platform.memory.llc.size=20 MiB", "platform.memory.llc.latency=29 ns",
                             "platform.memory.llc.dma_reads_allocate=true"});
  EXPECT_EQ(m.read(Iova(kMemory.value())).latency().ps(), kPath);
  EXPECT_EQ(m.read(Iova(kMemory.value())).latency().ps(), kPath - 83000 + 29000);
}

}  // namespace
}  // namespace iommusim::test
