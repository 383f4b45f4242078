// How many memory reads a page walk takes and that each waits for the one before (VT-d 4.0 section 3.7: one entry per
// level), on a real VT-d unit over a memory of constant latency, then in a whole machine.
#include <gtest/gtest.h>

#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/driver.h"
#include "models/iommu/core/remapping_unit.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/machine.h"
#include "tests/support/requester.h"

namespace iommusim::test {
namespace {

constexpr Time kRead = Time::ns(100);
constexpr std::uint64_t kAddressBits = 0x000ffffffffff000;  // of an entry: where the next table is
constexpr base::SourceId kDevice{0x0018};

/// Level of tables and log2 of the page; reads of a cold walk.
struct Case {
  unsigned levels;
  unsigned page_log2;
  unsigned reads;
};
std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return "Levels" + std::to_string(info.param.levels) +
         (info.param.page_log2 == 12   ? "Page4K"
          : info.param.page_log2 == 21 ? "Page2M"
                                       : "Page1G");
}
const auto kCases = ::testing::Values(Case{3, 12, 3}, Case{3, 21, 2}, Case{3, 30, 1}, Case{4, 12, 4}, Case{4, 21, 3},
                                      Case{4, 30, 2}, Case{5, 12, 5}, Case{5, 21, 4}, Case{5, 30, 3});

/// Tables written straight into the memory of a test.
class Tables : public iommu::TableMemory {
 public:
  explicit Tables(FixedMemory& memory) : memory_(memory) {}
  std::uint64_t read64(Hpa a) override { return memory_.word(a.value()); }
  void write64(Hpa a, std::uint64_t v) override { memory_.set_word(a.value(), v); }
  Hpa allocate(std::uint64_t bytes) override {
    next_ = (next_ + bytes - 1) / bytes * bytes;
    const Hpa block(next_);
    next_ += bytes;
    return block;
  }
  void release(Hpa, std::uint64_t) override {}

 private:
  FixedMemory& memory_;
  std::uint64_t next_ = 1 << 20;
};

struct Bench {
  explicit Bench(const iommu::RemappingUnitConfig& config = {})
      : unit("unit", simulation.context, config, architecture.make_architecture(), 1),
        memory("memory", simulation.context, kRead, 2),
        device("device", simulation.context),
        tables(memory),
        driver(architecture.make_driver()) {
    device.port.bind(unit.upstream(0));
    unit.downstream.bind(memory.port(0));
    unit.walk.bind(memory.port(1));
    sink.port.bind(unit.registers);
    ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
    for (const auto& list : {driver->set_up(tables, 256), driver->enable(false)}) {
      for (const auto& w : list) (void)unit.architecture().write_register(w.offset, w.bytes, w.value);
    }
  }
  std::unique_ptr<iommu::PageTables> attach(unsigned levels) {
    auto made = driver->create_tables(tables, iommu::DomainGeometry{static_cast<std::uint8_t>(levels)});
    driver->attach(tables, kDevice, base::DomainId(7), made.get());
    return made;
  }
  /// Accesses of the unit's own, in order.
  std::vector<FixedMemory::Access> walks() const {
    std::vector<FixedMemory::Access> found;
    for (const auto& a : memory.accesses) {
      if (a.traffic == tlm::Traffic::walk) found.push_back(a);
    }
    return found;
  }

