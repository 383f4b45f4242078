// Caches of the remapping unit: which entry goes where, what finds it, what drops it. No time.
#include "models/iommu/core/caches.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace iommusim::iommu {
namespace {

using By = PartitionConfig::By;
using base::CacheConfig;
using base::IndexHash;

constexpr std::uint64_t kPage = 4096;

Translation to(std::uint64_t output, std::uint8_t size_log2 = 12) {
  Translation t;
  t.output = Hpa(output);
  t.size_log2 = size_log2;
  t.rights = kReadWrite;
  return t;
}
Tenant device(unsigned bdf) { return Tenant{SourceId(bdf), DomainId(0), Pasid(0)}; }
Tenant domain(unsigned n) { return Tenant{SourceId(0), DomainId(n), Pasid(0)}; }
Tenant pasid(unsigned n) { return Tenant{SourceId(0), DomainId(0), Pasid(n)}; }
InvalidationScope everything(CacheKind kind) {
  InvalidationScope s;
  s.caches = CacheSet().with(kind);
  return s;
}
InvalidationScope page(Space space, std::uint64_t address, unsigned log2 = 12) {
  InvalidationScope s = everything(CacheKind::iotlb);
  s.space = Match::exactly(space);
  s.address = {address, ~std::uint64_t{0} << log2};
  return s;
}

/// Caches of one configuration, with short names.
struct Bench {
  explicit Bench(const RemappingUnitConfig& config, unsigned ports = 1) : caches(config, 1, "unit", ports) {}
  void fill(std::uint64_t address, Space space = 1, const Tenant& t = {}, std::uint8_t log2 = 12) {
    const RangeTag tag = range_around(space, address, log2);
    caches.fill_translation(tag, to(tag.base + (1ull << 40), log2), t);
  }
  bool holds(std::uint64_t address, Space space = 1, const Tenant& t = {}) {
    return caches.find_translation(space, address, t) != nullptr;
  }
  Caches caches;
};
Bench with_iotlb(const CacheConfig& shape, IndexHash index = IndexHash::xor_space) {
  RemappingUnitConfig c;
  c.iotlb = shape;
  c.iotlb.index = index;
  return Bench(c);
}

// ---- index

/// How many of `n` pages `stride` pages apart stay in a cache of 64 entries in 16 sets.
unsigned kept(IndexHash index, std::uint64_t stride, unsigned n) {
  Bench b = with_iotlb(CacheConfig(64, 4), index);
  for (unsigned i = 0; i < n; ++i) b.fill(i * stride * kPage);
  unsigned found = 0;
  for (unsigned i = 0; i < n; ++i) found += b.holds(i * stride * kPage) ? 1u : 0u;
  return found;
}

TEST(IotlbIndex, PagesAsManyApartAsThereAreSetsShareOneSetByLowBits) {
  EXPECT_EQ(kept(IndexHash::low_bits, 1, 64), 64u);
  EXPECT_EQ(kept(IndexHash::low_bits, 16, 16), 4u);
  EXPECT_EQ(kept(IndexHash::xor_space, 16, 16), 4u);
}
TEST(IotlbIndex, FoldingSpreadsThatStrideOverAllSets) {
  EXPECT_EQ(kept(IndexHash::xor_fold, 1, 64), 64u);
  EXPECT_EQ(kept(IndexHash::xor_fold, 16, 64), 64u);
  EXPECT_EQ(kept(IndexHash::xor_fold, 17, 16), 4u) << "equal groups cancel: its own pattern";
}
TEST(IotlbIndex, MixingHasNoPatternButLosesSomethingToChance) {
  for (const std::uint64_t stride : {1u, 16u, 17u, 256u}) {
    EXPECT_GT(kept(IndexHash::mixed, stride, 64), 44u);
    EXPECT_LT(kept(IndexHash::mixed, stride, 64), 64u);
  }
}
TEST(IotlbIndex, EqualPagesOfManySpacesShareASetUnlessTheSpaceTakesPart) {
  const auto kept_of_spaces = [](IndexHash index) {
    Bench b = with_iotlb(CacheConfig(64, 4), index);
    for (Space s = 1; s <= 16; ++s) b.fill(0x5000, s);
    unsigned found = 0;
    for (Space s = 1; s <= 16; ++s) found += b.holds(0x5000, s) ? 1u : 0u;
    return found;
  };
  EXPECT_EQ(kept_of_spaces(IndexHash::low_bits), 4u);
  EXPECT_EQ(kept_of_spaces(IndexHash::xor_fold), 4u);
  EXPECT_GT(kept_of_spaces(IndexHash::xor_space), 12u);
}
TEST(IotlbIndex, WorksWithNumbersOfSetsThatAreNoPowerOfTwo) {
  for (const IndexHash h : {IndexHash::low_bits, IndexHash::xor_space, IndexHash::xor_fold, IndexHash::mixed}) {
    Bench b = with_iotlb(CacheConfig(60, 4), h);
    for (unsigned i = 0; i < 4; ++i) b.fill(i * kPage);
    for (unsigned i = 0; i < 4; ++i) EXPECT_TRUE(b.holds(i * kPage));
  }
}

// ---- partitions

TEST(Partitions, TenantsOfDifferentPartsDoNotEvictEachOther) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(16, 0);
  c.iotlb.partition = {By::domain, 4};
  Bench b(c);
  for (unsigned i = 0; i < 4; ++i) b.fill(i * kPage, 1, domain(1));
  for (unsigned i = 0; i < 100; ++i) b.fill(i * kPage, 2, domain(2));
  for (unsigned i = 0; i < 4; ++i) EXPECT_TRUE(b.holds(i * kPage, 1, domain(1)));
  for (unsigned i = 96; i < 100; ++i) EXPECT_TRUE(b.holds(i * kPage, 2, domain(2)));
  EXPECT_FALSE(b.holds(95 * kPage, 2, domain(2))) << "a part has a quarter of the entries";
  b.fill(50 * kPage, 5, domain(5));  // 5 modulo 4 is the part of domain 1
  EXPECT_FALSE(b.holds(0, 1, domain(1)));
}
TEST(Partitions, AreChosenByDeviceOrPasidAsAsked) {
  RemappingUnitConfig c;
  c.iotlb.partition = {By::device, 8};
  Bench devices(c);
  devices.fill(0x1000, 1, device(0x0100));
  EXPECT_TRUE(devices.holds(0x1000, 1, device(0x0100)));
  EXPECT_FALSE(devices.holds(0x1000, 1, device(0x0200))) << "another bus, another part: not shared";
  EXPECT_FALSE(devices.holds(0x1000, 1, device(0x0101))) << "another function, another part";
  EXPECT_TRUE(devices.holds(0x1000, 1, device(0x0108))) << "eight functions on: the same part";
  c.iotlb.partition = {By::pasid, 2};
  Bench pasids(c);
  pasids.fill(0x1000, 1, pasid(3));
  EXPECT_TRUE(pasids.holds(0x1000, 1, pasid(5)));
  EXPECT_FALSE(pasids.holds(0x1000, 1, pasid(4)));
}
TEST(Partitions, AnInvalidationSearchesAllOfThem) {
  RemappingUnitConfig c;
  c.iotlb.partition = {By::device, 4};
  Bench b(c);
  for (unsigned d = 0; d < 4; ++d) b.fill(0x1000, 1, device(d));
  EXPECT_EQ(b.caches.iotlb_entries(), 4u) << "the shared page is held once for each";
  EXPECT_EQ(b.caches.invalidate(page(1, 0x1000)), 4u);
  EXPECT_EQ(b.caches.iotlb_entries(), 0u);
}
TEST(Partitions, DivideContextAndWalkCachesToo) {
  RemappingUnitConfig c;
  c.context_cache = CacheConfig(2, 0);
  c.context_cache.partition = {By::device, 2};
  c.walk_caches.level1 = CacheConfig(2, 0);
  c.walk_caches.level1.partition = {By::domain, 2};
  Caches caches(c, 1, "unit");
  caches.fill_context(0, Context{}, device(0));
  for (unsigned d = 1; d < 9; d += 2) caches.fill_context(d, Context{}, device(d));
  EXPECT_NE(caches.find_context(0, device(0)), nullptr);
  EXPECT_EQ(caches.find_context(5, device(5)), nullptr);
  EXPECT_NE(caches.peek_context(7, device(7)), nullptr);
  const auto table = [](unsigned n) { return range_around(1, std::uint64_t{n} << 21, 21, 2, 1); };
  caches.fill_words(CacheKind::walk, table(0), {1, 2}, domain(0));
  for (unsigned n = 1; n < 9; ++n) caches.fill_words(CacheKind::walk, table(n), {n, n}, domain(1));
  EXPECT_NE(caches.find_words(CacheKind::walk, table(0), domain(0)), nullptr);
  EXPECT_EQ(caches.find_words(CacheKind::walk, table(0), domain(1)), nullptr);
}

