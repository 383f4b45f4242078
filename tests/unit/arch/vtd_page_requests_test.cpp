// Translation requests and page requests of devices behind a VT-d unit.
#include <gtest/gtest.h>

#include "models/iommu/arch/vtd/fault_log.h"
#include "models/iommu/arch/vtd/page_requests.h"
#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

constexpr std::uint64_t kPage = 4096, kIova = 0x200000;
using Status = AtsCompletion::Status;
std::uint16_t code(Reason r) { return static_cast<std::uint16_t>(r); }

// ---- translation requests

TEST(VtdAts, AnswersGiveWhatBothStagesGrant) {
  Bench b(scalable_config());
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kIova), Hpa(0x600000), 2 << 20, kReadWrite, 2 << 20);
  tables->map(b.memory, Iova(0x1000), Hpa(0x5000), kPage, kRead, kPage);
  AtsCompletion a = b.unit.translate(Bench::translation_request(kIova + 0x12345));
  EXPECT_EQ(a.status, Status::success);
  EXPECT_EQ(a.rights, kReadWrite);
  EXPECT_EQ(a.address, 0x600000u);
  EXPECT_EQ(a.size_log2, 21);
  a = b.unit.translate(Bench::translation_request(0x1000));
  EXPECT_EQ(a.rights, kRead) << "a request that may write is told that it may not";
}

TEST(VtdAts, MissingPagesAreSuccessWithoutRightsAndNoRecord) {
  Bench b(scalable_config());
  auto tables = b.attach(4);
  const AtsCompletion a = b.unit.translate(Bench::translation_request(kIova));
  EXPECT_EQ(a.status, Status::success);
  EXPECT_EQ(a.rights, Rights{});
  EXPECT_EQ(a.fault.reason, code(Reason::second_not_present));
  EXPECT_EQ(b.reg32(reg::kFaultStatus), 0u);
  auto first = b.tables(TableStage::first, 4);
  b.driver->attach(b.memory, kDevice, kDomain, first.get());
  EXPECT_EQ(b.unit.translate(Bench::translation_request(bit(50))).rights, Rights{}) << "not canonical";
  EXPECT_EQ(b.reg32(reg::kFaultStatus), 0u);
}

TEST(VtdAts, WhatIsNotSetUpIsUnsupportedAndWhatIsBrokenAborts) {
  Bench b(scalable_config());
  auto tables = b.attach(4);
  b.set_bits(b.pasid_entry(), bit(10));
  AtsCompletion a = b.unit.translate(Bench::translation_request(kIova));
  EXPECT_EQ(a.status, Status::completer_abort);
  EXPECT_EQ(a.fault.reason, code(Reason::sm_pasid_reserved));
  EXPECT_NE(b.reg32(reg::kFaultStatus) & fault_status::kPending, 0u) << "recorded";
  b.clear_bits(b.pasid_entry(), bit(10) | 1);
  EXPECT_EQ(b.unit.translate(Bench::translation_request(kIova)).status, Status::unsupported_request);
  b.clear_bits(b.scalable_context(), bit(2));
  a = b.unit.translate(Bench::translation_request(kIova));
  EXPECT_EQ(a.status, Status::unsupported_request);
  EXPECT_EQ(a.fault.reason, code(Reason::sm_no_device_tlb));
}

TEST(VtdAts, PassThroughIsAnsweredWithTheAddressItself) {
  Bench b(scalable_config());
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  AtsCompletion a = b.unit.translate(Bench::translation_request(0x52345000));
  EXPECT_EQ(a.address, 0x40000000u);
  EXPECT_EQ(a.size_log2, 30);
  EXPECT_EQ(a.rights, kReadWrite);
  a = b.unit.translate(Bench::translation_request(0xf0000000));
  EXPECT_EQ(a.size_log2, 21) << "1 GiB would reach into the interrupt range";
  EXPECT_EQ(b.unit.translate(Bench::translation_request(0xfee00000)).rights, Rights{});
}

