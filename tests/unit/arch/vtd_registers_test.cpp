#include <gtest/gtest.h>

#include "models/base/error.h"
#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

/// The unit of QEMU 7.2 as its capability registers describe it.
VtdConfig qemu() {
  VtdConfig c;
  c.guest_address_bits = 39;
  c.table_levels = {3};
  c.zero_length_reads = false;
  c.coherent_walks = false;
  c.fault_records = 1;
  return c;
}

TEST(VtdRegisters, CapabilitiesOfQemusUnitAreReproduced) {
  // cap and ecap as Linux 6.1 prints them for QEMU 7.2 with caching-mode=off, intremap=on.
  EXPECT_EQ(qemu().cap(), 0xd2008c22260206u);
  EXPECT_EQ(qemu().ecap(), 0xf00f4au);
}

TEST(VtdRegisters, CapabilitiesFollowTheConfiguration) {
  VtdConfig c;
  c.table_levels = {3, 4, 5};
  c.guest_address_bits = 57;
  c.caching_mode = true;
  c.device_tlb = true;
  EXPECT_EQ(get(c.cap(), 12, 8), 0xeu);
  EXPECT_EQ(get(c.cap(), 21, 16), 56u);
  EXPECT_TRUE(get(c.cap(), 7));
  EXPECT_EQ(get(c.cap(), 47, 40), 7u);
  EXPECT_TRUE(get(c.ecap(), 2));
  c.superpages_1g = false;
  EXPECT_EQ(get(c.cap(), 37, 34), 1u);
}

TEST(VtdRegisters, ContradictionsAreUserErrors) {
  VtdConfig c;
  c.domain_id_bits = 15;
  EXPECT_THROW(c.make_architecture(), base::UserError);
  c = VtdConfig();
  c.table_levels = {3};
  EXPECT_EQ(c.contradiction().second, "48 bits do not fit tables of 3 levels, which map 39 bits");
  c = VtdConfig();
  c.superpages_2m = false;
  EXPECT_EQ(c.contradiction().first, "superpages_1g");
  c = VtdConfig();
  c.interrupt_remapping = false;
  c.extended_interrupt_mode = true;
  EXPECT_EQ(c.contradiction().first, "extended_interrupt_mode");
}

TEST(VtdRegisters, ReadWithEitherWidth) {
  Bench b;
  const std::uint64_t cap = b.reg64(reg::kCap);
  EXPECT_EQ(cap, b.config.cap());
  EXPECT_EQ(b.reg32(reg::kCap) | b.reg32(reg::kCap + 4) << 32, cap);
  EXPECT_EQ(b.reg32(reg::kVersion), 0x10u);
  EXPECT_EQ(b.arch->read_register(reg::kCap + 4, 8), 0u) << "misaligned";
  EXPECT_EQ(b.arch->read_register(reg::kCap, 2), 0u) << "too narrow";
  EXPECT_EQ(b.arch->read_register(b.arch->register_bytes(), 4), 0u) << "outside";
  EXPECT_EQ(b.arch->register_bytes(), 4096u);
}

TEST(VtdRegisters, TheRegisterSetGrowsWithTheFaultRecords) {
  VtdConfig c;
  c.fault_records = 256;
  EXPECT_EQ(c.make_architecture()->register_bytes(), 8192u);
}

TEST(VtdRegisters, ReadOnlyRegistersIgnoreWrites) {
  Bench b;
  b.set_reg(reg::kCap, 0, 8);
  b.set_reg(reg::kGlobalStatus, 0);
  b.set_reg(reg::kQueueHead, 0xff0, 8);
  EXPECT_EQ(b.reg64(reg::kCap), b.config.cap());
  EXPECT_NE(b.reg32(reg::kGlobalStatus), 0u);
  EXPECT_EQ(b.reg64(reg::kQueueHead), 0u);
}

TEST(VtdRegisters, BringUpSetsEveryStatusBit) {
  Bench b;
  EXPECT_EQ(b.reg32(reg::kGlobalStatus), global::kSwitches - global::kCompatibilityInterrupts + global::kOneShot);
  EXPECT_EQ(b.reg32(reg::kGlobalCommand), 0u) << "write only";
}

TEST(VtdRegisters, ANewRootTableTakesEffectWithTheSetCommandOnly) {
  Bench b;
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(0x1000), Hpa(0x5000), 4096, kReadWrite, 4096);
  b.set_reg(reg::kRootTable, b.memory.allocate(4096).value(), 8);
  EXPECT_EQ(b.read(0x1000).outcome, Resolution::Outcome::translated);
  b.set_reg(reg::kGlobalCommand, (b.reg32(reg::kGlobalStatus) & ~global::kOneShot) | global::kSetRootTable);
  EXPECT_EQ(b.read(0x1000).fault.reason, 1);
}

TEST(VtdRegisters, SettingAPointerEmptiesTheCachesOnlyWhereTheUnitSaysSo) {
  for (const bool implied : {false, true}) {
    VtdConfig c;
    c.implied_invalidation = implied;
    Bench b(c, UntimedUnit::Caches::unbounded);
    auto tables = b.attach(4);
    tables->map(b.memory, Iova(0x1000), Hpa(0x5000), 4096, kReadWrite, 4096);
    b.read(0x1000);
    b.set_reg(reg::kGlobalCommand, (b.reg32(reg::kGlobalStatus) & ~global::kOneShot) | global::kSetRootTable);
    EXPECT_EQ(b.unit.held(CacheKind::context), implied ? 0u : 1u);
    EXPECT_EQ(b.unit.held(CacheKind::iotlb), implied ? 0u : 1u);
  }
}

