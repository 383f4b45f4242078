#include <gtest/gtest.h>

#include "models/iommu/arch/vtd/invalidations.h"
#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

using Kind = Invalidation::Kind;

Invalidation make(Kind kind, DomainId domain = kDomain) {
  Invalidation i;
  i.kind = kind;
  i.domain = domain;
  i.source = kDevice;
  return i;
}
Invalidation pages(std::uint64_t address, std::uint8_t log2, bool leaf_only = false, DomainId domain = kDomain) {
  Invalidation i = make(Kind::iotlb_pages, domain);
  i.address = Iova(address);
  i.size_log2 = log2;
  i.leaf_only = leaf_only;
  return i;
}
RangeTag page(std::uint64_t number, Space domain = kDomain.value()) { return range_around(domain, number << 12, 12); }
InvalidationScope scope(const Invalidation& i, unsigned page_mask_bits = 64) {
  VtdConfig c;
  c.quirks.page_mask_bits = static_cast<std::uint8_t>(page_mask_bits);
  return command_for(decode_descriptor(encode(descriptor_for(i, c))), c, false).scope;
}

TEST(VtdPageMask, TheSpecifiedRuleComparesEveryBitAboveTheMask) {
  const InvalidationScope s = scope(pages(0x12340000, 12 + 2));
  for (unsigned n = 0; n < 4; ++n) EXPECT_TRUE(s.selects(page(0x12340 + n)));
  EXPECT_FALSE(s.selects(page(0x12344)));
  EXPECT_FALSE(s.selects(page(0x12340 + 0x100))) << "differs in bit 8 of the page number only";
  EXPECT_FALSE(s.selects(page(0x12340 + (std::uint64_t{1} << 35))));
  EXPECT_FALSE(s.selects(page(0x12340, 8))) << "another domain";
}

TEST(VtdPageMask, TheEightBitQuirkComparesTheLowByteOfThePageNumberOnly) {
  const InvalidationScope s = scope(pages(0x12340000, 12 + 2), 8);
  for (unsigned n = 0; n < 4; ++n) EXPECT_TRUE(s.selects(page(0x12340 + n)));
  EXPECT_FALSE(s.selects(page(0x12344)));
  EXPECT_TRUE(s.selects(page(0x12340 + 0x100)));
  EXPECT_TRUE(s.selects(page(0x43)));
  EXPECT_FALSE(s.selects(page(0x44)));
  EXPECT_TRUE(s.selects(page(0x40 + (std::uint64_t{1} << 35))));
  EXPECT_FALSE(s.selects(page(0x40, 8))) << "the domain still counts";
}

TEST(VtdPageMask, TheQuirkAgreesWithItsFormulaForAllMasksAndPages) {
  for (unsigned mask = 0; mask <= 9; ++mask) {
    const std::uint64_t first = std::uint64_t{0xabc00} >> mask << mask;
    const InvalidationScope specified = scope(pages(first << 12, static_cast<std::uint8_t>(12 + mask)));
    const InvalidationScope quirk = scope(pages(first << 12, static_cast<std::uint8_t>(12 + mask)), 8);
    for (std::uint64_t n = 0; n < 0x100000; n += 37) {
      const std::uint64_t m = ~((std::uint64_t{1} << mask) - 1);
      ASSERT_EQ(specified.selects(page(n)), ((n ^ first) & m) == 0) << mask << " " << n;
      ASSERT_EQ(quirk.selects(page(n)), ((n ^ first) & (m & 0xff)) == 0) << mask << " " << n;
    }
  }
}

TEST(VtdPageMask, AnEntryLargerThanTheRangeGoesIfItContainsIt) {
  const InvalidationScope s = scope(pages(0x40123000, 12));
  EXPECT_TRUE(s.selects(range_around(kDomain.value(), 0x40000000, 30)));
  EXPECT_TRUE(s.selects(range_around(kDomain.value(), 0x40000000, 21)));
  EXPECT_FALSE(s.selects(range_around(kDomain.value(), 0x40200000, 21)));
}

