#include <gtest/gtest.h>

#include "models/iommu/arch/vtd/fault_log.h"
#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

/// A device with one page mapped at 0x200000 (4 levels) and one interrupt entry; each test breaks one thing.
class VtdFaults : public ::testing::Test {
 protected:
  VtdFaults() : tables(b.attach(4)) {
    tables->map(b.memory, Iova(kIova), Hpa(0x5000), 4096, kReadWrite, 4096);
    msi = b.driver->set_interrupt(b.memory, 5, kDevice, {0xfee01000, 0x41});
  }
  void expect(const Resolution& r, Reason reason, FaultKind kind) {
    ASSERT_EQ(r.outcome, Resolution::Outcome::fault);
    EXPECT_EQ(r.fault.reason, static_cast<std::uint16_t>(reason)) << b.arch->fault_text(r.fault.reason);
    EXPECT_EQ(r.fault.kind, kind);
  }
  void set_bits(Hpa at, std::uint64_t bits) { b.memory.write64(at, b.memory.read64(at) | bits); }
  Hpa root_entry() { return Hpa(b.reg64(reg::kRootTable)); }
  Resolution interrupt() { return b.unit.resolve(Bench::message(msi)); }

  static constexpr std::uint64_t kIova = 0x200000;
  Bench b;
  std::unique_ptr<PageTables> tables;
  InterruptMessage msi;
};

