// A RISC-V IOMMU in a whole machine, seen as its driver and its devices see it. Everything goes through memory, MMIO
// and links; nothing is told to the unit out of band.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "models/iommu/arch/riscv/causes.h"
#include "models/iommu/arch/riscv/records.h"
#include "models/iommu/arch/riscv/registers.h"
#include "tests/support/machine.h"

namespace iommusim::test {
namespace {

namespace riscv = iommu::riscv;
using host::CpuCore;
using host::DomainType;

constexpr Hpa kBuffer{std::uint64_t{4} << 30};
constexpr Hpa kRegisters{0xfed90000};
constexpr Iova kNowhere{0x12345000};
const char* const kMachine = R"(schema: 1
platform:
  cores: [{name: cpu0}, {name: cpu1}]
  endpoints: [{name: a, bdf: "01:00.0"}]
  iommu: {architecture: {type: riscv}}
)";

struct RiscvMachine : ::testing::Test {
  Machine m{kMachine};

  /// The records between head and tail, as a handler reads them; it moves the head.
  std::vector<riscv::FaultRecord> handle_faults() {
    std::vector<riscv::FaultRecord> records;
    m.task([&](CpuCore& core) {
      const std::uint64_t base = core.mmio_read(kRegisters + riscv::reg::kFqb, 8);
      const std::uint64_t entries = std::uint64_t{2} << (base & 31), first = (base >> 10 << 12);
      std::uint64_t head = core.mmio_read(kRegisters + riscv::reg::kFqh, 4);
      const std::uint64_t tail = core.mmio_read(kRegisters + riscv::reg::kFqt, 4);
      for (; head != tail; head = (head + 1) % entries) {
        std::array<std::uint64_t, 4> words{};
        core.read(Hpa(first + 32 * head), words.data(), sizeof words);
        records.push_back(riscv::decode_fault_record(words));
      }
      core.mmio_write(kRegisters + riscv::reg::kFqh, tail, 4);
    });
    return records;
  }
};

TEST_F(RiscvMachine, AMappedBufferIsReadAndAnUnmappedAddressLeavesARecordInMemory) {
  const Iova at = m.map(DomainType::dma, kBuffer, 4096);
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::ok);
  EXPECT_TRUE(handle_faults().empty());

  EXPECT_EQ(m.read(kNowhere + 0x80).result.status, tlm::CompletionStatus::unsupported_request);
  m.settle();
  const auto records = handle_faults();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].cause, static_cast<std::uint16_t>(riscv::FaultCause::read_page));
  EXPECT_EQ(records[0].type, riscv::TransactionType::untranslated_read);
  EXPECT_EQ(records[0].device, 0x0100u);
  EXPECT_EQ(records[0].address, kNowhere.value() + 0x80);
  EXPECT_TRUE(handle_faults().empty());
}

TEST_F(RiscvMachine, AFaultRaisesAnInterruptWhenItsRecordIsThere) {
  m.map(DomainType::dma, kBuffer, 4096);
  m.read(kNowhere);
  m.settle();
  EXPECT_EQ(m.count("iommu_driver.event_interrupts"), 1u);
  EXPECT_EQ(m.count("cpu0.interrupts"), 1u);
  EXPECT_EQ(m.count("interrupts.spurious"), 0u);
  EXPECT_EQ(handle_faults().size(), 1u);
}

TEST_F(RiscvMachine, ADevicesMessageGoesThroughTheMsiTableToItsCore) {
  m.map(DomainType::dma, kBuffer, 4096);
  unsigned called = 0;
  const auto message = m.platform.driver()->route_interrupt(m.source(), m.platform.core(1), [&](Time) { ++called; });
  m.platform.endpoints()[0]->dma.send_msi(message.address, message.data);
  m.run_until([&] { return called == 1; });
  EXPECT_EQ(called, 1u);
  EXPECT_EQ(m.count("cpu1.interrupts"), 1u);
  EXPECT_EQ(m.count("interrupts.spurious"), 0u);
}

}  // namespace
}  // namespace iommusim::test