TEST(VtdScopes, EachFormNamesItsCaches) {
  const auto iotlb = scope(make(Kind::iotlb_global)).caches;
  EXPECT_TRUE(iotlb.has(CacheKind::iotlb));
  EXPECT_TRUE(iotlb.has(CacheKind::walk));
  EXPECT_FALSE(iotlb.has(CacheKind::context));
  EXPECT_FALSE(iotlb.has(CacheKind::interrupt_entry));
  const auto context = scope(make(Kind::context_global)).caches;
  EXPECT_TRUE(context.has(CacheKind::context));
  EXPECT_FALSE(context.has(CacheKind::iotlb)) << "software invalidates the IOTLB itself";
  EXPECT_FALSE(context.has(CacheKind::walk));
  EXPECT_TRUE(scope(pages(0, 12, true)).leaf_only);
  EXPECT_FALSE(scope(pages(0, 12, false)).leaf_only);
}

TEST(VtdScopes, ContextsGoByDomainOrBySource) {
  const InvalidationScope by_domain = scope(make(Kind::context_domain));
  EXPECT_TRUE(by_domain.domain(7));
  EXPECT_FALSE(by_domain.domain(8));
  const InvalidationScope by_source = scope(make(Kind::context_source));
  EXPECT_TRUE(by_source.source(0x18));
  EXPECT_FALSE(by_source.source(0x19));
  Descriptor d = descriptor_for(make(Kind::context_source), VtdConfig());
  d.function_mask = 3;
  const InvalidationScope all_functions = command_for(d, VtdConfig(), false).scope;
  EXPECT_TRUE(all_functions.source(0x1f));
  EXPECT_FALSE(all_functions.source(0x20));
}

TEST(VtdScopes, InterruptEntriesGoByIndexRange) {
  Invalidation i = make(Kind::interrupt_entries);
  i.index = 0x40;
  i.count_log2 = 3;
  const InvalidationScope some = scope(i);
  EXPECT_TRUE(some.interrupt_index(0x47));
  EXPECT_FALSE(some.interrupt_index(0x48));
  i.all_interrupts = true;
  EXPECT_TRUE(scope(i).interrupt_index(0xffff));
}

/// Pages 0x200..0x203 of the domain mapped and touched, caches unbounded.
class VtdQueue : public ::testing::Test {
 protected:
  VtdQueue() : b({}, UntimedUnit::Caches::unbounded), tables(b.attach(4)) {
    tables->map(b.memory, Iova(0x200000), Hpa(0x800000), 0x4000, kReadWrite, 4096);
    for (std::uint64_t n = 0; n < 4; ++n) b.read(0x200000 + n * 4096);
  }
  Bench b;
  std::unique_ptr<PageTables> tables;
};

TEST_F(VtdQueue, PageSelectiveDropsThePagesAndThePathToThem) {
  b.submit({pages(0x202000, 13)});
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 2u);
  EXPECT_EQ(b.unit.held(CacheKind::walk), 0u);
  EXPECT_EQ(b.unit.held(CacheKind::context), 1u);
}

TEST_F(VtdQueue, WithTheHintThePathStays) {
  b.submit({pages(0x202000, 13, true)});
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 2u);
  EXPECT_EQ(b.unit.held(CacheKind::walk), 3u);
}

TEST_F(VtdQueue, DomainSelectiveLeavesOtherDomainsAlone) {
  auto other = b.attach(4, SourceId(0x20), DomainId(8));
  other->map(b.memory, Iova(0x200000), Hpa(0x900000), 4096, kReadWrite, 4096);
  b.unit.resolve(Bench::request(0x200000, kRead, 64, SourceId(0x20)));
  b.submit({make(Kind::iotlb_domain)});
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 1u);
  EXPECT_EQ(b.unit.held(CacheKind::walk), 3u);
  b.submit({make(Kind::iotlb_global)});
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 0u);
}