TEST_F(VtdFaults, NothingIsWrongToBeginWith) {
  EXPECT_EQ(b.read(kIova).outcome, Resolution::Outcome::translated);
  EXPECT_EQ(interrupt().outcome, Resolution::Outcome::interrupt);
}
TEST_F(VtdFaults, Reason01RootEntryNotPresent) {
  b.memory.write64(root_entry(), 0);
  expect(b.read(kIova), Reason::root_not_present, FaultKind::context_absent);
}
TEST_F(VtdFaults, Reason02ContextEntryNotPresent) {
  b.driver->detach(b.memory, kDevice);
  expect(b.read(kIova), Reason::context_not_present, FaultKind::context_absent);
}
TEST_F(VtdFaults, Reason03ContextEntryAsksForAWidthTheUnitLacks) {
  b.memory.write64(b.context_entry() + 8, encode(ContextEntry{true, false, {}, {}, 3, 7})[1]);
  expect(b.read(kIova), Reason::context_invalid, FaultKind::context_invalid);
}
TEST_F(VtdFaults, Reason03TranslationTypeReservedOrUnsupported) {
  for (const std::uint64_t type : {3u, 1u}) {  // 1 needs device TLBs, which this unit lacks
    const Hpa at = b.context_entry();
    b.memory.write64(at, (b.memory.read64(at) & ~std::uint64_t{0xc}) | type << 2);
    expect(b.read(kIova), Reason::context_invalid, FaultKind::context_invalid);
  }
}
TEST_F(VtdFaults, Reason04AddressBeyondTheWidth) {
  expect(b.read(bit(48)), Reason::address_beyond_width, FaultKind::address_width);
  auto narrow = b.attach(3);
  expect(b.read(bit(39)), Reason::address_beyond_width, FaultKind::address_width);
  expect(b.read(bit(39) - 64), Reason::no_read_permission, FaultKind::not_present);
}
TEST_F(VtdFaults, Reason05WriteWithoutPermission) {
  expect(b.write(kIova + 4096), Reason::no_write_permission, FaultKind::not_present);
  const Hpa leaf = b.page_entry(*tables, kIova, 1);
  b.memory.write64(leaf, b.memory.read64(leaf) & ~bit(1));
  expect(b.write(kIova), Reason::no_write_permission, FaultKind::permission);
}
TEST_F(VtdFaults, Reason06ReadWithoutPermission) {
  expect(b.read(kIova + 4096), Reason::no_read_permission, FaultKind::not_present);
  const Hpa leaf = b.page_entry(*tables, kIova, 1);
  b.memory.write64(leaf, b.memory.read64(leaf) & ~bit(0));
  expect(b.read(kIova), Reason::no_read_permission, FaultKind::permission);
}
TEST_F(VtdFaults, Reason07PagingEntryUnreadableAtAnyLevel) {
  for (unsigned level = 1; level <= 4; ++level) {
    b.unreadable = {b.page_entry(*tables, kIova, level).value()};
    expect(b.read(kIova), Reason::page_table_access, FaultKind::structure_access);
  }
}
TEST_F(VtdFaults, Reason08RootEntryUnreadable) {
  b.unreadable = {root_entry().value()};
  expect(b.read(kIova), Reason::root_table_access, FaultKind::structure_access);
}
TEST_F(VtdFaults, Reason09ContextEntryUnreadable) {
  b.unreadable = {b.context_entry().value()};
  expect(b.read(kIova), Reason::context_table_access, FaultKind::structure_access);
}
TEST_F(VtdFaults, Reason0aReservedBitsInTheRootEntry) {
  const std::uint64_t before = b.memory.read64(root_entry());
  for (const unsigned n : {1u, 11u, 46u, 63u}) {
    b.memory.write64(root_entry(), before | bit(n));
    expect(b.read(kIova), Reason::root_reserved, FaultKind::reserved_bits);
  }
  b.memory.write64(root_entry(), before);
  set_bits(root_entry() + 8, 1);
  expect(b.read(kIova), Reason::root_reserved, FaultKind::reserved_bits);
}
TEST_F(VtdFaults, Reason0bReservedBitsInTheContextEntry) {
  const Hpa at = b.context_entry();
  const std::uint64_t low = b.memory.read64(at), high = b.memory.read64(at + 8);
  for (const unsigned n : {4u, 11u, 46u, 63u}) {
    b.memory.write64(at, low | bit(n));
    expect(b.read(kIova), Reason::context_reserved, FaultKind::reserved_bits);
  }
  b.memory.write64(at, low);
  for (const unsigned n : {7u, 24u, 63u}) {
    b.memory.write64(at + 8, high | bit(n));
    expect(b.read(kIova), Reason::context_reserved, FaultKind::reserved_bits);
  }
  b.memory.write64(at + 8, high | ones(6, 3));
  EXPECT_EQ(b.read(kIova).outcome, Resolution::Outcome::translated) << "bits 6:3 are ignored";
}
TEST_F(VtdFaults, Reason0cReservedBitsInAPagingEntry) {
  for (unsigned level = 1; level <= 4; ++level) {
    const Hpa at = b.page_entry(*tables, kIova, level);
    const std::uint64_t before = b.memory.read64(at);
    for (const unsigned n : {11u, 46u, 51u}) {
      b.memory.write64(at, before | bit(n));
      expect(b.read(kIova), Reason::page_reserved, FaultKind::reserved_bits);
    }
    b.memory.write64(at, before | bit(63) | ones(61, 52) | bit(10));
    EXPECT_EQ(b.read(kIova).outcome, Resolution::Outcome::translated) << "ignored bits, level " << level;
    b.memory.write64(at, before);
  }
}
TEST_F(VtdFaults, Reason0cPageSizeWhereTheUnitHasNone) {
  set_bits(b.page_entry(*tables, kIova, 4), bit(7));
  expect(b.read(kIova), Reason::page_reserved, FaultKind::reserved_bits);
  VtdConfig c;
  c.superpages_1g = c.superpages_2m = false;
  Bench plain(c);
  auto t = plain.attach(4);
  t->map(plain.memory, Iova(0), Hpa(0), 2 << 20, kReadWrite, 1 << 30);
  const Hpa at = plain.page_entry(*t, 0, 2);
  plain.memory.write64(at, plain.memory.read64(at) | bit(7));
  EXPECT_EQ(plain.read(0).fault.reason, 0xc);
}
TEST_F(VtdFaults, Reason0cMisalignedSuperpage) {
  tables->map(b.memory, Iova(0x400000), Hpa(0x400000), 2 << 20, kReadWrite, 2 << 20);
  set_bits(b.page_entry(*tables, 0x400000, 2), bit(12));
  expect(b.read(0x400000), Reason::page_reserved, FaultKind::reserved_bits);
}
TEST_F(VtdFaults, Reason0dTranslatedAndTranslationRequestsOfADeviceWithoutAts) {
  for (const AddressType at : {AddressType::translated, AddressType::translation_request}) {
    Request r = Bench::request(kIova);
    r.at = at;
    expect(b.unit.resolve(r), Reason::request_type_blocked, FaultKind::blocked);
  }
}
TEST_F(VtdFaults, TranslatedRequestsOfADeviceWithAtsPass) {
  VtdConfig c;
  c.device_tlb = true;
  Bench ats(c);
  auto t = ats.attach(4);
  t->map(ats.memory, Iova(kIova), Hpa(0x5000), 4096, kReadWrite, 4096);
  Request r = Bench::request(0x5000);
  r.at = AddressType::translated;
  EXPECT_EQ(ats.unit.resolve(r).outcome, Resolution::Outcome::passed);
  r.address = 0xfee00000;
  EXPECT_EQ(ats.unit.resolve(r).fault.reason, 0xe);
  r = Bench::request(kIova);
  r.at = AddressType::translation_request;
  EXPECT_EQ(ats.unit.resolve(r).output, Hpa(0x5000));
  r.address = kIova + 4096;
  EXPECT_FALSE(ats.unit.resolve(r).fault.recorded) << "the completion tells the device; software sees nothing";
}
TEST_F(VtdFaults, Reason0eOutputInTheInterruptRange) {
  tables->map(b.memory, Iova(0x300000), Hpa(0xfee00000), 4096, kReadWrite, 4096);
  expect(b.write(0x300000), Reason::interrupt_range, FaultKind::blocked);
}
TEST_F(VtdFaults, Reason0eAnythingButADwordWriteInTheInterruptRange) {
  expect(b.unit.resolve(Bench::request(msi.address, kRead, 4)), Reason::interrupt_range, FaultKind::blocked);
  expect(b.unit.resolve(Bench::request(msi.address, kWrite, 8)), Reason::interrupt_range, FaultKind::blocked);
  expect(b.unit.resolve(Bench::request(msi.address + 1, kWrite, 4)), Reason::interrupt_range, FaultKind::blocked);
}
TEST_F(VtdFaults, Reason20ReservedFieldsInAnInterruptRequest) {
  msi.data = 0x10000;
  expect(interrupt(), Reason::interrupt_request_reserved, FaultKind::interrupt);
}
TEST_F(VtdFaults, Reason21InterruptIndexBeyondTheTable) {
  VtdConfig c;
  c.interrupt_entries = 256;
  Bench small(c);
  small.driver->set_interrupt(small.memory, 255, kDevice, {0xfee01000, 0x41});
  EXPECT_EQ(small.unit.resolve(Bench::message(remappable(255))).outcome, Resolution::Outcome::interrupt);
  EXPECT_EQ(small.unit.resolve(Bench::message(remappable(256))).fault.reason, 0x21);
}
TEST_F(VtdFaults, Reason22InterruptEntryNotPresent) {
  msi = remappable(6);
  expect(interrupt(), Reason::interrupt_not_present, FaultKind::interrupt);
}
TEST_F(VtdFaults, Reason23InterruptEntryUnreadable) {
  b.unreadable = {b.interrupt_entry(5).value()};
  expect(interrupt(), Reason::interrupt_table_access, FaultKind::interrupt);
}
TEST_F(VtdFaults, Reason24ReservedBitsInAnInterruptEntry) {
  const Hpa at = b.interrupt_entry(5);
  const std::uint64_t low = b.memory.read64(at), high = b.memory.read64(at + 8);
  for (const unsigned n : {12u, 15u, 24u, 32u, 48u}) {
    b.memory.write64(at, low | bit(n));
    expect(interrupt(), Reason::interrupt_reserved, FaultKind::interrupt);
  }
  b.memory.write64(at, low);
  b.memory.write64(at + 8, high | bit(20));
  expect(interrupt(), Reason::interrupt_reserved, FaultKind::interrupt);
  b.memory.write64(at + 8, high | ones(19, 18));
  expect(interrupt(), Reason::interrupt_reserved, FaultKind::interrupt);
}
TEST_F(VtdFaults, Reason25CompatibilityFormatIsBlockedUnlessAllowed) {
  msi = {0xfee01000, 0x41};
  expect(interrupt(), Reason::interrupt_compatibility, FaultKind::interrupt);
  b.set_reg(reg::kGlobalCommand, b.reg32(reg::kGlobalStatus) | global::kCompatibilityInterrupts);
  EXPECT_EQ(interrupt().outcome, Resolution::Outcome::interrupt);
  EXPECT_EQ(interrupt().interrupt.address, msi.address);
  EXPECT_EQ(interrupt().interrupt.data, msi.data);
}
TEST_F(VtdFaults, Reason26InterruptFromAnotherSource) {
  expect(b.unit.resolve(Bench::message(msi, SourceId(0x0019))), Reason::interrupt_source, FaultKind::interrupt);
}
TEST_F(VtdFaults, Reason31RequestWithPasid) {
  Request r = Bench::request(kIova);
  r.has_pasid = true;
  r.pasid = Pasid(1);
  expect(b.unit.resolve(r), Reason::pasid_in_legacy_mode, FaultKind::blocked);
}