TEST(VtdAts, AWriteIntentDirtiesThePage) {
  Bench b(scalable_config());
  auto tables = b.tables(TableStage::first, 4);
  b.driver->attach(b.memory, kDevice, kDomain, tables.get());
  tables->map(b.memory, Iova(kIova), Hpa(0x5000), kPage, kReadWrite, kPage);
  const Hpa leaf = b.page_entry(*tables, kIova, 1);
  b.clear_bits(leaf, bit(6));
  EXPECT_EQ(b.unit.translate(Bench::translation_request(kIova, true)).rights, kRead) << "no write: not dirty";
  EXPECT_FALSE(get(b.memory.read64(leaf), 6));
  EXPECT_EQ(b.unit.translate(Bench::translation_request(kIova)).rights, kReadWrite);
  EXPECT_TRUE(get(b.memory.read64(leaf), 6));
}

TEST(VtdAts, WithTranslationOffTheyAreUnsupported) {
  Bench b(scalable_config());
  b.unit.write(b.driver->disable_translation());
  EXPECT_EQ(b.unit.translate(Bench::translation_request(kIova)).status, Status::unsupported_request);
}

TEST(VtdAts, LegacyModeAnswersTheSameWay) {
  VtdConfig c;
  c.device_tlb = true;
  Bench b(c);
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kIova), Hpa(0x5000), kPage, kRead, kPage);
  EXPECT_EQ(b.unit.translate(Bench::translation_request(kIova)).rights, kRead);
  const AtsCompletion missing = b.unit.translate(Bench::translation_request(kIova + kPage));
  EXPECT_EQ(missing.status, Status::success);
  EXPECT_EQ(missing.rights, Rights{});
  EXPECT_EQ(b.reg32(reg::kFaultStatus), 0u);
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  EXPECT_EQ(b.unit.translate(Bench::translation_request(kIova)).status, Status::unsupported_request)
      << "pass-through contexts block translation requests";
}

// ---- page requests

PageRequest request(std::uint64_t address, std::uint16_t group = 3, bool last = true) {
  PageRequest p;
  p.source = kDevice;
  p.has_pasid = true;
  p.pasid = Pasid(0x54321);
  p.read = p.write = true;
  p.last = last;
  p.group = group;
  p.address = address;
  return p;
}

struct Prq {
  explicit Prq(const VtdConfig& c = scalable_config()) : b(c) {
    b.driver->attach(b.memory, kDevice, kDomain, nullptr);
    b.unit.write(b.driver->route_events({0xfee01000, 0x41}));
    queue = b.reg64(reg::kPageAddress) & ~std::uint64_t{0xfff};
  }
  PageRequest at(unsigned index) {
    PageRequestWords w{};
    for (unsigned i = 0; i < 4; ++i) w[i] = b.memory.read64(Hpa(queue + 32 * index + 8 * i));
    return decode_page_request(w);
  }
  Bench b;
  std::uint64_t queue;
};

TEST(VtdPageRequests, AreQueuedInMemoryWithOneEvent) {
  Prq q;
  q.b.unit.page_request(request(0x7000, 3, false));
  q.b.unit.page_request(request(0x8000));
  EXPECT_EQ(q.b.reg32(reg::kPageTail), 64u);
  EXPECT_EQ(q.b.reg32(reg::kPageStatus), page_status::kPending);
  EXPECT_EQ(q.b.unit.interrupts.size(), 1u) << "software is on its way already";
  EXPECT_TRUE(q.b.unit.messages.empty());
  const PageRequest first = q.at(0), second = q.at(1);
  EXPECT_EQ(first.address, 0x7000u);
  EXPECT_FALSE(first.last);
  EXPECT_EQ(second.address, 0x8000u);
  EXPECT_EQ(second.pasid, Pasid(0x54321));
  EXPECT_EQ(second.source, kDevice);
  EXPECT_EQ(second.group, 3);
  EXPECT_TRUE(second.last && second.read && second.write);
  EXPECT_EQ(q.b.memory.read64(Hpa(q.queue)) & 0xff, 1u) << "type";
  q.b.set_reg(reg::kPageStatus, page_status::kPending);
  q.b.unit.page_request(request(0x9000));
  EXPECT_EQ(q.b.unit.interrupts.size(), 2u);
}