TEST_F(VtdQueue, AStaleTranslationServesUntilItIsInvalidated) {
  bool tables_freed = true;
  EXPECT_EQ(tables->unmap(b.memory, Iova(0x201000), 4096, tables_freed), 4096u);
  EXPECT_FALSE(tables_freed);
  EXPECT_EQ(b.read(0x201000).output, Hpa(0x801000));
  b.submit({pages(0x201000, 12, true)});
  EXPECT_EQ(b.read(0x201000).fault.kind, FaultKind::not_present);
}

TEST_F(VtdQueue, AStaleContextServesUntilItIsInvalidated) {
  b.driver->detach(b.memory, kDevice);
  EXPECT_EQ(b.read(0x200000).outcome, Resolution::Outcome::translated);
  b.submit({make(Kind::context_source)});
  EXPECT_EQ(b.read(0x200000).fault.reason, 2);
}

TEST_F(VtdQueue, AWaitWritesItsStatus) {
  Invalidation wait = make(Kind::wait);
  wait.status_address = Hpa(0x7004);
  wait.status = 0xabcd;
  b.submit({make(Kind::iotlb_global), wait});
  EXPECT_EQ(b.memory.read64(Hpa(0x7000)), std::uint64_t{0xabcd} << 32);
  EXPECT_EQ(b.unit.commands[static_cast<unsigned>(Command::Form::wait)], 1u);
  EXPECT_EQ(b.unit.commands[static_cast<unsigned>(Command::Form::iotlb_global)], 1u);
}

TEST_F(VtdQueue, AWaitDrainsWhatTheInvalidationsBeforeItAskFor) {
  Descriptor d;
  d.type = Descriptor::Type::iotlb;
  d.granularity = Granularity::global;
  d.drain_reads = true;
  b.submit_raw(encode(d)[0], encode(d)[1]);
  b.submit({make(Kind::wait)});
  EXPECT_TRUE(b.unit.ordered_reads);
  EXPECT_FALSE(b.unit.ordered_writes);
  b.unit.ordered_reads = false;
  b.submit({make(Kind::wait)});
  EXPECT_FALSE(b.unit.ordered_reads) << "asked for once";
  b.submit({make(Kind::iotlb_global), make(Kind::wait)});
  EXPECT_TRUE(b.unit.ordered_reads && b.unit.ordered_writes) << "drivers ask for both";
}

TEST_F(VtdQueue, HeadFollowsTailAroundTheRing) {
  for (unsigned i = 0; i < 300; ++i) b.submit({make(Kind::iotlb_domain)});
  EXPECT_EQ(b.tail, 300u - 256u);
  EXPECT_EQ(b.driver->head_index(b.reg64(b.driver->head_register())), b.tail);
  EXPECT_EQ(b.unit.commands[static_cast<unsigned>(Command::Form::iotlb_domain)], 300u);
}

TEST_F(VtdQueue, AWaitWithTheInterruptFlagRaisesTheCompletionEventOnce) {
  b.unit.write(b.driver->route_events({0xfee02000, 0x66}));
  Descriptor d;
  d.type = Descriptor::Type::wait;
  d.interrupt = true;
  b.submit_raw(encode(d)[0], encode(d)[1]);
  b.submit_raw(encode(d)[0], encode(d)[1]);
  ASSERT_EQ(b.unit.interrupts.size(), 1u) << "the second finds the status still set";
  EXPECT_EQ(b.unit.interrupts[0].data, 0x66u);
  EXPECT_EQ(b.reg32(reg::kCompletionStatus), 1u);
  b.set_reg(reg::kCompletionStatus, 1);
  b.submit_raw(encode(d)[0], encode(d)[1]);
  EXPECT_EQ(b.unit.interrupts.size(), 2u);
}

