// Invalidation in scalable mode: descriptors of 32 bytes, and what each granularity drops and leaves.
#include <gtest/gtest.h>

#include <functional>

#include "models/iommu/arch/vtd/invalidations.h"
#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

constexpr std::uint64_t kPage = 4096;
using Kind = Invalidation::Kind;

/// Four address spaces with two pages each, all cached: a second stage (domain 1), processes 5 and 6 of domain 2 and
/// process 5 of domain 3 over first stages, process 7 nested in domain 1.
struct Warm {
  static constexpr std::uint64_t kFirst = 0x200000, kFar = 0x40000000;
  enum Who { kPlain, kProcess5, kProcess6, kOtherDomain, kNested, kCount };
  SourceId other{0x0020};

  Warm() : b(scalable_config(), UntimedUnit::Caches::unbounded) {
    second = b.tables(TableStage::second, 4);
    second->map(b.memory, Iova(0), Hpa(0), 1 << 30, kReadWrite, kPage * 512);
    second->map(b.memory, Iova(kFar), Hpa(0x6000), kPage, kReadWrite, kPage);
    b.driver->attach(b.memory, kDevice, DomainId(1), second.get());
    b.driver->attach(b.memory, other, DomainId(1), second.get());
    for (int i = 0; i < 4; ++i) {
      first.push_back(b.tables(TableStage::first, 4));
      for (const std::uint64_t at : {kFirst, kFar})
        first.back()->map(b.memory, Iova(at), Hpa(0x5000), kPage, kReadWrite, kPage);
    }
    b.driver->attach_process(b.memory, kDevice, Pasid(5), DomainId(2), first[0].get());
    b.driver->attach_process(b.memory, kDevice, Pasid(6), DomainId(2), first[1].get());
    b.driver->attach_process(b.memory, other, Pasid(5), DomainId(3), first[2].get());
    b.driver->attach_process(b.memory, kDevice, Pasid(7), DomainId(1), first[3].get(), second.get());
    for (int who = 0; who < kCount; ++who)
      for (const std::uint64_t at : {kFirst, kFar}) EXPECT_EQ(ask(who, at).outcome, Resolution::Outcome::translated);
    EXPECT_EQ(hits(), (std::vector<int>{2, 2, 2, 2, 2}));
  }
  Resolution ask(UntimedUnit unit, int who, std::uint64_t at) { return unit.resolve(request(who, at)); }
  Resolution ask(int who, std::uint64_t at) { return b.resolve(request(who, at)); }
  UntimedUnit copy() const { return b.unit; }
  Request request(int who, std::uint64_t at) const {
    const Request r = Bench::request(at, kRead, 64, who == kOtherDomain ? other : kDevice);
    constexpr std::uint32_t pasid[] = {0, 5, 6, 5, 7};
    return who == kPlain ? r : Bench::with_pasid(r, pasid[who]);
  }
  /// Pages of each that are still in the IOTLB. Asked of a copy of the unit, so that the question fills nothing anew.
  std::vector<int> hits() {
    std::vector<int> n;
    for (int who = 0; who < kCount; ++who) {
      int here = 0;
      for (const std::uint64_t at : {kFirst, kFar}) here += ask(copy(), who, at).iotlb_hit;
      n.push_back(here);
    }
    return n;
  }
  void invalidate(Kind kind, std::uint32_t domain, std::function<void(Invalidation&)> more = {}) {
    Invalidation i;
    i.kind = kind;
    i.domain = DomainId(domain);
    if (more) more(i);
    b.submit({i});
  }
  Bench b;
  std::unique_ptr<PageTables> second;
  std::vector<std::unique_ptr<PageTables>> first;
};

void of_process(Invalidation& i, std::uint32_t pasid) {
  i.has_pasid = true;
  i.pasid = Pasid(pasid);
}