TEST_F(VtdFaults, EveryReasonHasAWording) {
  for (unsigned r = 1; r <= 0xe; ++r)
    EXPECT_EQ(b.arch->fault_text(static_cast<std::uint16_t>(r)).find("unknown"), std::string::npos) << r;
  for (unsigned r = 0x20; r <= 0x26; ++r)
    EXPECT_EQ(b.arch->fault_text(static_cast<std::uint16_t>(r)).find("unknown"), std::string::npos) << r;
  EXPECT_EQ(b.arch->fault_text(0x7f), "unknown VT-d fault reason 127");
}

TEST_F(VtdFaults, FaultProcessingDisableSilencesOnlyWhatHeedsIt) {
  set_bits(b.context_entry(), bit(1));
  EXPECT_FALSE(b.read(kIova + 4096).fault.recorded);
  EXPECT_FALSE(b.read(bit(48)).fault.recorded);
  set_bits(b.context_entry(), bit(4));
  EXPECT_TRUE(b.read(kIova).fault.recorded) << "reserved bits are always recorded";
  b.memory.write64(b.context_entry(), bit(1));
  EXPECT_FALSE(b.read(kIova).fault.recorded) << "not present, faults disabled";
  set_bits(b.interrupt_entry(5), bit(1));
  EXPECT_FALSE(b.unit.resolve(Bench::message(msi, SourceId(0x20))).fault.recorded);
}