TEST_F(VtdQueue, AnIllegalDescriptorStopsTheQueueUntilSoftwareClearsTheError) {
  b.unit.write(b.driver->route_events({0xfee02000, 0x66}));
  const std::uint32_t at = b.tail;
  b.submit_raw(0xf, 0, false);
  b.submit({make(Kind::iotlb_global)});
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kQueueError);
  EXPECT_EQ(b.reg32(reg::kQueueError), static_cast<std::uint32_t>(QueueError::type));
  EXPECT_EQ(b.driver->head_index(b.reg64(reg::kQueueHead)), at) << "the head stays on the culprit";
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 4u) << "nothing behind it runs";
  EXPECT_EQ(b.unit.interrupts.size(), 1u);
  const CommandBytes good = b.driver->encode(make(Kind::iotlb_domain));
  b.memory.write64(b.driver->queue_base() + 16 * at, good.words[0]);
  b.set_reg(reg::kFaultStatus, fault_status::kQueueError);
  EXPECT_EQ(b.unit.held(CacheKind::iotlb), 0u);
  EXPECT_EQ(b.driver->head_index(b.reg64(reg::kQueueHead)), b.tail);
}

TEST_F(VtdQueue, EachWayToBeIllegalIsFound) {
  const VtdConfig c;
  EXPECT_EQ(check({0x0, 0}, 16, false, c), QueueError::type);
  EXPECT_EQ(check({0x3, 0}, 16, false, c), QueueError::type) << "no device TLBs";
  EXPECT_EQ(check({0x6, 0}, 16, false, c), QueueError::type) << "scalable mode";
  EXPECT_EQ(check({0x1, 0}, 16, false, c), QueueError::reserved) << "granularity 0";
  EXPECT_EQ(check({0x11, 0}, 16, false, c), QueueError::none);
  EXPECT_EQ(check({0x11, 1}, 16, false, c), QueueError::reserved);
  EXPECT_EQ(check({0x51, 0}, 16, false, c), QueueError::reserved);
  EXPECT_EQ(check({0x12, 0}, 16, false, c), QueueError::none);
  EXPECT_EQ(check({0x112, 0}, 16, false, c), QueueError::reserved);
  EXPECT_EQ(check({0x32, 18}, 16, false, c), QueueError::none);
  EXPECT_EQ(check({0x32, 19}, 16, false, c), QueueError::reserved) << "beyond the largest address mask";
  EXPECT_EQ(check({0x32, 0x80}, 16, false, c), QueueError::reserved);
  EXPECT_EQ(check({0x24, 0}, 16, false, c), QueueError::reserved);
  EXPECT_EQ(check({0x25, 0x5000}, 16, false, c), QueueError::none);
  EXPECT_EQ(check({0x25, 0x5001}, 16, false, c), QueueError::reserved);
  EXPECT_EQ(check({0xa5, 0x5000}, 16, false, c), QueueError::reserved);
  VtdConfig plain;
  plain.interrupt_remapping = false;
  EXPECT_EQ(check({0x4, 0}, 16, false, c), QueueError::none);
  EXPECT_EQ(check({0x4, 0}, 16, false, plain), QueueError::type);
}

TEST_F(VtdQueue, AFetchErrorStopsTheQueue) {
  b.unreadable = {(b.driver->queue_base() + 16 * b.tail).value()};
  b.submit({make(Kind::iotlb_global)});
  EXPECT_EQ(b.reg32(reg::kFaultStatus), fault_status::kQueueError);
  EXPECT_EQ(b.reg32(reg::kQueueError), static_cast<std::uint32_t>(QueueError::fetch));
  EXPECT_FALSE(b.arch->next_command());
}

TEST_F(VtdQueue, ATailBeyondTheQueueIsAnError) {
  b.set_reg(reg::kQueueTail, 256 << 4);
  EXPECT_EQ(b.reg32(reg::kQueueError), static_cast<std::uint32_t>(QueueError::tail));
  EXPECT_FALSE(b.arch->next_command());
}

}  // namespace
}  // namespace iommusim::iommu::vtd