TEST(VtdProcessQueue, AllOfOneProcess) {
  Warm w;
  w.invalidate(Kind::iotlb_domain, 2, [](Invalidation& i) { of_process(i, 5); });
  EXPECT_EQ(w.hits(), (std::vector<int>{2, 0, 2, 2, 2}));
  w.invalidate(Kind::iotlb_domain, 1, [](Invalidation& i) { of_process(i, 7); });
  EXPECT_EQ(w.hits(), (std::vector<int>{2, 0, 2, 2, 0})) << "nested too";
}

TEST(VtdProcessQueue, PagesOfOneProcess) {
  Warm w;
  const std::size_t pointers = w.b.unit.held(CacheKind::walk);
  const auto page = [&](bool leaf_only) {
    w.invalidate(Kind::iotlb_pages, 2, [leaf_only](Invalidation& i) {
      of_process(i, 6);
      i.address = Iova(Warm::kFirst);
      i.leaf_only = leaf_only;
    });
  };
  page(true);
  EXPECT_EQ(w.hits(), (std::vector<int>{2, 2, 1, 2, 2}));
  EXPECT_EQ(w.b.unit.held(CacheKind::walk), pointers) << "the hint: leaves only";
  page(false);
  EXPECT_EQ(w.b.unit.held(CacheKind::walk), pointers - 3) << "the three pointers on the way to that page";
}

TEST(VtdProcessQueue, AnAddressMaskTakesTheNeighboursToo) {
  Warm w;
  w.invalidate(Kind::iotlb_pages, 2, [](Invalidation& i) {
    of_process(i, 5);
    i.address = Iova(Warm::kFirst & ~(bit(29) - 1));
    i.size_log2 = 29;
  });
  EXPECT_EQ(w.hits(), (std::vector<int>{2, 1, 2, 2, 2}));
}

TEST(VtdProcessQueue, ByDomainEverythingTaggedWithItGoes) {
  Warm w;
  w.invalidate(Kind::iotlb_domain, 1, [](Invalidation& i) { i.stage = TableStage::second; });
  EXPECT_EQ(w.hits(), (std::vector<int>{0, 2, 2, 2, 0}));
  w.invalidate(Kind::iotlb_domain, 2, [](Invalidation& i) { i.stage = TableStage::second; });
  EXPECT_EQ(w.hits(), (std::vector<int>{0, 0, 0, 2, 0}));
  w.invalidate(Kind::iotlb_global, 0);
  EXPECT_EQ(w.hits(), (std::vector<int>{0, 0, 0, 0, 0}));
  EXPECT_EQ(w.b.unit.held(CacheKind::walk), 0u);
}

TEST(VtdProcessQueue, PagesOfASecondStageTakeAllThatIsNestedInIt) {
  Warm w;
  w.invalidate(Kind::iotlb_pages, 1, [](Invalidation& i) {
    i.address = Iova(Warm::kFar);
    i.leaf_only = true;
  });
  EXPECT_EQ(w.hits(), (std::vector<int>{1, 2, 2, 2, 0})) << "nested entries are not tagged by guest addresses";
}

TEST(VtdProcessQueue, PagesOfTablesGoWithTheSecondStagePagesTheyLieIn) {
  Warm w;
  const std::uint64_t table = dynamic_cast<const DomainTables&>(*w.first[3]).root().value();
  w.invalidate(Kind::iotlb_pages, 1, [table](Invalidation& i) {
    i.address = Iova(table);
    i.leaf_only = true;
  });
  const Resolution r = w.ask(Warm::kNested, 0x7000000000);  // the root entry must be read again
  EXPECT_GE(r.reads.page_table[2][2], 1u) << "where the root lies is not known any more";
}