TEST_F(VtdFaults, ARecordTellsSourceReasonAddressAndDirection) {
  const Request r = Bench::request(kIova + 0x1234, kWrite);
  b.unit.record(b.unit.resolve(r), r);
  const FaultRecord f = decode_fault_record({b.reg64(reg::kFaultRecords), b.reg64(reg::kFaultRecords + 8)});
  EXPECT_TRUE(f.valid);
  EXPECT_FALSE(f.read);
  EXPECT_EQ(f.reason, 5);
  EXPECT_EQ(f.source, kDevice.value());
  EXPECT_EQ(f.information, (kIova + 0x1234) & ~std::uint64_t{0xfff});
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kPending);
}

TEST_F(VtdFaults, AnInterruptFaultRecordsItsIndex) {
  const Request r = Bench::message(remappable(0x1234));
  b.unit.record(b.unit.resolve(r), r);
  EXPECT_EQ(b.reg64(reg::kFaultRecords), std::uint64_t{0x1234} << 48);
}

TEST_F(VtdFaults, AFullRingOverflowsAndDropsUntilSoftwareClearsIt) {
  const Request r = Bench::request(kIova + 4096);
  const auto fault = [&] { b.unit.record(b.unit.resolve(r), r); };
  for (unsigned i = 0; i < b.config.fault_records; ++i) fault();
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kPending);
  fault();
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kPending | fault_status::kOverflow);
  const auto clear = [&](unsigned i) { b.set_reg(reg::kFaultRecords + 16 * i + 12, 1u << 31); };
  clear(0);
  fault();
  EXPECT_EQ(b.reg64(reg::kFaultRecords + 8) >> 63, 0u) << "dropped while the overflow stands";
  for (unsigned i = 1; i < b.config.fault_records; ++i) clear(i);
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kOverflow);
  b.set_reg(reg::kFaultStatus, fault_status::kOverflow);
  EXPECT_EQ(b.reg32(reg::kFaultStatus), 0u);
  fault();
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kPending);
  EXPECT_EQ(b.reg64(reg::kFaultRecords + 8) >> 63, 1u);
}

