#include <gtest/gtest.h>

#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

TEST(VtdInterrupts, AMessageArrivesAsItsEntrySays) {
  Bench b({}, UntimedUnit::Caches::unbounded);
  const InterruptMessage target{0xfee01000, 0x41};
  const InterruptMessage programmed = b.driver->set_interrupt(b.memory, 9, kDevice, target);
  const Resolution first = b.unit.resolve(Bench::message(programmed));
  ASSERT_EQ(first.outcome, Resolution::Outcome::interrupt);
  EXPECT_EQ(first.interrupt.address, target.address);
  EXPECT_EQ(first.interrupt.data, target.data);
  EXPECT_EQ(first.reads[Structure::interrupt_entry], 1u);
  EXPECT_EQ(first.reads.total(), 1u);
  const Resolution second = b.unit.resolve(Bench::message(programmed));
  EXPECT_EQ(second.reads.total(), 0u) << "from the interrupt-entry cache";
  EXPECT_EQ(second.interrupt.data, target.data);
}

TEST(VtdInterrupts, ACachedEntryServesUntilItIsInvalidated) {
  Bench b({}, UntimedUnit::Caches::unbounded);
  const InterruptMessage programmed = b.driver->set_interrupt(b.memory, 9, kDevice, {0xfee01000, 0x41});
  b.unit.resolve(Bench::message(programmed));
  b.driver->set_interrupt(b.memory, 9, kDevice, {0xfee02000, 0x42});
  EXPECT_EQ(b.unit.resolve(Bench::message(programmed)).interrupt.data, 0x41u);
  Invalidation i;
  i.kind = Invalidation::Kind::interrupt_entries;
  i.index = 8;
  b.submit({i});
  EXPECT_EQ(b.unit.resolve(Bench::message(programmed)).interrupt.data, 0x41u) << "another entry";
  i.index = 9;
  b.submit({i});
  EXPECT_EQ(b.unit.resolve(Bench::message(programmed)).interrupt.data, 0x42u);
}

TEST(VtdInterrupts, TheSourceIsCheckedForCachedEntriesToo) {
  Bench b({}, UntimedUnit::Caches::unbounded);
  const InterruptMessage programmed = b.driver->set_interrupt(b.memory, 9, kDevice, {0xfee01000, 0x41});
  b.unit.resolve(Bench::message(programmed));
  EXPECT_EQ(b.unit.resolve(Bench::message(programmed, SourceId(0x20))).fault.reason, 0x26);
}

TEST(VtdInterrupts, SourceValidationFollowsItsQualifier) {
  InterruptEntry e;
  e.source = 0x0100;
  EXPECT_TRUE(source_allowed(e, 0xffff)) << "no validation";
  e.source_validation = 1;
  EXPECT_TRUE(source_allowed(e, 0x0100));
  EXPECT_FALSE(source_allowed(e, 0x0101));
  const bool expected[4][8] = {{true, false, false, false, false, false, false, false},
                               {true, false, false, false, true, false, false, false},
                               {true, false, true, false, true, false, true, false},
                               {true, true, true, true, true, true, true, true}};
  for (unsigned q = 0; q < 4; ++q)
    for (unsigned f = 0; f < 8; ++f) {
      e.source_qualifier = static_cast<std::uint8_t>(q);
      EXPECT_EQ(source_allowed(e, static_cast<std::uint16_t>(0x0100 | f)), expected[q][f]) << q << " " << f;
    }
  e.source_validation = 2;
  e.source = 0x0305;  // buses 3 to 5
  EXPECT_FALSE(source_allowed(e, 0x02ff));
  EXPECT_TRUE(source_allowed(e, 0x0300));
  EXPECT_TRUE(source_allowed(e, 0x05ff));
  EXPECT_FALSE(source_allowed(e, 0x0600));
}

TEST(VtdInterrupts, WithRemappingOffMessagesPassUnchanged) {
  VtdConfig c;
  c.interrupt_remapping = false;
  Bench b(c);
  EXPECT_EQ(b.unit.resolve(Bench::message({0xfee01000, 0x41})).outcome, Resolution::Outcome::passed);
}

TEST(VtdInterrupts, TheInterruptRangeIsNeverTranslated) {
  Bench b;
  EXPECT_EQ(b.arch->classify(Bench::request(0xfee00000, kWrite, 4)), RequestClass::interrupt);
  EXPECT_EQ(b.arch->classify(Bench::request(0xfeefffff, kWrite, 1)), RequestClass::interrupt);
  EXPECT_EQ(b.arch->classify(Bench::request(0xfef00000, kWrite, 4)), RequestClass::ordinary);
  EXPECT_EQ(b.arch->classify(Bench::request(0xfedfffff, kWrite, 1)), RequestClass::ordinary);
  EXPECT_EQ(b.arch->classify(Bench::request(0x1fee00000, kWrite, 4)), RequestClass::ordinary);
}

TEST(VtdInterrupts, ExtendedModeCarriesA32BitDestinationAndBlocksCompatibilityFormat) {
  VtdConfig c;
  c.extended_interrupt_mode = true;
  Bench b(c);
  const InterruptMessage target{std::uint64_t{0x12345600} << 32 | 0xfee78000, 0x41};
  const InterruptMessage programmed = b.driver->set_interrupt(b.memory, 3, kDevice, target);
  EXPECT_EQ(b.memory.read64(b.interrupt_entry(3)) >> 32, 0x12345678u);
  EXPECT_EQ(b.unit.resolve(Bench::message(programmed)).interrupt.address, target.address);
  b.set_reg(reg::kGlobalCommand, b.reg32(reg::kGlobalStatus) | global::kCompatibilityInterrupts);
  EXPECT_EQ(b.unit.resolve(Bench::message({0xfee01000, 0x41})).fault.reason, 0x25);
}

}  // namespace
}  // namespace iommusim::iommu::vtd