TEST(VtdProcessQueue, PasidCacheByProcessDomainAndAll) {
  Warm w;
  const auto processes = [&w] { return w.b.unit.held(CacheKind::process); };
  EXPECT_EQ(processes(), 5u) << "PASID 0 of one source, 5, 6, 7, and 5 of the other";
  w.invalidate(Kind::process, 2, [](Invalidation& i) { i.pasid = Pasid(5); });
  EXPECT_EQ(processes(), 4u) << "the same PASID of another domain stays";
  w.invalidate(Kind::context_domain, 1);
  EXPECT_EQ(processes(), 2u) << "PASIDs 0 and 7";
  w.invalidate(Kind::context_global, 0);
  EXPECT_EQ(processes(), 0u);
  EXPECT_EQ(w.b.unit.held(CacheKind::context), 2u) << "device contexts stay";
  EXPECT_EQ(w.hits(), (std::vector<int>{2, 2, 2, 2, 2})) << "translations stay";
}

TEST(VtdProcessQueue, ContextsByDescriptor) {
  Warm w;
  Descriptor d;
  d.type = Descriptor::Type::context;
  d.granularity = Granularity::selective;
  d.source = 0x18;
  w.b.submit_raw(encode(d)[0], encode(d)[1]);
  EXPECT_EQ(w.b.unit.held(CacheKind::context), 1u);
  EXPECT_EQ(w.b.unit.held(CacheKind::process), 5u);
  d.granularity = Granularity::domain;
  w.b.submit_raw(encode(d)[0], encode(d)[1]);
  EXPECT_EQ(w.b.unit.held(CacheKind::context), 0u) << "they belong to no domain: all go";
}

TEST(VtdProcessQueue, ADetachedSourceFaultsOnceItsPasidEntryIsInvalidated) {
  Warm w;
  w.b.driver->detach(w.b.memory, kDevice);
  EXPECT_EQ(w.ask(Warm::kPlain, Warm::kFirst).outcome, Resolution::Outcome::translated) << "cached";
  w.invalidate(Kind::context_source, 1, [](Invalidation& i) { i.source = kDevice; });
  EXPECT_EQ(w.ask(Warm::kPlain, Warm::kFirst).fault.reason, static_cast<int>(Reason::sm_pasid_not_present));
  EXPECT_EQ(w.ask(Warm::kProcess5, Warm::kFirst).outcome, Resolution::Outcome::translated);
}

// ---- the queue itself

TEST(VtdProcessQueue, DescriptorsTake32BytesAndHeadAndTailCountThem) {
  Bench b(scalable_config());
  EXPECT_EQ(b.driver->command_bytes(), 32);
  Invalidation wait;
  wait.kind = Kind::wait;
  wait.status_address = Hpa(0x9000);
  wait.status = 3;
  b.submit({Invalidation{}, wait});
  EXPECT_EQ(b.reg32(reg::kQueueTail), 64u);
  EXPECT_EQ(b.reg32(reg::kQueueHead), 64u);
  EXPECT_EQ(b.driver->head_index(b.reg32(reg::kQueueHead)), 2u);
  EXPECT_EQ(b.memory.read64(Hpa(0x9000)), 3u);
  EXPECT_EQ(b.unit.commands[static_cast<unsigned>(Command::Form::wait)], 1u);
}

TEST(VtdProcessQueue, ErrorsHaveTheirNumbers) {
  const auto error_of = [](std::uint64_t low, std::uint64_t high) {
    Bench b(scalable_config());
    b.submit_raw(low, high);
    EXPECT_TRUE(b.reg32(reg::kFaultStatus) & fault_status::kQueueError);
    return b.reg32(reg::kQueueError) & 0xf;
  };
  EXPECT_EQ(error_of(0xa, 0), 3u) << "no such type";
  EXPECT_EQ(error_of(0x201, 0), 3u) << "type bits 6:4";
  EXPECT_EQ(error_of(0x6 | 0x20 | bit(8), 0), 4u) << "reserved";
  EXPECT_EQ(error_of(0x6, 0), 4u) << "granularity 0 of p_iotlb";
  EXPECT_EQ(error_of(0x6 | 0x30, 19), 4u) << "address mask beyond MAMV";
  EXPECT_EQ(error_of(0x7 | 0x20, 0), 4u) << "granularity 2 of the PASID cache";
  EXPECT_EQ(error_of(0x7 | 0x30, 1), 4u);
  Bench end(scalable_config());
  const CommandBytes c = end.driver->encode(Invalidation{});
  end.memory.write64(end.driver->queue_base(), c.words[0]);
  end.unit.write(end.driver->tail_write(1));
  EXPECT_EQ(end.reg32(reg::kQueueError) & 0xf, 0u);
  end.memory.write64(end.driver->queue_base() + 32, c.words[0]);
  end.memory.write64(end.driver->queue_base() + 32 + 24, 1);
  end.unit.write(end.driver->tail_write(2));
  EXPECT_EQ(end.reg32(reg::kQueueError) & 0xf, 4u) << "the last words are reserved";
}