TEST(VtdRegisters, TurningTranslationOffLetsRequestsPass) {
  Bench b;
  const std::uint64_t on = b.reg32(reg::kGlobalStatus) & ~global::kOneShot;
  b.set_reg(reg::kGlobalCommand, on & ~global::kTranslation);
  EXPECT_EQ(b.read(0x9000).outcome, Resolution::Outcome::passed);
  EXPECT_TRUE(b.arch->enabled(RequestClass::interrupt)) << "interrupt remapping is a switch of its own";
  b.set_reg(reg::kGlobalCommand, on);
  EXPECT_EQ(b.read(0x9000).outcome, Resolution::Outcome::fault);
}

TEST(VtdRegisters, CachesCanBeEmptiedByRegister) {
  Bench b({}, UntimedUnit::Caches::unbounded);
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(0x1000), Hpa(0x5000), 0x3000, kReadWrite, 4096);
  const auto touch = [&] {
    for (std::uint64_t a = 0x1000; a < 0x4000; a += 0x1000) b.read(a);
  };
  touch();
  b.set_reg(reg::kContextCommand, bit(63) | put(std::uint64_t{3}, 62, 61) | put(std::uint64_t{kDevice.value()}, 31, 16),
            8);
  EXPECT_EQ(b.unit.held(CacheKind::context), 0u);
  EXPECT_EQ(b.reg64(reg::kContextCommand) >> 63, 0u) << "done when read back";
  EXPECT_EQ(get(b.reg64(reg::kContextCommand), 60, 59), 3u) << "performed as asked";
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 3u);
  b.set_reg(reg::kInvalidateAddress, 0x2000 | 1, 8);  // pages 2 and 3
  b.set_reg(reg::kIotlbInvalidate,
            bit(63) | put(std::uint64_t{3}, 61, 60) | put(std::uint64_t{kDomain.value()}, 47, 32), 8);
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 1u);
  b.set_reg(reg::kIotlbInvalidate + 4, (bit(63) | put(std::uint64_t{1}, 61, 60)) >> 32, 4);
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 0u) << "the upper half alone gives the command";
}

TEST(VtdRegisters, DisablingTheQueueResetsItsHead) {
  Bench b;
  Invalidation i;
  b.submit({i, i, i});
  EXPECT_EQ(b.driver->head_index(b.reg64(reg::kQueueHead)), 3u);
  const std::uint64_t on = b.reg32(reg::kGlobalStatus) & ~global::kOneShot;
  b.set_reg(reg::kGlobalCommand, on & ~global::kQueuedInvalidation);
  EXPECT_EQ(b.reg64(reg::kQueueHead), 0u);
  EXPECT_FALSE(b.arch->next_command());
}

TEST(VtdDriver, SwitchingTranslationOffLeavesTheRestOn) {
  Bench b;
  b.unit.write(b.driver->disable_translation());
  EXPECT_EQ(b.read(0x9000).outcome, Resolution::Outcome::passed);
  EXPECT_TRUE(b.arch->enabled(RequestClass::interrupt));
  b.submit({Invalidation()});
  EXPECT_EQ(b.driver->head_index(b.reg64(reg::kQueueHead)), 1u) << "the queue runs on";
  b.unit.write(b.driver->enable(true));
  EXPECT_EQ(b.read(0x9000).outcome, Resolution::Outcome::fault);
}

TEST(VtdDriver, QueuesThatDoNotExistAreUserErrors) {
  VtdConfig c;
  WordMemory memory;
  EXPECT_THROW(c.make_driver()->set_up(memory, 128), base::UserError);
  EXPECT_THROW(c.make_driver()->set_up(memory, 300), base::UserError);
  EXPECT_THROW(c.make_driver()->set_up(memory, 65536), base::UserError);
}

TEST(VtdDriver, ALargerQueueIsReportedToTheUnit) {
  VtdConfig c;
  WordMemory memory;
  auto arch = c.make_architecture();
  auto driver = c.make_driver();
  UntimedUnit unit(*arch, memory);
  unit.write(driver->set_up(memory, 4096));
  EXPECT_EQ(queue_entries_of(arch->read_register(reg::kQueueAddress, 8)), 4096u);
  unit.write(driver->tail_write(4095));
  EXPECT_EQ(arch->read_register(reg::kFaultStatus, 4), fault_status::kQueueError)
      << "4,095 zero descriptors are illegal";
  EXPECT_EQ(arch->read_register(reg::kQueueError, 4), static_cast<std::uint64_t>(QueueError::type));
}

TEST(VtdDriver, WhatTheUnitLacksIsAUserError) {
  VtdConfig c;
  c.pass_through = false;
  c.interrupt_remapping = false;
  c.domain_id_bits = 4;
  Bench b(c);
  EXPECT_THROW(b.driver->attach(b.memory, kDevice, kDomain, nullptr), base::UserError);
  EXPECT_THROW(b.driver->enable(true), base::UserError);
  EXPECT_THROW(b.driver->create_tables(b.memory, DomainGeometry{5}), base::UserError);
  auto tables = b.driver->create_tables(b.memory, DomainGeometry{4});
  EXPECT_THROW(b.driver->attach(b.memory, kDevice, DomainId(16), tables.get()), base::UserError);
}

}  // namespace
}  // namespace iommusim::iommu::vtd