TEST(VtdPageRequests, AMaskedEventWaits) {
  Prq q;
  q.b.set_reg(reg::kPageEvent, event::kMasked);
  q.b.unit.page_request(request(0x7000));
  EXPECT_TRUE(q.b.unit.interrupts.empty());
  EXPECT_EQ(q.b.reg32(reg::kPageEvent), event::kMasked | event::kPending);
  const Effects e = q.b.unit.write(RegisterWrite{reg::kPageEvent, 4, 0});
  ASSERT_TRUE(e.interrupt);
  EXPECT_EQ(e.interrupt->data, 0x41u);
}

TEST(VtdPageRequests, AFullQueueOverflowsAndTheUnitAnswersSuccess) {
  VtdConfig c = scalable_config();
  c.scalable.page_queue_entries = 128;
  Prq q(c);
  for (unsigned i = 0; i < 127; ++i) q.b.unit.page_request(request(kPage * i, 3, false));
  EXPECT_EQ(q.b.reg32(reg::kPageStatus) & page_status::kOverflow, 0u);
  q.b.unit.page_request(request(0xaaa000, 3, false));
  EXPECT_NE(q.b.reg32(reg::kPageStatus) & page_status::kOverflow, 0u);
  EXPECT_TRUE(q.b.unit.messages.empty()) << "not the last of its group: dropped";
  q.b.unit.page_request(request(0xaab000, 9));
  ASSERT_EQ(q.b.unit.messages.size(), 1u);
  EXPECT_EQ(q.b.unit.messages[0].message.body, page_response_body(kDevice, PageResponseCode::success, 9));
  PageRequest stop = request(0, 1);
  stop.read = stop.write = false;
  q.b.unit.page_request(stop);
  EXPECT_EQ(q.b.unit.messages.size(), 1u) << "stop markers are never answered";

  q.b.set_reg(reg::kPageHead, q.b.reg32(reg::kPageTail));
  q.b.unit.page_request(request(0xaac000));
  EXPECT_EQ(q.b.unit.messages.size(), 2u) << "until software clears the overflow";
  q.b.set_reg(reg::kPageStatus, page_status::kOverflow | page_status::kPending);
  q.b.unit.page_request(request(0xaad000));
  EXPECT_EQ(q.b.unit.messages.size(), 2u);
  EXPECT_EQ(q.at(127).address, 0xaad000u);
  EXPECT_EQ(q.b.reg32(reg::kPageTail), 0u) << "the ring has wrapped";
}

TEST(VtdPageRequests, WhatTheContextForbidsIsAnsweredInvalidAndRecorded) {
  struct Case {
    std::uint64_t clear;
    Reason reason;
  };
  for (const Case c : {Case{bit(4), Reason::sm_no_page_requests}, Case{bit(3), Reason::sm_no_pasid},
                       Case{bit(0), Reason::sm_context_not_present}}) {
    Prq q;
    q.b.clear_bits(q.b.scalable_context(), c.clear);
    q.b.unit.page_request(request(0x7000));
    ASSERT_EQ(q.b.unit.messages.size(), 1u);
    EXPECT_EQ(q.b.unit.messages[0].message.body, page_response_body(kDevice, PageResponseCode::invalid_request, 3));
    EXPECT_TRUE(q.b.unit.messages[0].message.has_pasid);
    EXPECT_EQ(q.b.reg32(reg::kPageTail), 0u);
    const FaultRecord r = decode_fault_record({q.b.reg64(reg::kFaultRecords), q.b.reg64(reg::kFaultRecords + 8)});
    EXPECT_EQ(r.reason, code(c.reason));
    EXPECT_TRUE(r.page_request);
    EXPECT_TRUE(r.has_pasid);
    EXPECT_EQ(r.pasid, 0x54321u);
    EXPECT_EQ(r.information, 0x7000u);
  }
}

