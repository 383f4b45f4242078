#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

VtdConfig all_levels() {
  VtdConfig c;
  c.table_levels = {3, 4, 5};
  c.guest_address_bits = 57;
  return c;
}

class VtdWalkDepth : public ::testing::TestWithParam<unsigned> {};

TEST_P(VtdWalkDepth, APageOf4KiBTakesOneReadPerLevel) {
  Bench b(all_levels());
  auto tables = b.attach(GetParam());
  tables->map(b.memory, Iova(0x7f12345000), Hpa(0xabcde000), 4096, kReadWrite, 4096);
  const Resolution r = b.read(0x7f12345678 & ~std::uint64_t{0x7f00000000});
  EXPECT_EQ(r.outcome, Resolution::Outcome::fault) << "another address";
  const Resolution hit = b.read(0x7f12345678);
  ASSERT_EQ(hit.outcome, Resolution::Outcome::translated);
  EXPECT_EQ(hit.output, Hpa(0xabcde678));
  EXPECT_EQ(hit.translation.size_log2, 12);
  EXPECT_EQ(hit.reads[Structure::root_entry], 1u);
  EXPECT_EQ(hit.reads[Structure::context_entry], 1u);
  EXPECT_EQ(hit.reads[Structure::page_table], GetParam());
  for (unsigned level = 1; level <= GetParam(); ++level) EXPECT_EQ(hit.reads.page_table[2][level], 1u) << level;
  EXPECT_EQ(hit.reads.total(), GetParam() + 2);
}

TEST_P(VtdWalkDepth, ASuperpageSavesOneReadPerLevel) {
  Bench b(all_levels());
  auto tables = b.attach(GetParam());
  tables->map(b.memory, Iova(0x40000000), Hpa(0x80000000), 1 << 30, kReadWrite, 1 << 30);
  tables->map(b.memory, Iova(0x00200000), Hpa(0x00600000), 2 << 20, kReadWrite, 1 << 30);
  const Resolution one_gib = b.read(0x40000000 + 0x12345678);
  ASSERT_EQ(one_gib.outcome, Resolution::Outcome::translated);
  EXPECT_EQ(one_gib.output, Hpa(0x80000000 + 0x12345678));
  EXPECT_EQ(one_gib.translation.size_log2, 30);
  EXPECT_EQ(one_gib.reads[Structure::page_table], GetParam() - 2);
  const Resolution two_mib = b.read(0x00212340);
  ASSERT_EQ(two_mib.outcome, Resolution::Outcome::translated);
  EXPECT_EQ(two_mib.output, Hpa(0x00612340));
  EXPECT_EQ(two_mib.translation.size_log2, 21);
  EXPECT_EQ(two_mib.reads[Structure::page_table], GetParam() - 1);
}

TEST_P(VtdWalkDepth, AWarmCacheOfLevelOneTablesLeavesOneRead) {
  Bench b(all_levels(), UntimedUnit::Caches::unbounded);
  auto tables = b.attach(GetParam());
  tables->map(b.memory, Iova(0x200000), Hpa(0x1000000), 2 << 20, kReadWrite, 4096);
  EXPECT_EQ(b.read(0x200000).reads[Structure::page_table], GetParam());
  EXPECT_EQ(b.unit.held(CacheKind::walk), GetParam() - 1) << "a pointer to a table of each level below the top";
  const Resolution neighbour = b.read(0x201000);
  EXPECT_EQ(neighbour.reads.total(), 1u) << "context cached, level-1 table known";
  EXPECT_EQ(neighbour.output, Hpa(0x1001000));
  const Resolution again = b.read(0x201fff & ~std::uint64_t{63});
  EXPECT_TRUE(again.iotlb_hit);
  EXPECT_EQ(again.reads.total(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Levels, VtdWalkDepth, ::testing::Values(3u, 4u, 5u));

/// The steps of one page walk with every lookup missing, except that of level `hit` (0: none).
std::vector<Step> steps_of(Bench& b, std::uint64_t address, unsigned hit, Hpa table) {
  Walk walk;
  walk.request = Bench::request(address);
  walk.kind = WalkKind::page;
  walk.context = b.read(address).context;
  std::vector<Step> steps;
  Step s = b.arch->begin(walk);
  for (;;) {
    steps.push_back(s);
    StepResult result;
    if (s.kind == Step::Kind::translated || s.kind == Step::Kind::fault) return steps;
    if (s.kind == Step::Kind::read) result.words[0] = b.memory.read64(s.address);
    if (s.kind == Step::Kind::lookup && s.level == hit) {
      result.hit = true;
      result.words[0] = table.value();
      result.words[1] = 3;
    }
    s = b.arch->resume(walk, result);
  }
}

TEST(VtdWalk, LooksUpTheDeepestTableFirstAndFillsOnTheWayDown) {
  Bench b;
  auto tables = b.attach(4);
  constexpr std::uint64_t iova = 0x123456789000;
  static_assert(iova < bit(47));
  tables->map(b.memory, Iova(iova), Hpa(0x5000), 4096, kReadWrite, 4096);
  const auto steps = steps_of(b, iova, 0, Hpa());
  ASSERT_EQ(steps.size(), 11u);
  for (unsigned level = 1; level <= 3; ++level) {
    const Step& s = steps[level - 1];
    EXPECT_EQ(s.kind, Step::Kind::lookup);
    EXPECT_EQ(s.cache, CacheKind::walk);
    EXPECT_EQ(s.stage, 2);
    EXPECT_EQ(s.tag, range_around(kDomain.value(), iova, static_cast<std::uint8_t>(12 + 9 * level), 2,
                                  static_cast<std::uint8_t>(level)))
        << "a level-1 table covers 2 MiB, a level-2 table 1 GiB";
  }
  for (unsigned i = 0; i < 3; ++i) {
    const unsigned level = 4 - i;
    EXPECT_EQ(steps[3 + 2 * i].kind, Step::Kind::read);
    EXPECT_EQ(steps[3 + 2 * i].stage, 2);
    EXPECT_EQ(steps[3 + 2 * i].level, level);
    EXPECT_EQ(steps[3 + 2 * i].bytes, 8);
    EXPECT_EQ(steps[3 + 2 * i].structure, Structure::page_table);
    EXPECT_EQ(steps[4 + 2 * i].kind, Step::Kind::fill);
    EXPECT_EQ(steps[4 + 2 * i].tag, steps[level - 2].tag) << "filled under the tag looked up";
  }
  EXPECT_EQ(steps[9].kind, Step::Kind::read);
  EXPECT_EQ(steps[9].level, 1);
  EXPECT_EQ(steps[10].kind, Step::Kind::translated);
  EXPECT_EQ(steps[10].tag, range_around(kDomain.value(), iova, 12));
}

TEST(VtdWalk, AHitForALevelTwoTableStartsThere) {
  Bench b;
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(0x345678000), Hpa(0x5000), 4096, kReadWrite, 4096);
  const Hpa level2(b.page_entry(*tables, 0x345678000, 2).align_down(4096));
  const auto steps = steps_of(b, 0x345678000, 2, level2);
  std::vector<Step::Kind> kinds;
  for (const Step& s : steps) kinds.push_back(s.kind);
  using K = Step::Kind;
  EXPECT_EQ(kinds, (std::vector<K>{K::lookup, K::lookup, K::read, K::fill, K::read, K::translated}));
}

TEST(VtdWalk, RightsAreTheIntersectionOverAllLevels) {
  Bench b;
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(0x200000), Hpa(0x5000), 4096, kReadWrite, 4096);
  const Hpa middle = b.page_entry(*tables, 0x200000, 2);
  b.memory.write64(middle, b.memory.read64(middle) & ~bit(1));
  EXPECT_EQ(b.read(0x200000).translation.rights, kRead);
  EXPECT_EQ(b.write(0x200000).fault.reason, 5);
  EXPECT_EQ(b.write(0x200000).fault.kind, FaultKind::permission);
}

