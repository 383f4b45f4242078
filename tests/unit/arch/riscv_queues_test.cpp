// Command, fault and page-request queues of a RISC-V IOMMU.
#include <gtest/gtest.h>

#include "models/iommu/arch/riscv/command_codec.h"
#include "models/iommu/arch/riscv/spaces.h"
#include "tests/unit/arch/riscv_bench.h"

namespace iommusim::iommu::riscv {
namespace {

constexpr std::uint64_t kGiB = 1 << 30;
constexpr std::uint64_t kVma = 1, kGvma = 1 | 1 << 7, kFence = 2, kDdt = 3, kPdt = 3 | 1 << 7, kAtsInval = 4,
                        kPrgr = 4 | 1 << 7;
constexpr std::uint64_t kAddressValid = 1 << 10;
constexpr std::uint64_t kProcessValid = std::uint64_t{1} << 32, kGuestValid = std::uint64_t{1} << 33,
                        kNonLeaf = std::uint64_t{1} << 34, kDeviceValid = std::uint64_t{1} << 33;

Command decode(std::uint64_t low, std::uint64_t high = 0, const RiscvConfig& c = {}, std::uint32_t fctl = 0) {
  return decode_command({low, high}, c, fctl);
}
bool illegal(std::uint64_t low, std::uint64_t high = 0, const RiscvConfig& c = {}) {
  return decode(low, high, c).kind == Command::Kind::illegal;
}

TEST(RiscvCommands, ReservedEncodingsAndBitsAreIllegal) {
  EXPECT_TRUE(illegal(0)) << "opcode 0";
  EXPECT_TRUE(illegal(5)) << "opcode 5";
  EXPECT_TRUE(illegal(kVma | 2 << 7)) << "IOTINVAL function 2";
  EXPECT_TRUE(illegal(kVma | 1 << 11));
  EXPECT_TRUE(illegal(kVma, 1));
  EXPECT_TRUE(illegal(kGvma | kProcessValid)) << "a process in the second stage";
  EXPECT_TRUE(illegal(kFence | 1 << 14));
  EXPECT_TRUE(illegal(kFence | 1 << 11)) << "a wired interrupt while interrupts are messages";
  EXPECT_FALSE(decode(kFence | 1 << 11, 0, {}, feature::kWired).kind == Command::Kind::illegal);
  EXPECT_TRUE(illegal(kDdt | 1 << 12)) << "a process in INVAL_DDT";
  EXPECT_TRUE(illegal(kPdt)) << "INVAL_PDT without a device";
  EXPECT_TRUE(illegal(kDdt, 1));
  EXPECT_TRUE(illegal(kPrgr | 1 << 10));
}

TEST(RiscvCommands, ThoseOfFeaturesTheUnitLacksAreIllegal) {
  RiscvConfig c;
  c.ats = c.t2gpa = c.nonleaf_invalidation = c.range_invalidation = c.pd20 = false;
  EXPECT_FALSE(illegal(kAtsInval));
  EXPECT_TRUE(illegal(kAtsInval, 0, c));
  EXPECT_FALSE(illegal(kVma | kAddressValid | kNonLeaf));
  EXPECT_TRUE(illegal(kVma | kAddressValid | kNonLeaf, 0, c));
  EXPECT_FALSE(illegal(kVma | kAddressValid, 1 << 9));
  EXPECT_TRUE(illegal(kVma | kAddressValid, 1 << 9, c));
  EXPECT_FALSE(illegal(kPdt | kDeviceValid | std::uint64_t{1} << 31));
  EXPECT_TRUE(illegal(kPdt | kDeviceValid | std::uint64_t{1} << 31, 0, c)) << "process_id of 20 bits";
}

/// Tags of translations of a host process, a guest's process, and a guest's second stage alone.
struct Tags {
  static Space space(unsigned gscid, unsigned pscid, bool first, bool second) {
    return put(gscid, 15, 0) | put(pscid, 35, 16) | put(second, 60) | put(first, 61);
  }
  RangeTag host = range_around(space(0, 5, true, false), 0x1234'5000, 12);
  RangeTag guest = range_around(space(3, 5, true, true), 0x1234'5000, 12);
  RangeTag other_guest = range_around(space(4, 5, true, true), 0x1234'5000, 12);
  RangeTag second = range_around(space(3, 0, false, true), 0x1234'5000, 12);
};

TEST(RiscvCommands, VmaSelectsHostOrGuestProcessAndAddress) {
  const Tags t;
  const auto scope = [](std::uint64_t low, std::uint64_t high = 0) { return decode(kVma | low, high).scope; };
  EXPECT_TRUE(scope(0).selects(t.host));
  EXPECT_FALSE(scope(0).selects(t.guest));
  const std::uint64_t gscid3 = kGuestValid | std::uint64_t{3} << 44;
  EXPECT_FALSE(scope(gscid3).selects(t.host));
  EXPECT_TRUE(scope(gscid3).selects(t.guest));
  EXPECT_FALSE(scope(gscid3).selects(t.other_guest));
  EXPECT_TRUE(scope(kProcessValid | 5 << 12).selects(t.host));
  EXPECT_FALSE(scope(kProcessValid | 6 << 12).selects(t.host));
  const std::uint64_t page = std::uint64_t{0x12345} << 10;
  EXPECT_TRUE(scope(kAddressValid, page).selects(t.host));
  EXPECT_FALSE(scope(kAddressValid, page + (1 << 10)).selects(t.host));
}

TEST(RiscvCommands, NonLeafEntriesGoOnlyWhenAsked) {
  EXPECT_TRUE(decode(kVma | kAddressValid).scope.leaf_only);
  EXPECT_FALSE(decode(kVma | kAddressValid | kNonLeaf).scope.leaf_only);
  EXPECT_FALSE(decode(kVma).scope.leaf_only) << "a whole address space";
}

TEST(RiscvCommands, RangesAreEncodedInTheirAddress) {
  const auto at = [](std::uint64_t page) { return range_around(Tags::space(0, 5, true, false), page << 12, 12); };
  const InvalidationScope eight_pages = decode(kVma | kAddressValid, std::uint64_t{0x100b} << 10 | 1 << 9).scope;
  EXPECT_TRUE(eight_pages.selects(at(0x1008)));
  EXPECT_TRUE(eight_pages.selects(at(0x100f)));
  EXPECT_FALSE(eight_pages.selects(at(0x1007)));
  EXPECT_FALSE(eight_pages.selects(at(0x1010)));
}

TEST(RiscvCommands, GvmaByAddressTakesAllNestedTranslationsOfTheGuest) {
  const Tags t;
  const Command c = decode(kGvma | kGuestValid | kAddressValid | std::uint64_t{3} << 44, std::uint64_t{0x99} << 10);
  ASSERT_TRUE(c.also);
  EXPECT_FALSE(c.scope.selects(t.second)) << "tagged by another guest-physical address";
  EXPECT_TRUE(c.also->selects(t.guest)) << "its guest-physical address is not known";
  EXPECT_FALSE(c.also->selects(t.other_guest));
  EXPECT_FALSE(c.also->selects(t.second)) << "its guest-physical address is its own";
  EXPECT_FALSE(c.also->selects(t.host));
  RangeTag first_pointer = t.guest;
  first_pointer.stage = 1;
  EXPECT_FALSE(c.scope.selects(first_pointer)) << "pointers of the first stage are guest-physical themselves";
}

TEST(RiscvCommands, DriverCommandsDecodeToWhatWasAsked) {
  const RiscvConfig config;
  Invalidation i;
  i.kind = Invalidation::Kind::iotlb_pages;
  i.domain = DomainId(5);
  i.address = Iova(0x1234'4000);
  i.size_log2 = 14;
  i.leaf_only = true;
  auto w = encode_command(i, config);
  Command c = decode_command(w, config, 0);
  const Tags t;
  EXPECT_EQ(c.kind, Command::Kind::invalidate);
  EXPECT_TRUE(c.scope.leaf_only);
  EXPECT_TRUE(c.scope.selects(t.host)) << "page 12345 lies in 12344..12347";
  i.address = Iova(0x1234'8000);
  EXPECT_FALSE(decode_command(encode_command(i, config), config, 0).scope.selects(t.host));

  i.kind = Invalidation::Kind::context_source;
  i.source = kDevice;
  c = decode_command(encode_command(i, config), config, 0);
  EXPECT_TRUE(c.scope.source(process_cache_key(kDevice, 77)));
  EXPECT_FALSE(c.scope.source(process_cache_key(SourceId(0x19), 77)));

  i.kind = Invalidation::Kind::wait;
  i.status_address = Hpa(0x5000);
  i.status = 42;
  c = decode_command(encode_command(i, config), config, 0);
  EXPECT_EQ(c.kind, Command::Kind::wait);
  EXPECT_TRUE(c.write_status);
  EXPECT_EQ(c.status_address, Hpa(0x5000));
  EXPECT_EQ(c.status, 42u);

  i.kind = Invalidation::Kind::device_tlb;
  i.address = Iova(0x7'0000'0000);
  i.size_log2 = 21;
  c = decode_command(encode_command(i, config), config, 0);
  EXPECT_EQ(c.kind, Command::Kind::device_tlb);
  EXPECT_EQ(c.address, 0x7'0000'0000u);
  EXPECT_EQ(c.bytes, std::uint64_t{1} << 21);
}

TEST(RiscvCommandQueue, AnIllegalCommandStopsTheQueueAtItUntilSoftwareClearsIt) {
  Bench b;
  b.submit(kVma);
  EXPECT_EQ(b.reg32(reg::kCqh), 1u);
  b.submit(0);
  EXPECT_EQ(b.reg32(reg::kCqcsr) & csr::kIllegal, csr::kIllegal);
  EXPECT_EQ(b.reg32(reg::kCqh), 1u);
  b.submit(kVma);
  EXPECT_EQ(b.reg32(reg::kCqh), 1u) << "stopped";
  b.memory.write64(b.driver.queue_base() + 16, kVma);
  b.set32(reg::kCqcsr, csr::kEnable | csr::kIllegal);
  EXPECT_EQ(b.reg32(reg::kCqh), 3u);
}

TEST(RiscvCommandQueue, AFetchThatMemoryRefusesStopsTheQueue) {
  Bench b;
  b.unreadable.insert(b.driver.queue_base().value());
  b.submit(kVma);
  EXPECT_EQ(b.reg32(reg::kCqcsr) & csr::kMemoryFault, csr::kMemoryFault);
  EXPECT_EQ(b.reg32(reg::kCqh), 0u);
  b.unreadable.clear();
  b.set32(reg::kCqcsr, csr::kEnable | csr::kMemoryFault);
  EXPECT_EQ(b.reg32(reg::kCqh), 1u);
}

TEST(RiscvCommandQueue, AFenceWritesItsWordAndIsPassedOnlyThen) {
  Bench b;
  const Hpa word = b.memory.allocate(4096);
  b.submit(kFence | kAddressValid | 1 << 12 | std::uint64_t{0xabcd} << 32, (word + 4).value() >> 2);
  EXPECT_EQ(b.memory.read64(word), std::uint64_t{0xabcd} << 32) << "four bytes";
  EXPECT_TRUE(b.unit.ordered_reads);
  EXPECT_FALSE(b.unit.ordered_writes);
  b.read_only.insert(word.value());
  b.submit(kFence | kAddressValid, word.value() >> 2);
  EXPECT_EQ(b.reg32(reg::kCqh), 1u);
  EXPECT_EQ(b.reg32(reg::kCqcsr) & csr::kMemoryFault, csr::kMemoryFault);
}

TEST(RiscvCommandQueue, AFenceWaitsForDevicesAndReportsTheirSilence) {
  Bench b;
  b.submit(kAtsInval | std::uint64_t{0x18} << 40, 0x7000);
  b.submit(kAtsInval | std::uint64_t{0x20} << 40, 0x7000);
  ASSERT_EQ(b.unit.messages.size(), 2u);
  EXPECT_EQ(b.unit.messages[0].message.device, SourceId(0x18));
  b.submit(kFence);
  EXPECT_EQ(b.reg32(reg::kCqh), 2u);
  EXPECT_FALSE(b.unit.invalidation_completed(SourceId(0x20), false, 1u << b.unit.messages[0].tag, 1))
      << "another device's tag";
  EXPECT_TRUE(b.unit.invalidation_completed(SourceId(0x18), false, 1u << b.unit.messages[0].tag, 1));
  EXPECT_EQ(b.reg32(reg::kCqh), 2u);
  b.unit.invalidation_timed_out(1u << b.unit.messages[1].tag);
  EXPECT_EQ(b.reg32(reg::kCqh), 2u);
  EXPECT_EQ(b.reg32(reg::kCqcsr) & csr::kTimeout, csr::kTimeout);
  b.set32(reg::kCqcsr, csr::kEnable | csr::kTimeout);
  EXPECT_EQ(b.reg32(reg::kCqh), 3u) << "told once";
}

TEST(RiscvCommandQueue, AFenceOfAQueueTurnedOffMovesNoHead) {
  Bench b;
  b.submit(kAtsInval | std::uint64_t{0x18} << 40, 0x7000);
  b.submit(kFence);
  EXPECT_EQ(b.reg32(reg::kCqh), 1u) << "waits for the device";
  b.set32(reg::kCqcsr, 0);
  b.set32(reg::kCqcsr, csr::kEnable);
  EXPECT_EQ(b.reg32(reg::kCqh), 0u);
  b.set32(reg::kCqt, 0);
  EXPECT_TRUE(b.unit.invalidation_completed(SourceId(0x18), false, 1u << b.unit.messages[0].tag, 1));
  EXPECT_EQ(b.reg32(reg::kCqh), 0u) << "the fence was of the queue before";
}

TEST(RiscvCommandQueue, InvalidationsMakeChangesSeen) {
  RiscvConfig c;
  Bench b(c, Bench::Caches::unbounded);
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kGiB), Hpa(5 * kGiB), kPageBytes, kReadWrite, kPageBytes);
  EXPECT_EQ(b.read(kGiB).output, Hpa(5 * kGiB));
  bool freed = false;
  tables->unmap(b.memory, Iova(kGiB), kPageBytes, freed);
  EXPECT_EQ(b.read(kGiB).output, Hpa(5 * kGiB)) << "not invalidated yet";
  b.submit(kVma | kAddressValid | kProcessValid | kDomain.value() << 12, (kGiB >> 12) << 10);
  EXPECT_EQ(b.read(kGiB).outcome, Resolution::Outcome::fault);
  EXPECT_GT(b.unit.held(CacheKind::walk), 0u) << "pointers stay";
  b.submit(kVma);
  EXPECT_EQ(b.unit.held(CacheKind::walk), 0u);
  EXPECT_EQ(b.unit.held(CacheKind::context), 1u);
  b.submit(kDdt | kDeviceValid | std::uint64_t{0x19} << 40);
  EXPECT_EQ(b.unit.held(CacheKind::context), 1u);
  b.submit(kDdt | kDeviceValid | std::uint64_t{kDevice.value()} << 40);
  EXPECT_EQ(b.unit.held(CacheKind::context), 0u);
}

TEST(RiscvCaches, DevicesOfADomainShareTranslationsUnlessTheirMsiSettingsDiffer) {
  Bench b(RiscvConfig{}, Bench::Caches::unbounded);
  auto tables = b.attach(4);
  const SourceId other{0x20}, third{0x21};
  b.driver.attach(b.memory, other, kDomain, tables.get());
  b.driver.attach(b.memory, third, kDomain, tables.get());
  b.memory.write64(b.context(third) + 48, (kGiB >> 12) + 1);  // its interrupt pages are elsewhere
  tables->map(b.memory, Iova(kGiB), Hpa(5 * kGiB), kPageBytes, kReadWrite, kPageBytes);
  EXPECT_FALSE(b.read(kGiB).iotlb_hit);
  EXPECT_TRUE(b.resolve(Bench::request(kGiB, kRead, other)).iotlb_hit);
  EXPECT_FALSE(b.resolve(Bench::request(kGiB, kRead, third)).iotlb_hit);
}

TEST(RiscvFaultQueue, RecordsGiveCauseTypeAndAddresses) {
  Bench b;
  b.attach(4);
  b.run(Bench::request(0x1234'5678, kWrite));
  const FaultRecord r = b.fault_record(0);
  EXPECT_EQ(r.cause, code(FaultCause::write_page));
  EXPECT_EQ(r.type, TransactionType::untranslated_write);
  EXPECT_EQ(r.device, kDevice.value());
  EXPECT_FALSE(r.has_process);
  EXPECT_EQ(r.address, 0x1234'5678u);
  EXPECT_EQ(b.reg32(reg::kFqt), 1u);
}

TEST(RiscvFaultQueue, AFullQueueDropsRecordsUntilSoftwareClearsTheOverflow) {
  RiscvConfig c;
  c.fault_queue_entries = 2;
  Bench b(c);
  b.attach(4);
  b.run(Bench::request(0x1000));
  EXPECT_EQ(b.reg32(reg::kFqt), 1u);
  b.run(Bench::request(0x2000));
  EXPECT_EQ(b.reg32(reg::kFqcsr) & csr::kOverflow, csr::kOverflow);
  b.set32(reg::kFqh, 1);
  b.run(Bench::request(0x3000));
  EXPECT_EQ(b.reg32(reg::kFqt), 1u) << "still in error";
  b.set32(reg::kFqcsr, csr::kEnable | csr::kOverflow);
  b.run(Bench::request(0x4000));
  EXPECT_EQ(b.reg32(reg::kFqt), 0u);
  EXPECT_EQ(b.fault_record(1).address, 0x4000u);
}

TEST(RiscvFaultQueue, ARecordThatMemoryRefusesIsAnErrorOfTheQueue) {
  Bench b;
  b.attach(4);
  b.read_only.insert(b.driver.fault_queue().value());
  b.run(Bench::request(0x1000));
  EXPECT_EQ(b.reg32(reg::kFqcsr) & csr::kMemoryFault, csr::kMemoryFault);
  EXPECT_EQ(b.reg32(reg::kFqt), 0u);
}

TEST(RiscvFaultQueue, RecordsEncodeAndDecodeAsInverses) {
  FaultRecord r;
  r.cause = 0x112;
  r.type = TransactionType::translation_request;
  r.device = 0xabcdef;
  r.has_process = true;
  r.process = 0xfedcb;
  r.privileged = true;
  r.address = 0x1234'5678'9abc'def0;
  r.address2 = 0xfff1;
  const FaultRecord back = decode_fault_record(encode(r));
  EXPECT_EQ(encode(back), encode(r));
  EXPECT_EQ(back.device, r.device);
  EXPECT_EQ(back.process, r.process);
  EXPECT_EQ(back.cause, r.cause);
  EXPECT_EQ(back.type, r.type);
}

/// A device that may ask for pages.
struct PagesBench : Bench {
  explicit PagesBench(bool response_pasid = false, const RiscvConfig& c = {}) : Bench(c) {
    DeviceContext dc{};
    dc[kTc] = 1 | bit(tc::kEnableAts) | bit(tc::kEnablePri) | put(response_pasid, tc::kResponsePasid);
    set_context(dc);
  }
  static PageRequest ask(std::uint16_t group, bool last = true, SourceId source = kDevice) {
    PageRequest p;
    p.source = source;
    p.has_pasid = true;
    p.pasid = Pasid(9);
    p.read = true;
    p.last = last;
    p.group = group;
    p.address = 0x7000;
    return p;
  }
};

TEST(RiscvPageRequests, AreQueuedForSoftware) {
  PagesBench b;
  b.unit.page_request(PagesBench::ask(5));
  EXPECT_EQ(b.reg32(reg::kPqt), 1u);
  const Hpa queue(get(b.reg64(reg::kPqb), 53, 10) << 12);
  const PageRequest r = decode_page_request({b.memory.read64(queue), b.memory.read64(queue + 8)});
  EXPECT_EQ(r.source, kDevice);
  EXPECT_EQ(r.pasid, Pasid(9));
  EXPECT_EQ(r.group, 5);
  EXPECT_EQ(payload_of(r), payload_of(PagesBench::ask(5)));
  EXPECT_TRUE(b.unit.messages.empty());
}

TEST(RiscvPageRequests, TheUnitAnswersTheLastOfAGroupThatItCannotQueue) {
  struct Case {
    const char* why;
    std::function<void(PagesBench&)> spoil;
    PageResponseCode code;
    bool pasid;
  };
  const Case cases[] = {
      {"queue off", [](PagesBench& b) { b.set32(reg::kPqcsr, 0); }, PageResponseCode::failure, true},
      {"mode off", [](PagesBench& b) { b.set64(reg::kDdtp, 0); }, PageResponseCode::failure, true},
      {"mode bare", [](PagesBench& b) { b.set64(reg::kDdtp, 1); }, PageResponseCode::invalid_request, false},
      {"not enabled",
       [](PagesBench& b) {
         DeviceContext dc{};
         dc[kTc] = 1 | bit(tc::kEnableAts);
         b.set_context(dc);
       },
       PageResponseCode::invalid_request, false},
      {"memory refuses", [](PagesBench& b) { b.read_only.insert(get(b.reg64(reg::kPqb), 53, 10) << 12); },
       PageResponseCode::failure, true},
  };
  for (const Case& c : cases) {
    PagesBench b;
    c.spoil(b);
    b.unit.messages.clear();
    b.unit.page_request(PagesBench::ask(5, false));
    EXPECT_TRUE(b.unit.messages.empty()) << c.why << ": not the last of its group";
    b.unit.page_request(PagesBench::ask(5));
    ASSERT_EQ(b.unit.messages.size(), 1u) << c.why;
    const DeviceMessage& m = b.unit.messages[0].message;
    EXPECT_EQ(m.kind, DeviceMessage::Kind::page_response);
    EXPECT_EQ(m.body, page_response_body(kDevice, c.code, 5)) << c.why;
    EXPECT_EQ(m.has_pasid, c.pasid) << c.why;
  }
}

TEST(RiscvPageRequests, AFullQueueIsAnsweredWithSuccessAndThePasidTheDeviceWants) {
  RiscvConfig c;
  c.page_queue_entries = 2;
  for (const bool wanted : {false, true}) {
    PagesBench b(wanted, c);
    b.unit.page_request(PagesBench::ask(1));
    b.unit.page_request(PagesBench::ask(2));
    EXPECT_EQ(b.reg32(reg::kPqcsr) & csr::kOverflow, csr::kOverflow);
    ASSERT_EQ(b.unit.messages.size(), 1u);
    EXPECT_EQ(b.unit.messages[0].message.body, page_response_body(kDevice, PageResponseCode::success, 2));
    EXPECT_EQ(b.unit.messages[0].message.has_pasid, wanted);
  }
}

TEST(RiscvPageRequests, SoftwareAnswersThroughTheCommandQueue) {
  PagesBench b;
  const std::uint64_t body = page_response_body(SourceId(0), PageResponseCode::success, 5);
  b.submit(kPrgr | 9 << 12 | kProcessValid | std::uint64_t{kDevice.value()} << 40, body);
  ASSERT_EQ(b.unit.messages.size(), 1u);
  EXPECT_EQ(b.unit.messages[0].message.kind, DeviceMessage::Kind::page_response);
  EXPECT_EQ(b.unit.messages[0].message.pasid, Pasid(9));
  EXPECT_EQ(b.unit.messages[0].message.body, body);
}

}  // namespace
}  // namespace iommusim::iommu::riscv