TEST(VtdPageRequests, LegacyModeHasNone) {
  VtdConfig c;
  c.device_tlb = true;
  Bench b(c);
  auto tables = b.attach(4);
  PageRequest p = request(0x7000);
  p.has_pasid = false;
  b.unit.page_request(p);
  ASSERT_EQ(b.unit.messages.size(), 1u);
  EXPECT_EQ(b.unit.messages[0].message.body, page_response_body(kDevice, PageResponseCode::invalid_request, 3));
  EXPECT_EQ(decode_fault_record({b.reg64(reg::kFaultRecords), b.reg64(reg::kFaultRecords + 8)}).reason,
            code(Reason::page_request_in_legacy_mode));
}

TEST(VtdPageRequests, SoftwareAnswersThroughTheQueueAndMayDrain) {
  Prq q;
  Invalidation answer;
  answer.kind = Invalidation::Kind::page_response;
  answer.source = kDevice;
  answer.has_pasid = true;
  answer.pasid = Pasid(0x54321);
  answer.group = 0x155;
  answer.code = PageResponseCode::failure;
  q.b.submit({answer});
  ASSERT_EQ(q.b.unit.messages.size(), 1u);
  EXPECT_EQ(q.b.unit.messages[0].message.body, page_response_body(kDevice, PageResponseCode::failure, 0x155));
  EXPECT_EQ(q.b.unit.messages[0].message.pasid, Pasid(0x54321));
  q.b.submit_raw(0x5 | bit(5) | bit(7) | put(7, 63, 32), 0x9000);
  EXPECT_EQ(q.b.memory.read64(Hpa(0x9000)), 7u) << "PD";
  VtdConfig c = scalable_config();
  c.scalable.page_request_drain = false;
  Bench none(c);
  none.submit_raw(0x5 | bit(7), 0);
  EXPECT_EQ(none.reg32(reg::kQueueError) & 0xf, 4u) << "PD is reserved without ECAP.PDS";
}

TEST(VtdPageRequests, ADescriptorThatMemoryRefusesIsAnOverflow) {
  Prq q;
  q.b.read_only = {q.queue};
  q.b.unit.page_request(request(0x7000));
  EXPECT_NE(q.b.reg32(reg::kPageStatus) & page_status::kOverflow, 0u);
  EXPECT_EQ(q.b.reg32(reg::kPageTail), 0u);
  EXPECT_EQ(q.b.unit.messages.size(), 1u);
}

// ---- fault records

TEST(VtdScalableFaults, RecordsTellPasidExecuteAndPrivilege) {
  Bench b(scalable_config());
  auto tables = b.tables(TableStage::first, 4);
  b.driver->attach_process(b.memory, kDevice, Pasid(0x3f), kDomain, tables.get());
  b.set_bits(b.pasid_entry(0x3f) + 16, 1);
  Request r = Bench::with_pasid(Bench::request(~std::uint64_t{0xfff}, Rights{true, false, true}), 0x3f, true);
  const Resolution out = b.resolve(r);
  b.unit.record(out, r);
  const FaultRecord f = decode_fault_record({b.reg64(reg::kFaultRecords), b.reg64(reg::kFaultRecords + 8)});
  EXPECT_EQ(f.reason, code(Reason::first_not_present));
  EXPECT_EQ(f.information, ~std::uint64_t{0xfff}) << "all 64 bits";
  EXPECT_EQ(f.pasid, 0x3fu);
  EXPECT_TRUE(f.has_pasid && f.execute && f.privileged && f.read);
  EXPECT_FALSE(f.page_request);
}

}  // namespace
}  // namespace iommusim::iommu::vtd