// ---- page sizes

TEST(IotlbSplit, EachRangeGoesToTheArrayOfItsClass) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(2, 0);
  c.iotlb.split = IotlbConfig::Split::by_size;
  c.iotlb.size_2m = CacheConfig(2, 0);
  c.iotlb.size_1g = CacheConfig(1, 0);
  Bench b(c);
  b.fill(0x10'0000'0000, 1, {}, 30);
  b.fill(0x4000'0000, 1, {}, 21);
  b.fill(0x8000'0000, 1, {}, 25);  // 32 MiB: with the 2 MiB pages
  b.fill(0x1000, 1, {}, 12);
  b.fill(0x10'0000, 1, {}, 16);  // 64 KiB: with the 4 KiB pages
  EXPECT_TRUE(b.holds(0x10'3fff'ffff) && b.holds(0x401f'ffff) && b.holds(0x81ff'ffff) && b.holds(0x1fff) &&
              b.holds(0x10'ffff));
  b.fill(0x5000);  // evicts one of the small ones only
  EXPECT_TRUE(b.holds(0x10'0000'0000) && b.holds(0x4000'0000) && b.holds(0x8000'0000));
  EXPECT_FALSE(b.holds(0x1000));
  b.fill(0x100'0000'0000, 1, {}, 39);  // 512 GiB: with the 1 GiB pages
  EXPECT_FALSE(b.holds(0x10'0000'0000));
  EXPECT_TRUE(b.holds(0x100'0000'0000));
  EXPECT_EQ(b.caches.iotlb_entries(), 5u);
}
TEST(IotlbSplit, AClassWithoutEntriesKeepsNothing) {
  RemappingUnitConfig c;
  c.iotlb.split = IotlbConfig::Split::by_size;
  c.iotlb.size_1g = CacheConfig(0, 0);
  Bench b(c);
  b.fill(0x4000'0000, 1, {}, 30);
  EXPECT_FALSE(b.holds(0x4000'0000));
}
TEST(Iotlb, OverlappingRangesAreKeptAndTheSmallestAnswers) {
  Bench b(RemappingUnitConfig{});
  b.fill(0x20'0000, 1, {}, 21);
  b.caches.fill_translation(range_around(1, 0x20'1000, 12), to(0x7000));
  EXPECT_EQ(b.caches.find_translation(1, 0x20'1000)->output, Hpa(0x7000));
  EXPECT_EQ(b.caches.find_translation(1, 0x20'2000)->size_log2, 21);
  EXPECT_EQ(b.caches.invalidate(page(1, 0x20'1000)), 2u) << "both hold the page";
}
TEST(Iotlb, AFillOfAPresentRangeReplacesItInPlace) {
  Bench b(RemappingUnitConfig{});
  b.fill(0x1000);
  b.caches.fill_translation(range_around(1, 0x1000, 12), to(0x7000));
  EXPECT_EQ(b.caches.iotlb_entries(), 1u);
  EXPECT_EQ(b.caches.find_translation(1, 0x1000)->output, Hpa(0x7000));
}

// ---- duplicate fills, reserved entries

TEST(DuplicateFills, EachTakesAnEntryUntilItIsEvictedOrInvalidated) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(4, 0);
  c.iotlb.duplicate_fills = true;
  Bench b(c);
  b.fill(0x1000);
  for (unsigned i = 0; i < 3; ++i) b.fill(0x2000);
  EXPECT_EQ(b.caches.iotlb_entries(), 4u);
  b.fill(0x3000);
  EXPECT_FALSE(b.holds(0x1000)) << "three copies of one page have cost it its entry";
  EXPECT_EQ(b.caches.invalidate(page(1, 0x2000)), 3u);
  EXPECT_FALSE(b.holds(0x2000));
  EXPECT_TRUE(b.holds(0x3000));
}
TEST(ReservedEntries, AWalkEvictsWhenItStartsAndItsFillTakesThatEntry) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(4, 0);
  c.iotlb.reserve_on_miss = true;
  Bench b(c);
  for (unsigned i = 0; i < 4; ++i) b.fill(i * kPage);
  Reservation walk;
  b.caches.reserve(walk, 1, 9 * kPage);
  EXPECT_TRUE(walk.held);
  EXPECT_EQ(b.caches.iotlb_entries(), 3u);
  EXPECT_FALSE(b.holds(0)) << "the least recently used went";
  b.fill(5 * kPage);  // a fill without a reservation may not take the entry kept
  EXPECT_EQ(b.caches.iotlb_entries(), 3u);
  EXPECT_FALSE(b.holds(kPage));
  b.caches.release(walk);
  b.fill(9 * kPage);
  EXPECT_EQ(b.caches.iotlb_entries(), 4u);
  EXPECT_TRUE(b.holds(2 * kPage) && b.holds(3 * kPage) && b.holds(5 * kPage) && b.holds(9 * kPage));
}
TEST(ReservedEntries, AreGivenBackByAWalkThatFillsNothing) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(2, 0);
  c.iotlb.reserve_on_miss = true;
  Bench b(c);
  Reservation first, second, third;
  b.caches.reserve(first, 1, 0x1000);
  b.caches.reserve(second, 1, 0x2000);
  b.caches.reserve(third, 1, 0x3000);
  EXPECT_TRUE(first.held && second.held);
  EXPECT_FALSE(third.held) << "both entries are taken";
  b.fill(0x3000);
  EXPECT_FALSE(b.holds(0x3000)) << "no entry to take: it serves its request and is not kept";
  b.caches.release(first);
  b.caches.release(second);
  b.caches.release(third);
  b.caches.release(first);  // once is enough
  b.fill(0x1000);
  b.fill(0x2000);
  EXPECT_TRUE(b.holds(0x1000) && b.holds(0x2000));
}
TEST(ReservedEntries, NothingIsReservedUnlessAskedFor) {
  Bench b(RemappingUnitConfig{});
  Reservation r;
  b.caches.reserve(r, 1, 0x1000);
  EXPECT_FALSE(r.held);
}

// ---- two levels

TEST(FirstLevel, IsThePortsOwnAndNeitherLevelEvictsFromTheOther) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(2, 0);
  c.iotlb.per_port = FirstLevelConfig();
  c.iotlb.per_port.entries = 4;
  Bench b(c, 2);
  ASSERT_TRUE(b.caches.two_levels());
  for (unsigned i = 0; i < 4; ++i) {
    const RangeTag tag = range_around(1, i * kPage, 12);
    b.caches.fill_translation(tag, to(0x10000));
    b.caches.fill_first_level(1, tag, to(0x10000));
  }
  EXPECT_EQ(b.caches.find_first_level(0, 1, 0), nullptr) << "the other port's";
  EXPECT_NE(b.caches.find_first_level(1, 1, 0), nullptr) << "evicted from the shared level, kept here";
  EXPECT_FALSE(b.holds(0));
  EXPECT_EQ(b.caches.invalidate(page(1, 0)), 1u);
  EXPECT_EQ(b.caches.invalidate(page(1, 3 * kPage)), 2u) << "one in each level";
  EXPECT_EQ(b.caches.find_first_level(1, 1, 0), nullptr);
}
TEST(FirstLevel, IsAbsentByDefault) { EXPECT_FALSE(Bench(RemappingUnitConfig{}, 4).caches.two_levels()); }

// ---- walk caches

RangeTag table(unsigned stage, unsigned level, std::uint64_t address = 0x1234'5678'9000) {
  return range_around(1, address, static_cast<std::uint8_t>(12 + 9 * level), static_cast<std::uint8_t>(stage),
                      static_cast<std::uint8_t>(level));
}

TEST(WalkCaches, StagesAndLevelsAreApart) {
  Caches caches(RemappingUnitConfig{}, 1, "unit");
  for (unsigned stage = 1; stage <= 2; ++stage) {
    for (unsigned level = 1; level <= 5; ++level) {
      for (unsigned s = 1; s <= 2; ++s)
        for (unsigned l = 1; l <= 5; ++l)
          EXPECT_EQ(caches.holds_words(CacheKind::walk, table(s, l)), s < stage || (s == stage && l < level));
      caches.fill_words(CacheKind::walk, table(stage, level), {stage, level});
    }
  }
  const CachedWords* found = caches.find_words(CacheKind::walk, table(2, 3));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->word0 * 10 + found->word1, 23u);
  EXPECT_EQ(caches.walk_use[1][2].lookups.value(), 1u);
  EXPECT_EQ(caches.walk_use[1][2].hits.value(), 1u);
  EXPECT_EQ(caches.walk_use[0][2].lookups.value(), 0u);
}
TEST(WalkCaches, AWalkThatNamesNoStageIsASecondStageWalk) {
  Caches caches(RemappingUnitConfig{}, 1, "unit");
  caches.fill_words(CacheKind::walk, table(0, 1), {7, 0});
  EXPECT_TRUE(caches.holds_words(CacheKind::walk, table(2, 1)));
  InvalidationScope s = everything(CacheKind::walk);
  s.stages = 1u << 2;
  EXPECT_EQ(caches.invalidate(s), 1u);
}
TEST(WalkCaches, LeafOnlyInvalidationsReachThePagesOfTablesAlone) {
  Caches caches(RemappingUnitConfig{}, 1, "unit");
  const RangeTag nested = range_around(1, 0x8000, 12, 2, 0);
  caches.fill_words(CacheKind::walk, table(1, 1), {1, 0});
  caches.fill_words(CacheKind::walk, table(2, 1), {2, 0});
  caches.fill_words(CacheKind::walk, nested, {3, 0});
  EXPECT_EQ(caches.find_words(CacheKind::walk, nested)->word0, 3u);
  EXPECT_EQ(caches.nested_use.hits.value(), 1u);
  InvalidationScope s = everything(CacheKind::walk);
  s.leaf_only = true;
  EXPECT_EQ(caches.invalidate(s), 1u);
  EXPECT_FALSE(caches.holds_words(CacheKind::walk, nested));
  s.leaf_only = false;
  EXPECT_EQ(caches.invalidate(s), 2u);
}
TEST(WalkCaches, AnInvalidationMayNameStages) {
  Caches caches(RemappingUnitConfig{}, 1, "unit");
  for (unsigned stage = 1; stage <= 2; ++stage) caches.fill_words(CacheKind::walk, table(stage, 2), {stage, 0});
  InvalidationScope s = everything(CacheKind::walk);
  s.stages = 1u << 1;
  EXPECT_EQ(caches.invalidate(s), 1u);
  EXPECT_FALSE(caches.holds_words(CacheKind::walk, table(1, 2)));
  EXPECT_TRUE(caches.holds_words(CacheKind::walk, table(2, 2)));
}
TEST(WalkCaches, APageDropsEveryPointerOnItsWay) {
  Caches caches(RemappingUnitConfig{}, 1, "unit");
  for (unsigned level = 1; level <= 4; ++level) {
    caches.fill_words(CacheKind::walk, table(1, level), {level, 0});
    caches.fill_words(CacheKind::walk, table(1, level, 0x7000'0000'0000 >> (level == 4)), {level, 0});
  }
  InvalidationScope s = page(1, 0x1234'5678'9000);
  s.caches = CacheSet().with(CacheKind::walk);
  EXPECT_EQ(caches.invalidate(s), 4u);
  EXPECT_TRUE(caches.holds_words(CacheKind::walk, table(1, 1, 0x7000'0000'0000)));
}
TEST(WalkCaches, AStageMayHaveSizesOfItsOwn) {
  RemappingUnitConfig c;
  c.walk_caches.first_stage.emplace();
  c.walk_caches.first_stage->level1 = CacheConfig(0, 0);
  Caches caches(c, 1, "unit");
  caches.fill_words(CacheKind::walk, table(1, 1), {1, 0});
  caches.fill_words(CacheKind::walk, table(2, 1), {2, 0});
  EXPECT_FALSE(caches.holds_words(CacheKind::walk, table(1, 1)));
  EXPECT_TRUE(caches.holds_words(CacheKind::walk, table(2, 1)));
}

// ---- invalidation of contexts and interrupt entries

TEST(Invalidation, OfContextsGoesByKeyAndDomain) {
  Caches caches(RemappingUnitConfig{}, 1, "unit");
  for (unsigned source = 0; source < 8; ++source) {
    Context c;
    c.domain = DomainId(source / 4);
    caches.fill_context(source, c);
    caches.fill_process(source << 20 | 5, c);
  }
  InvalidationScope s = everything(CacheKind::context);
  s.source = Match::exactly(3);
  EXPECT_EQ(caches.invalidate(s), 1u);
  EXPECT_EQ(caches.peek_context(3), nullptr);
  s.source = Match{4, 6};  // functions 4 and 5
  EXPECT_EQ(caches.invalidate(s), 2u);
  s = everything(CacheKind::context);
  s.domain = Match::exactly(0);
  EXPECT_EQ(caches.invalidate(s), 3u);
  EXPECT_NE(caches.peek_process(3 << 20 | 5), nullptr) << "process contexts were not named";
  s = everything(CacheKind::process);
  s.source = Match{3 << 20, ~std::uint64_t{0xfffff}};
  EXPECT_EQ(caches.invalidate(s), 1u);
  EXPECT_EQ(caches.find_process(3 << 20 | 5), nullptr);
  EXPECT_NE(caches.find_process(4 << 20 | 5), nullptr);
}
TEST(Invalidation, OfInterruptEntriesGoesByIndex) {
  Caches caches(RemappingUnitConfig{}, 1, "unit");
  for (std::uint64_t i = 0; i < 16; ++i) caches.fill_words(CacheKind::interrupt_entry, RangeTag{0, i, 0, 0, 0}, {i, 0});
  InvalidationScope s = everything(CacheKind::interrupt_entry);
  s.interrupt_index = Match{8, ~std::uint64_t{3}};
  EXPECT_EQ(caches.invalidate(s), 4u);
  EXPECT_FALSE(caches.holds_words(CacheKind::interrupt_entry, RangeTag{0, 11, 0, 0, 0}));
  EXPECT_TRUE(caches.holds_words(CacheKind::interrupt_entry, RangeTag{0, 12, 0, 0, 0}));
  EXPECT_EQ(caches.invalidated.value(), 4u);
}
TEST(Invalidation, OfOneCacheLeavesTheOthersAlone) {
  for (unsigned named = 0; named < kCacheKinds; ++named) {
    Caches caches(RemappingUnitConfig{}, 1, "unit");
    caches.fill_context(1, Context{});
    caches.fill_process(1, Context{});
    caches.fill_translation(range_around(1, 0x1000, 12), to(0x2000));
    caches.fill_words(CacheKind::walk, table(1, 1), {});
    caches.fill_words(CacheKind::interrupt_entry, RangeTag{0, 1, 0, 0, 0}, {});
    EXPECT_EQ(caches.invalidate(everything(static_cast<CacheKind>(named))), 1u);
    EXPECT_EQ(caches.peek_context(1) == nullptr, named == 0);
    EXPECT_EQ(caches.find_translation(1, 0x1000) == nullptr, named == 1);
    EXPECT_EQ(caches.holds_words(CacheKind::walk, table(1, 1)), named != 2);
    EXPECT_EQ(caches.holds_words(CacheKind::interrupt_entry, RangeTag{0, 1, 0, 0, 0}), named != 3);
    EXPECT_EQ(caches.peek_process(1) == nullptr, named == 4);
  }
}
TEST(Invalidation, OfARangeLargerThanTheCacheFindsWhatIsThere) {
  Bench b(RemappingUnitConfig{});
  for (unsigned i = 0; i < 64; ++i) b.fill(i * 16 * kPage);
  EXPECT_EQ(b.caches.invalidate(page(1, 0, 22)), 64u) << "4 MiB: 1024 pages";
}
TEST(Invalidation, OfTheFirstStageSparesFinishedTranslationsOnlyIfTheirStageIsNotNamed) {
  Bench b(RemappingUnitConfig{});
  b.fill(0x1000);
  InvalidationScope s = page(1, 0x1000);
  s.stages = 1u << 1;
  EXPECT_EQ(b.caches.invalidate(s), 0u);
  s.stages = 1u;
  EXPECT_EQ(b.caches.invalidate(s), 1u);
}

// ---- what an invalidation costs hardware

TEST(SearchCost, AFullyAssociativeArrayIsComparedAtOnceAndSetsAreReadOneByOne) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(128, 0);
  SearchCost full = Caches(c, 1, "unit").search_cost(everything(CacheKind::iotlb));
  EXPECT_EQ(full.sets, 1u);
  EXPECT_EQ(full.entries, 128u);
  c.iotlb = CacheConfig(128, 4);
  full = Caches(c, 1, "unit").search_cost(everything(CacheKind::iotlb));
  EXPECT_EQ(full.sets, 32u);
  EXPECT_EQ(full.longest, 32u);
  EXPECT_EQ(full.entries, 128u);
}
TEST(SearchCost, AnExactPageReadsOneSetForEachSizePresent) {
  Bench b = with_iotlb(CacheConfig(128, 4));
  b.fill(0x1000);
  EXPECT_EQ(b.caches.search_cost(page(1, 0x1000)).sets, 1u);
  b.fill(0x20'0000, 1, {}, 21);
  EXPECT_EQ(b.caches.search_cost(page(1, 0x1000)).sets, 2u);
  EXPECT_EQ(b.caches.search_cost(page(1, 0x1000)).entries, 8u);
  EXPECT_EQ(b.caches.search_cost(page(1, 0, 15)).sets, 8u + 1u) << "eight pages; one large one";
  InvalidationScope masked = page(1, 0x1000);
  masked.space.mask = 0xff;
  EXPECT_EQ(b.caches.search_cost(masked).sets, 32u) << "many spaces: no set can be named";
}
TEST(SearchCost, ArraysAreSearchedAtTheSameTime) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(128, 4);
  c.iotlb.per_port.entries = 16;
  c.iotlb.per_port.ways = 2;
  Caches caches(c, 1, "unit", 3);
  const SearchCost cost = caches.search_cost(everything(CacheKind::iotlb));
  EXPECT_EQ(cost.sets, 32u + 3 * 8u);
  EXPECT_EQ(cost.longest, 32u);
  EXPECT_EQ(cost.entries, 128u + 3 * 16u);
}
TEST(SearchCost, CountsTheCachesNamedOnly) {
  RemappingUnitConfig c;
  Caches caches(c, 1, "unit");
  InvalidationScope s = everything(CacheKind::walk);
  const auto per_stage = 64u + 32u + 16u + 4u + 4u;
  EXPECT_EQ(caches.search_cost(s).entries, 64u + 2 * per_stage);
  s.leaf_only = true;
  EXPECT_EQ(caches.search_cost(s).entries, 64u) << "pages of tables";
  s.caches = s.caches.with(CacheKind::context).with(CacheKind::process).with(CacheKind::interrupt_entry);
  EXPECT_EQ(caches.search_cost(s).entries, 4 * 64u);
  EXPECT_EQ(caches.search_cost(s, CacheKind::context).entries, 64u);
  EXPECT_EQ(caches.search_cost(s, CacheKind::iotlb).entries, 0u);
}

// ---- counters

TEST(CacheCounters, FillsAreEvictedOrInvalidatedOrStillThere) {
  RemappingUnitConfig c;
  c.iotlb = CacheConfig(16, 4);
  Bench b(c);
  for (unsigned i = 0; i < 100; ++i) b.fill(i % 37 * kPage);
  b.caches.invalidate(page(1, 0, 16));
  base::Group root;
  b.caches.register_stats(root);
  const auto iotlb = root.to_json(base::Time())["iotlb"];
  const auto count = [&](const char* name) { return iotlb[name]["value"].get<double>(); };
  EXPECT_GT(count("evictions"), 0);
  EXPECT_GT(count("invalidated"), 0);
  EXPECT_GT(count("entries"), 0);
  EXPECT_EQ(count("fills"), count("evictions") + count("invalidated") + count("entries"));
}

}  // namespace
}  // namespace iommusim::iommu