  static iommu::vtd::VtdConfig all_depths() {
    iommu::vtd::VtdConfig c;
    c.table_levels = {3, 4, 5};
    return c;
  }
  const iommu::vtd::VtdConfig architecture = all_depths();
  tlm::Simulation simulation;
  iommu::RemappingUnit unit;
  FixedMemory memory;
  Requester device;
  Requester sink{"sink", simulation.context};  // of the register port
  Tables tables;
  std::unique_ptr<iommu::Driver> driver;
};

class WalkReads : public ::testing::TestWithParam<Case> {};

TEST_P(WalkReads, EachReadFollowsTheResponseOfTheOneBeforeAndReadsWhereThatOnePointed) {
  const Case& c = GetParam();
  iommu::RemappingUnitConfig config;
  config.walk_overhead = Time::ns(7);
  config.walk_step_latency = Time::ns(2);
  Bench b(config);
  const std::uint64_t page = std::uint64_t{1} << c.page_log2;
  const std::uint64_t iova = 5 * (std::uint64_t{1} << 30) + 3 * page * (c.page_log2 < 30), offset = 0x1040;
  const std::uint64_t at = iova + (page > 4096 ? offset : 0x40);
  b.attach(c.levels)->map(b.tables, Iova(iova), Hpa(std::uint64_t{2} << 40), page, iommu::kReadWrite, page);
  const std::size_t r = b.device.read(Time(), at, kDevice);
  b.simulation.scheduler.run_until(Time::us(10));

  ASSERT_TRUE(b.device.sent[r].ok);
  const auto walks = b.walks();
  ASSERT_EQ(walks.size(), 2 + c.reads) << "root entry, context entry, then one entry per level";
  Time expected = config.context_latency + config.iotlb_latency + config.walk_overhead;
  for (std::size_t i = 0; i < walks.size(); ++i) {
    EXPECT_EQ(walks[i].at.ps(), expected.ps()) << "read " << i << " goes out at that picosecond";
    EXPECT_FALSE(walks[i].write);
    expected += kRead + config.walk_step_latency;
  }
  // Pointer chase of the page tables: an entry's address cannot be known before its parent has been read. The context
  // entry's low word names the root of the tables.
  for (std::size_t i = 2; i < walks.size(); ++i) {
    EXPECT_EQ(walks[i].address & kAddressBits, b.memory.word(walks[i - 1].address) & kAddressBits) << "read " << i;
    EXPECT_EQ(walks[i].bytes, 8u);
  }
  // The request itself follows the last read's response, and goes to the page that read named.
  const auto& dma = b.memory.accesses.back();
  EXPECT_EQ(dma.traffic, tlm::Traffic::dma);
  EXPECT_EQ(dma.at.ps(), expected.ps()) << "nothing is added behind the last step";
  EXPECT_EQ(dma.address, (std::uint64_t{2} << 40) + at - iova);
  EXPECT_EQ(b.device.sent[r].fields.walk_reads, 2 + c.reads) << "what the extension shows";
}

TEST_P(WalkReads, WithTheContextCachedOnlyTheTablesAreRead) {
  const Case& c = GetParam();
  iommu::RemappingUnitConfig config;
  config.walk_caches.level1.entries = config.walk_caches.level2.entries = config.walk_caches.level3.entries =
      config.walk_caches.level4.entries = 0;
  Bench b(config);
  const std::uint64_t page = std::uint64_t{1} << c.page_log2;
  const std::uint64_t first = 8 * (std::uint64_t{1} << 30);
  b.attach(c.levels)->map(b.tables, Iova(first), Hpa(std::uint64_t{2} << 40), 2 * page, iommu::kReadWrite, page);
  b.device.read(Time(), first, kDevice);
  const std::size_t second = b.device.read(Time::us(5), first + page, kDevice);
  b.simulation.scheduler.run_until(Time::us(5));
  const std::size_t before = b.walks().size();
  b.simulation.scheduler.run_until(Time::us(10));
  ASSERT_TRUE(b.device.sent[second].ok);
  EXPECT_EQ(b.walks().size() - before, c.reads);
  EXPECT_EQ(b.device.sent[second].fields.walk_reads, c.reads);
  const Time lookup = config.context_latency + config.iotlb_latency;
  EXPECT_EQ(b.device.sent[second].answered_at.ps(), (Time::us(5) + lookup + Time::ps(kRead.ps() * (c.reads + 1))).ps());
}

INSTANTIATE_TEST_SUITE_P(Vtd, WalkReads, kCases, name_of);

// ---- the whole machine

class MachineWalkReads : public ::testing::TestWithParam<Case> {};

TEST_P(MachineWalkReads, NumberShownIsTheNumberThatMemoryCounted) {
  const Case& c = GetParam();
  const unsigned bits = 12 + 9 * c.levels;
  Machine m(R"(schema: 1
platform:
  memory: {llc: {size: 0 B}, dram: {latency: 100 ns}}
  endpoints: [{name: a, bdf: "01:00.0"}]
  iommu:
    architecture: {type: vtd, table_levels: [3, 4, 5], guest_address_bits: )" +
            std::to_string(std::min(bits, 48u)) + R"(}
    unit: {walk_overhead: 0 ns, walk_step_latency: 0 ns}
    driver: {levels: )" +
            std::to_string(c.levels) + "}\n");
  const std::uint64_t page = std::uint64_t{1} << c.page_log2;
  const Iova at = m.map(host::DomainType::dma, Hpa(std::uint64_t{4} << 30), page);
  const Dma& dma = m.read(at);
  ASSERT_EQ(dma.result.status, tlm::CompletionStatus::ok);
  // Root and context entry are read once, apart from the tables.
  EXPECT_EQ(m.count("iommu.walker.reads_context"), 2u);
  EXPECT_EQ(m.count("iommu.walker.reads"), 2 + c.reads);
  EXPECT_EQ(m.platform.memory().reads(tlm::Traffic::walk), 2 + c.reads);
  unsigned by_level = 0;
  for (unsigned level = 1; level <= 5; ++level) {
    const auto reads = m.count("iommu.walker.reads_level" + std::to_string(level));
    const bool walked = level <= c.levels && level > (c.page_log2 - 12) / 9;
    EXPECT_EQ(reads, walked ? 1u : 0u) << "level " << level;
    by_level += static_cast<unsigned>(reads);
  }
  EXPECT_EQ(by_level, c.reads);
  // Dependent: they take their latencies one after the other.
  EXPECT_EQ(m.number("iommu.walker.latency", "max"), static_cast<double>(Time::ns(100).ps() * (2 + c.reads)));
  EXPECT_EQ(m.number("a.dma.read.breakdown.walk", "sum"), static_cast<double>(Time::ns(100).ps() * (2 + c.reads)));
}

INSTANTIATE_TEST_SUITE_P(Vtd, MachineWalkReads, kCases, name_of);

}  // namespace
}  // namespace iommusim::test