TEST_F(VtdFaults, TheFirstPendingRecordIsNamed) {
  const Request r = Bench::request(kIova + 4096);
  b.unit.record(b.unit.resolve(r), r);
  b.set_reg(reg::kFaultRecords + 12, 1u << 31);
  b.unit.record(b.unit.resolve(r), r);
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kPending | 1u << 8);
}

TEST_F(VtdFaults, OneMessageUntilSoftwareHasServicedTheFault) {
  b.unit.write(b.driver->route_events({0xfee03000, 0x55}));
  const Request r = Bench::request(kIova + 4096);
  b.unit.record(b.unit.resolve(r), r);
  b.unit.record(b.unit.resolve(r), r);
  ASSERT_EQ(b.unit.interrupts.size(), 1u);
  EXPECT_EQ(b.unit.interrupts[0].address, 0xfee03000u);
  EXPECT_EQ(b.unit.interrupts[0].data, 0x55u);
  b.set_reg(reg::kFaultRecords + 12, 1u << 31);
  b.set_reg(reg::kFaultRecords + 28, 1u << 31);
  b.unit.record(b.unit.resolve(r), r);
  EXPECT_EQ(b.unit.interrupts.size(), 2u);
}

TEST_F(VtdFaults, AMaskedEventStaysPendingAndGoesOutWhenUnmasked) {
  const Request r = Bench::request(kIova + 4096);
  b.unit.record(b.unit.resolve(r), r);
  EXPECT_TRUE(b.unit.interrupts.empty());
  EXPECT_EQ(b.reg32(reg::kFaultEvent), event::kMasked | event::kPending);
  b.unit.write(b.driver->route_events({0xfee03000, 0x55}));
  EXPECT_EQ(b.unit.interrupts.size(), 1u);
  EXPECT_EQ(b.reg32(reg::kFaultEvent), 0u);
}

TEST_F(VtdFaults, AMaskedEventServicedByPollingIsNotSentLater) {
  const Request r = Bench::request(kIova + 4096);
  b.unit.record(b.unit.resolve(r), r);
  b.set_reg(reg::kFaultRecords + 12, 1u << 31);
  EXPECT_EQ(b.reg32(reg::kFaultEvent), event::kMasked);
  b.unit.write(b.driver->route_events({0xfee03000, 0x55}));
  EXPECT_TRUE(b.unit.interrupts.empty());
}

}  // namespace
}  // namespace iommusim::iommu::vtd