TEST(VtdProcessQueue, NarrowDescriptorsAndCrookedTailsAreErrors) {
  Bench b(scalable_config());
  b.set_reg(reg::kQueueTail, 0x30);
  EXPECT_EQ(b.reg32(reg::kQueueError) & 0xf, 6u) << "the tail points into a descriptor";
  Bench narrow(scalable_config());
  narrow.set_reg(reg::kQueueAddress, narrow.reg64(reg::kQueueAddress) & ~bit(11), 8);
  narrow.memory.write64(narrow.driver->queue_base(), 0x11);
  narrow.set_reg(reg::kQueueTail, 16);
  EXPECT_EQ(narrow.reg32(reg::kQueueError) & 0xf, 5u) << "scalable mode needs 32 bytes";
}

TEST(VtdProcessQueue, DevicesAreToldByProcess) {
  Bench b(scalable_config());
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  Invalidation i;
  i.kind = Kind::device_tlb;
  i.source = kDevice;
  i.address = Iova(0x7000000);
  i.size_log2 = 14;
  b.submit({i});
  of_process(i, 0x12345);
  b.submit({i});
  ASSERT_EQ(b.unit.messages.size(), 2u);
  EXPECT_FALSE(b.unit.messages[0].message.has_pasid);
  EXPECT_EQ(b.unit.messages[0].message.body, 0x7001800u) << "S in bit 11, the size in the address";
  EXPECT_EQ(b.unit.messages[1].message.body, 0x7001800u);
  EXPECT_EQ(b.unit.messages[1].message.pasid, Pasid(0x12345));
  EXPECT_EQ(b.unit.messages[1].message.device, kDevice);

  Invalidation wait;
  wait.kind = Kind::wait;
  wait.status_address = Hpa(0x9000);
  wait.status = 1;
  b.submit({wait});
  EXPECT_EQ(b.memory.read64(Hpa(0x9000)), 0u) << "devices have not answered";
  EXPECT_TRUE(b.unit.invalidation_completed(kDevice, false, 3, 1));
  EXPECT_EQ(b.memory.read64(Hpa(0x9000)), 1u);
}

TEST(VtdProcessQueue, ADeviceThatStaysSilentStopsTheQueue) {
  Bench b(scalable_config());
  Invalidation i, wait;
  i.kind = Kind::device_tlb;
  i.source = kDevice;
  wait.kind = Kind::wait;
  wait.status_address = Hpa(0x9000);
  wait.status = 1;
  b.submit({i, wait, Invalidation{}});
  b.unit.invalidation_timed_out(1);
  EXPECT_TRUE(b.reg32(reg::kFaultStatus) & fault_status::kDeviceTimeout);
  EXPECT_EQ(b.memory.read64(Hpa(0x9000)), 0u) << "the wait does not complete";
  EXPECT_EQ(b.reg32(reg::kQueueHead), 64u) << "stopped behind the wait";
  b.set_reg(reg::kFaultStatus, fault_status::kDeviceTimeout);
  EXPECT_EQ(b.reg32(reg::kQueueHead), 96u);
}

}  // namespace
}  // namespace iommusim::iommu::vtd