TEST(VtdWalk, RightsSurviveInTheWalkCache) {
  Bench b({}, UntimedUnit::Caches::unbounded);
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(0x200000), Hpa(0x5000), 8192, kReadWrite, 4096);
  const Hpa top = b.page_entry(*tables, 0x200000, 4);
  b.memory.write64(top, b.memory.read64(top) & ~bit(1));
  EXPECT_EQ(b.read(0x200000).outcome, Resolution::Outcome::translated);
  const Resolution denied = b.write(0x201000);
  EXPECT_EQ(denied.fault.reason, 5) << "read-only above the cached table pointer";
  EXPECT_EQ(denied.reads[Structure::page_table], 1u);
}

TEST(VtdWalk, AZeroLengthReadOfAWriteOnlyPageFollowsTheCapability) {
  for (const bool capable : {true, false}) {
    VtdConfig c;
    c.zero_length_reads = capable;
    Bench b(c);
    auto tables = b.attach(4);
    tables->map(b.memory, Iova(0x1000), Hpa(0x5000), 4096, kWrite, 4096);
    EXPECT_EQ(b.unit.resolve(Bench::request(0x1000, kRead, 0)).outcome,
              capable ? Resolution::Outcome::translated : Resolution::Outcome::fault);
    EXPECT_EQ(b.read(0x1000).fault.reason, 6);
  }
}

TEST(VtdWalk, PassThroughTakesTwoReadsAndChangesNothing) {
  Bench b;
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  const Resolution r = b.read(0x123456000);
  EXPECT_EQ(r.outcome, Resolution::Outcome::passed);
  EXPECT_EQ(r.output, Hpa(0x123456000));
  EXPECT_EQ(r.reads.total(), 2u);
  EXPECT_EQ(r.context.mode, ContextMode::pass_through);
  EXPECT_EQ(b.read(bit(48)).fault.reason, 4) << "beyond the guest address width";
}

TEST(VtdWalk, WithTranslationOffRequestsPassWithoutAnyRead) {
  VtdConfig c;
  auto arch = c.make_architecture();
  WordMemory memory;
  UntimedUnit unit(*arch, memory);
  const Resolution r = unit.resolve(Bench::request(0x4000));
  EXPECT_EQ(r.outcome, Resolution::Outcome::passed);
  EXPECT_EQ(r.reads.total(), 0u);
}

TEST(VtdWalk, DevicesOnDifferentBusesHaveTheirOwnContextTables) {
  Bench b;
  auto one = b.attach(4, SourceId(0x0018), DomainId(1));
  auto two = b.attach(3, SourceId(0xff18), DomainId(2));
  one->map(b.memory, Iova(0x1000), Hpa(0x11000), 4096, kReadWrite, 4096);
  two->map(b.memory, Iova(0x1000), Hpa(0x22000), 4096, kReadWrite, 4096);
  EXPECT_EQ(b.unit.resolve(Bench::request(0x1000, kRead, 64, SourceId(0x0018))).output, Hpa(0x11000));
  const Resolution other = b.unit.resolve(Bench::request(0x1000, kRead, 64, SourceId(0xff18)));
  EXPECT_EQ(other.output, Hpa(0x22000));
  EXPECT_EQ(other.context.domain, DomainId(2));
  EXPECT_EQ(other.reads[Structure::page_table], 3u);
}

}  // namespace
}  // namespace iommusim::iommu::vtd
