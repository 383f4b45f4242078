// Registers, interrupts, performance monitor and debug translation of a RISC-V IOMMU.
#include <gtest/gtest.h>

#include "models/base/error.h"
#include "tests/unit/arch/riscv_bench.h"

namespace iommusim::iommu::riscv {
namespace {

constexpr std::uint64_t kGiB = 1 << 30;

TEST(RiscvConfig, CapabilitiesReadBackAsConfigured) {
  RiscvConfig c;
  EXPECT_EQ(c.capabilities() & 0xff, 0x10u) << "version 1.0";
  for (const std::uint64_t word : {0xdf8a7ef8f10u, 0xc6ea2220210u, 0x1f8976f8f10u, 0xdf4afefcf10u})
    EXPECT_EQ(RiscvConfig::from_capabilities(word).capabilities(), word);
}

TEST(RiscvConfig, ContradictionsAreTheUsersMistake) {
  RiscvConfig c;
  c.sv39 = false;
  EXPECT_THROW(c.make_driver(), base::UserError);
  EXPECT_NO_THROW(c.make_architecture()) << "a register can say so";
  c = RiscvConfig{};
  c.big_endian_writable = true;
  EXPECT_EQ(c.contradiction().first, "big_endian_writable");
  c = RiscvConfig{};
  c.interrupts = InterruptGeneration::wired;
  EXPECT_EQ(c.contradiction().first, "wired");
}

TEST(RiscvRegisters, FeatureControlTakesOnlyWhatIsWritable) {
  RiscvConfig c;
  Bench fixed(c);
  fixed.set32(reg::kFctl, 7);
  EXPECT_EQ(fixed.reg32(reg::kFctl), 0u);
  c.mixed_endian = c.big_endian_writable = true;
  c.interrupts = InterruptGeneration::both;
  Bench b(c);
  b.set32(reg::kFctl, 7);
  EXPECT_EQ(b.reg32(reg::kFctl), feature::kBigEndian | feature::kWired);
}

TEST(RiscvRegisters, AnUnknownDirectoryModeLeavesTheModeAsItWas) {
  Bench b;
  const std::uint64_t before = b.reg64(reg::kDdtp);
  b.set64(reg::kDdtp, (before & ~std::uint64_t{15}) | 9);
  EXPECT_EQ(b.reg64(reg::kDdtp), before);
}

TEST(RiscvRegisters, HalvesOfWideRegistersAreAccessedAlone) {
  Bench b;
  b.set32(reg::kCqb + 4, 0x123);
  EXPECT_EQ(b.reg64(reg::kCqb) >> 32, 0x123u);
  EXPECT_EQ(b.reg32(reg::kCqb + 4), 0x123u);
  EXPECT_EQ(b.reg64(reg::kCqh), b.reg32(reg::kCqh) | b.reg32(reg::kCqt) << 32) << "two registers in one access";
}

TEST(RiscvRegisters, TurningAQueueOnRestartsTheUnitsSide) {
  Bench b;
  b.submit(1);
  EXPECT_EQ(b.reg32(reg::kCqh), 1u);
  b.set32(reg::kCqcsr, 0);
  EXPECT_EQ(b.reg32(reg::kCqcsr), 0u);
  b.set32(reg::kCqt, 0);
  b.set32(reg::kCqcsr, csr::kEnable);
  EXPECT_EQ(b.reg32(reg::kCqh), 0u);
  EXPECT_EQ(b.reg32(reg::kCqcsr), csr::kEnable | csr::kOn);
}

TEST(RiscvRegisters, ThoseOfAbsentFeaturesReadAsZero) {
  RiscvConfig c;
  c.ats = c.t2gpa = c.debug = false;
  c.event_counters = 0;
  Bench b(c);
  for (const std::uint64_t offset : {reg::kPqb, reg::kDebugIova, reg::kCycles, reg::kEvents}) {
    b.set64(offset, ~std::uint64_t{0});
    EXPECT_EQ(b.reg64(offset), 0u) << offset;
  }
}

TEST(RiscvModes, OffRefusesAllAndBarePassesUntranslatedRequests) {
  Bench b;
  b.set64(reg::kDdtp, 0);
  EXPECT_EQ(b.read(0x1000).fault.reason, code(FaultCause::all_disallowed));
  b.set64(reg::kDdtp, 1);
  EXPECT_EQ(b.read(0x1000).outcome, Resolution::Outcome::passed);
  EXPECT_EQ(b.resolve(Bench::translation_request(0x1000)).fault.reason, code(FaultCause::type_disallowed));
}

TEST(RiscvModes, DeviceNumbersTooWideForTheDirectoryAreDisallowed) {
  RiscvConfig c;
  c.directory_levels = 1;
  Bench b(c);
  EXPECT_EQ(b.resolve(Bench::request(0, kRead, SourceId(64))).fault.reason, code(FaultCause::type_disallowed));
  EXPECT_EQ(b.resolve(Bench::request(0, kRead, SourceId(63))).fault.reason, code(FaultCause::ddt_not_valid));
}

/// Faults make interrupts: a unit whose fault queue interrupts with vector 1.
struct InterruptBench : Bench {
  explicit InterruptBench(const RiscvConfig& c = {}) : Bench(c) {
    attach(4);
    target = memory.allocate(4096);
    set64(reg::kIcvec, 1 << 4);
    set64(reg::kMsiTable + 16, target.value());
    set32(reg::kMsiTable + 24, 0x55);
    set32(reg::kFqcsr, csr::kEnable | csr::kInterruptEnable);
  }
  void fault() { run(request(0x1000)); }
  Hpa target;
};

TEST(RiscvInterrupts, AMessageGoesOutWhenABitBecomesPending) {
  InterruptBench b;
  b.fault();
  EXPECT_EQ(b.reg32(reg::kIpsr), 2u);
  ASSERT_EQ(b.unit.interrupts.size(), 1u);
  EXPECT_EQ(b.memory.read64(b.target), 0x55u);
  b.fault();
  EXPECT_EQ(b.unit.interrupts.size(), 1u) << "pending already";
  b.set32(reg::kIpsr, 2);
  EXPECT_EQ(b.reg32(reg::kIpsr), 0u);
  b.fault();
  EXPECT_EQ(b.unit.interrupts.size(), 2u);
}

TEST(RiscvInterrupts, AMaskedVectorSendsWhenUnmasked) {
  InterruptBench b;
  b.set32(reg::kMsiTable + 28, 1);
  b.fault();
  EXPECT_TRUE(b.unit.interrupts.empty());
  b.set32(reg::kMsiTable + 28, 0);
  EXPECT_EQ(b.unit.interrupts.size(), 1u);
}

TEST(RiscvInterrupts, ConditionsThatHoldSetTheBitAgain) {
  InterruptBench b;
  b.set32(reg::kCqcsr, csr::kEnable | csr::kInterruptEnable);
  b.submit(0);
  EXPECT_EQ(b.reg32(reg::kIpsr), 1u);
  b.set32(reg::kIpsr, 1);
  EXPECT_EQ(b.reg32(reg::kIpsr), 1u) << "cmd_ill is still set";
  b.memory.write64(b.driver.queue_base(), 1);
  b.set32(reg::kCqcsr, csr::kEnable | csr::kInterruptEnable | csr::kIllegal);
  b.set32(reg::kIpsr, 1);
  EXPECT_EQ(b.reg32(reg::kIpsr), 0u);
}

TEST(RiscvInterrupts, OnWiresNothingIsSentAndFencesMayInterrupt) {
  RiscvConfig c;
  c.interrupts = InterruptGeneration::both;
  c.wired = true;
  InterruptBench b(c);
  b.fault();
  EXPECT_EQ(b.reg32(reg::kIpsr), 2u);
  EXPECT_TRUE(b.unit.interrupts.empty());
  b.set32(reg::kCqcsr, csr::kEnable | csr::kInterruptEnable);
  b.submit(2 | 1 << 11);  // IOFENCE.C with WSI
  EXPECT_EQ(b.reg32(reg::kCqcsr) & csr::kFenceInterrupt, csr::kFenceInterrupt);
  EXPECT_EQ(b.reg32(reg::kIpsr), 3u);
}

TEST(RiscvInterrupts, AMessageThatMemoryRefusesIsAFaultOfItsOwn) {
  InterruptBench b;
  b.read_only.insert(b.target.value());
  b.fault();
  const FaultRecord r = b.fault_record(1);
  EXPECT_EQ(r.cause, code(FaultCause::own_msi_access));
  EXPECT_EQ(r.type, TransactionType::none);
  EXPECT_EQ(r.address, b.target.value());
}

TEST(RiscvInterrupts, TheDriversMessagesReachTheirTarget) {
  for (const Stage stage : {Stage::first, Stage::second}) {
    RiscvConfig c;
    c.domain_stage = stage;
    Bench b(c);
    auto tables = b.attach(4);
    const InterruptMessage m = b.driver.set_interrupt(b.memory, 3, kDevice, InterruptMessage{0xfee0'1000, 0x41});
    const Resolution r = b.write(m.address);
    ASSERT_EQ(r.outcome, Resolution::Outcome::translated);
    EXPECT_EQ(r.output, Hpa(0xfee0'1000));
    EXPECT_TRUE(r.translation.interrupt);
    EXPECT_EQ(m.data, 0x41u);
    EXPECT_EQ(b.write(m.address + kPageBytes).fault.reason, code(FaultCause::msi_not_valid)) << "entry 4 is not set";
    Request execute = Bench::request(m.address, Rights{false, false, true});
    EXPECT_EQ(b.resolve(execute).outcome, Resolution::Outcome::fault);
  }
}

TEST(RiscvInterrupts, AnEntryMayNameAFileInMemory) {
  RiscvConfig c;
  c.msi_mrif = true;
  c.domain_stage = Stage::second;
  Bench b(c);
  auto tables = b.attach(4);
  const InterruptMessage m = b.driver.set_interrupt(b.memory, 0, kDevice, InterruptMessage{});
  const Hpa entry(get(b.memory.read64(b.context() + 32), 43, 0) << 12);
  b.memory.write64(entry, std::uint64_t{0x1234'5600} >> 9 << 7 | 1 << 1 | 1);
  b.memory.write64(entry + 8, std::uint64_t{1} << 60 | std::uint64_t{0x777} << 10 | 5);
  const Resolution r = b.write(m.address);
  ASSERT_EQ(r.outcome, Resolution::Outcome::stored);
  EXPECT_EQ(r.output, Hpa(0x1234'5600));
  EXPECT_EQ(r.interrupt.address, 0x777000u);
  EXPECT_EQ(r.interrupt.data, 0x405u);
  Request ats = Bench::translation_request(m.address);
  EXPECT_TRUE(b.unit.translate(ats).untranslated_only);
}

TEST(RiscvAts, AnswersGiveRightsRangeAndWhatIsGlobal) {
  Bench b;
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kGiB), Hpa(5 * kGiB), 2 << 20, kRead, 2 << 20);
  const AtsCompletion a = b.unit.translate(Bench::translation_request(kGiB + 0x5000));
  EXPECT_EQ(a.status, AtsCompletion::Status::success);
  EXPECT_TRUE(a.rights.read);
  EXPECT_FALSE(a.rights.write);
  EXPECT_EQ(a.address, 5 * kGiB);
  EXPECT_EQ(a.size_log2, 21);
  EXPECT_FALSE(a.global) << "no PASID";
  Request translated = Bench::request(5 * kGiB);
  translated.at = AddressType::translated;
  EXPECT_EQ(b.resolve(translated).outcome, Resolution::Outcome::passed);
}

TEST(RiscvAts, MissingPagesAreAnsweredWithoutRightsAndWithoutARecord) {
  Bench b;
  auto tables = b.attach(4);
  const AtsCompletion a = b.unit.translate(Bench::translation_request(kGiB));
  EXPECT_EQ(a.status, AtsCompletion::Status::success);
  EXPECT_EQ(a.rights, Rights{});
  EXPECT_EQ(b.reg32(reg::kFqt), 0u);
  const Request unknown = [] {
    Request r = Bench::translation_request(kGiB);
    r.source = SourceId(0x999);
    return r;
  }();
  EXPECT_EQ(b.unit.translate(unknown).status, AtsCompletion::Status::unsupported_request);
  EXPECT_EQ(b.reg32(reg::kFqt), 1u);
}

TEST(RiscvAts, WithT2gpaDevicesGetAndUseGuestAddresses) {
  RiscvConfig c;
  c.domain_stage = Stage::second;
  Bench b(c);
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kGiB), Hpa(5 * kGiB), kPageBytes, kReadWrite, kPageBytes);
  const Hpa context = b.context();
  b.memory.write64(context, b.memory.read64(context) | bit(tc::kT2gpa));
  EXPECT_EQ(b.unit.translate(Bench::translation_request(kGiB)).address, kGiB);
  Request translated = Bench::request(kGiB + 8);
  translated.at = AddressType::translated;
  EXPECT_EQ(b.resolve(translated).output, Hpa(5 * kGiB + 8));
}

TEST(RiscvDebug, TranslatesOnRequestOfSoftware) {
  Bench b;
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kGiB), Hpa(5 * kGiB), 2 << 20, kReadWrite, 2 << 20);
  b.set64(reg::kDebugIova, kGiB + 0x7000);
  b.set64(reg::kDebugControl, std::uint64_t{kDevice.value()} << 40 | 1 | 1 << 3);
  EXPECT_EQ(b.reg64(reg::kDebugControl) & 1, 0u) << "done";
  EXPECT_EQ(b.reg64(reg::kDebugResponse), (5 * kGiB >> 12 | 0xff) << 10 | 1 << 9) << "2 MiB, encoded in the PPN";
  b.set64(reg::kDebugIova, 2 * kGiB);
  b.set64(reg::kDebugControl, std::uint64_t{kDevice.value()} << 40 | 1 | 1 << 3);
  EXPECT_EQ(b.reg64(reg::kDebugResponse) & 1, 1u);
  EXPECT_EQ(b.fault_record(0).cause, code(FaultCause::read_page));
}

TEST(RiscvPerformance, CountersCountTheirEventForTheDevicesTheySelect) {
  Bench b;
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kGiB), Hpa(5 * kGiB), kPageBytes, kReadWrite, kPageBytes);
  const auto select = [&](unsigned n, std::uint64_t event) { b.set64(reg::kEvents + 8 * n, event); };
  select(0, 1);                                                     // untranslated requests
  select(1, 7);                                                     // first-stage walks
  select(2, 1 | std::uint64_t{0x19} << 36 | bit(61));               // of another device
  select(3, 1 | std::uint64_t{0x1f} << 36 | bit(61) | bit(15));     // of devices 0x00 to 0x3f
  select(4, 7 | bit(62) | bit(60) | put(kDomain.value(), 35, 16));  // of the domain's PSCID
  b.read(kGiB);
  b.read(kGiB);
  const std::uint64_t expected[] = {2, 2, 0, 2, 2};
  for (unsigned n = 0; n < 5; ++n) EXPECT_EQ(b.reg64(reg::kCounters + 8 * n), expected[n]) << n;
  b.set32(reg::kCountInhibit, 2);
  b.read(kGiB);
  EXPECT_EQ(b.reg64(reg::kCounters), 2u) << "inhibited";
}

TEST(RiscvPerformance, AnOverflowInterruptsOnce) {
  Bench b;
  b.attach(4);
  b.set64(reg::kEvents, 1);
  b.set64(reg::kCounters, ~std::uint64_t{0});
  b.read(kGiB);
  EXPECT_EQ(b.reg32(reg::kCountOverflow), 2u);
  EXPECT_EQ(b.reg32(reg::kIpsr), 4u);
  b.set32(reg::kIpsr, 4);
  b.set64(reg::kCounters, ~std::uint64_t{0});
  b.read(kGiB);
  EXPECT_EQ(b.reg32(reg::kIpsr), 0u) << "its overflow bit is still set";
}

}  // namespace
}  // namespace iommusim::iommu::riscv
