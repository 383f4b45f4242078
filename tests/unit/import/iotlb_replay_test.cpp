// The recorder's IOTLB, rule by rule.
#include <gtest/gtest.h>

#include "experiments/import/iotlb_replay.h"

namespace iommusim::importer {
namespace {

ep::TraceRecord access(std::uint64_t page, ep::Outcome outcome, std::uint32_t domain = 4,
                       std::uint16_t requester = 0x18) {
  ep::TraceRecord r;
  r.kind = ep::TraceKind::access;
  r.outcome = outcome;
  r.requester = base::Bdf(requester);
  r.domain = base::DomainId(domain);
  r.iova = base::Iova(page << 12);
  return r;
}

ep::TraceRecord invalidation(ep::InvalidateKind kind, std::uint64_t page = 0, std::uint8_t mask = 0,
                             std::uint32_t domain = 4) {
  ep::TraceRecord r;
  r.kind = ep::TraceKind::invalidate;
  r.invalidate = kind;
  r.domain = base::DomainId(domain);
  r.iova = base::Iova(page << 12);
  r.mask = mask;
  return r;
}

constexpr auto hit = ep::Outcome::hit, fill = ep::Outcome::fill;
constexpr auto by_page = ep::InvalidateKind::iotlb_page;

/// Pages of domain 4 left of `pages` after one page-selective invalidation of `page` with `mask`.
std::vector<std::uint64_t> left(unsigned bits, const std::vector<std::uint64_t>& pages, std::uint64_t page,
                                std::uint8_t mask) {
  std::vector<std::uint64_t> kept;
  for (auto p : pages) {
    IotlbReplay replay({1024, bits});
    replay.add(access(p, fill));
    replay.add(invalidation(by_page, page, mask));
    if (replay.size() == 1) kept.push_back(p);
  }
  return kept;
}

TEST(IotlbReplay, TheFullMaskDropsExactlyTheAlignedBlock) {
  EXPECT_EQ(left(64, {0xfff0, 0xfff1, 0xfff3, 0xfff4, 0xfef0, 0x00f0}, 0xfff0, 2),
            (std::vector<std::uint64_t>{0xfff4, 0xfef0, 0x00f0}));
}

TEST(IotlbReplay, TheEightBitMaskOfQemu72AlsoDropsPagesWithTheSameLowEightBits) {
  EXPECT_EQ(left(8, {0xfff0, 0xfff1, 0xfff3, 0xfff4, 0xfef0, 0x00f0, 0x00f4}, 0xfff0, 2),
            (std::vector<std::uint64_t>{0xfff4, 0x00f4}));
}

TEST(IotlbReplay, AnEightBitMaskOfEightBitsOrMoreDropsTheWholeDomain) {
  EXPECT_TRUE(left(8, {1, 0x1234, 0xfffff}, 0xfff00, 8).empty());
  EXPECT_EQ(left(64, {1, 0x1234, 0xfffff}, 0xfff00, 8), (std::vector<std::uint64_t>{1, 0x1234}));
}

TEST(IotlbReplay, InvalidationsReachTheirOwnDomainOnly) {
  IotlbReplay replay({1024, 64});
  replay.add(access(7, fill, 4));
  replay.add(access(7, fill, 5, 0x20));
  replay.add(invalidation(by_page, 7, 0, 4));
  replay.add(access(7, hit, 5, 0x20));
  replay.add(access(7, fill, 4));
  replay.add(invalidation(ep::InvalidateKind::iotlb_domain, 0, 0, 5));
  replay.add(access(7, hit, 4));
  replay.add(access(7, fill, 5, 0x20));
  replay.add(invalidation(ep::InvalidateKind::iotlb_global));
  replay.add(access(7, fill, 4));
  EXPECT_EQ(replay.result().exceptions, 0u);
}

TEST(IotlbReplay, ContextAndDeviceTlbInvalidationsLeaveTheIotlbAlone) {
  IotlbReplay replay({1024, 64});
  replay.add(access(7, fill));
  for (auto kind : {ep::InvalidateKind::context_global, ep::InvalidateKind::context_device,
                    ep::InvalidateKind::device_tlb, ep::InvalidateKind::interrupt_entry, ep::InvalidateKind::wait})
    replay.add(invalidation(kind, 7));
  replay.add(access(7, hit));
  EXPECT_EQ(replay.result().exceptions, 0u);
}

TEST(IotlbReplay, AFillThatFindsItFullEmptiesItAndOnlyThenInserts) {
  IotlbReplay replay({4, 64});
  for (std::uint64_t page = 0; page < 4; ++page) replay.add(access(page, fill));
  EXPECT_EQ(replay.size(), 4u);
  auto fifth = access(4, fill);
  fifth.line = 77;
  replay.add(fifth);
  EXPECT_EQ(replay.size(), 1u);
  replay.add(access(4, hit));
  replay.add(access(0, fill));
  EXPECT_EQ(replay.result().exceptions, 0u);
  EXPECT_EQ(replay.result().resets, std::vector<std::uint32_t>{77});
}

TEST(IotlbReplay, AResetMessageBelongsRightBehindTheFillThatCausedIt) {
  ep::TraceRecord message;
  message.kind = ep::TraceKind::iotlb_reset;
  for (bool late : {false, true}) {
    IotlbReplay replay({1, 64});
    replay.add(access(1, fill));
    replay.add(access(2, fill));
    if (late) replay.add(access(2, hit));
    replay.add(message);
    EXPECT_EQ(replay.result().misplaced_resets, late ? 2u : 0u);
  }
}

TEST(IotlbReplay, AnUnexpectedHitOrFillIsAnException) {
  IotlbReplay replay({1024, 64});
  replay.add(access(1, hit));
  replay.add(access(2, fill));
  replay.add(access(2, fill));
  EXPECT_EQ(replay.result().exceptions, 2u);
}

}  // namespace
}  // namespace iommusim::importer
