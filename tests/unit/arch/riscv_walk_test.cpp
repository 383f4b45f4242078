// Reads, faults and updates of RISC-V walks, on tables written by hand.
#include <gtest/gtest.h>

#include "tests/unit/arch/riscv_bench.h"

namespace iommusim::iommu::riscv {
namespace {

using namespace leaf_bits;
constexpr std::uint64_t kIova = 0x12'3456'7000, kTarget = 0x80'0000'0000, kGuest = 0x4000'0000;
constexpr std::uint32_t kPasid = 0x12345;

/// A device whose first stage, second stage and process directory are as asked; the memory of all tables is below
/// 4 GiB, which the second stage maps onto itself.
struct NestedBench : Bench {
  NestedBench(unsigned first_mode, unsigned second_mode, unsigned pdt_mode = 0, std::uint64_t tc_bits = 0,
              Caches caches = Caches::none, const RiscvConfig& c = {})
      : Bench(c, caches),
        first(first_stage_mode(first_mode, false)),
        second(second_stage_mode(second_mode, false)),
        first_root(memory.allocate(4096)),
        second_root(memory.allocate(16384)) {
    DeviceContext dc{};
    dc[kTc] = 1 | tc_bits;
    if (second_mode != 0) {
      dc[kIohgatp] = make_pointer(second_mode, second_root.value(), 3);
      map_all(second_root, second);
    }
    dc[kFsc] = make_pointer(first_mode, first_root.value());
    if (pdt_mode != 0) {
      dc[kTc] |= bit(tc::kProcessTable);
      Hpa table = memory.allocate(4096);
      dc[kFsc] = make_pointer(pdt_mode, table.value());
      for (unsigned level = pdt_mode; level > 1; --level) {
        const Hpa next = memory.allocate(4096);
        memory.write64(table + 8u * (kPasid >> (8 + 9 * (level - 2)) & 511), next.value() >> 2 | 1);
        table = next;
      }
      process = table + 16u * (kPasid & 255);
      memory.write64(process, 3 | 9u << 12);  // supervisor allowed, PSCID 9
      memory.write64(process + 8, make_pointer(first_mode, first_root.value()));
    }
    set_context(dc);
  }
  Hpa map_first(std::uint64_t from, std::uint64_t to, std::uint64_t flags, unsigned level = 1) {
    return map(first_root, first, from, to, flags, level);
  }
  PagingMode first, second;
  Hpa first_root, second_root;
  Hpa process;
};

unsigned table_reads(const Resolution& r) { return r.reads[Structure::page_table]; }

/// Memory reads of a walk without caches: m levels of first stage, n of second: m for the entries, n for each of their
/// addresses and for the page's (here with 1 GiB pages in the second stage: n - 2).
class RiscvWalkReads : public ::testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(RiscvWalkReads, EqualTheArchitecturesCount) {
  const auto [first, second] = GetParam();
  NestedBench b(first, second);
  const unsigned m = b.first.levels, n = second == 0 ? 0 : b.second.levels - 2u;
  const std::uint64_t target = second == 0 ? kTarget : kGuest;
  if (first != 0) b.map_first(kIova, target, kUser);
  const Resolution r = b.read(first != 0 ? kIova + 0x123 : target + 0x123);
  ASSERT_EQ(r.outcome, first == 0 && second == 0 ? Resolution::Outcome::passed : Resolution::Outcome::translated);
  EXPECT_EQ(r.output.value(), target + 0x123);
  EXPECT_EQ(table_reads(r), m + (m + 1) * n);
  unsigned first_reads = 0;
  for (const unsigned c : r.reads.page_table[1]) first_reads += c;
  EXPECT_EQ(first_reads, m);
}

INSTANTIATE_TEST_SUITE_P(Modes, RiscvWalkReads,
                         ::testing::Combine(::testing::Values(0u, 8u, 9u, 10u), ::testing::Values(0u, 8u, 9u, 10u)));

TEST(RiscvWalk, SmallPagesInBothStagesTake24ReadsInFourByFourLevels) {
  NestedBench b(kSv48, kSv48);
  b.map_first(kIova, kGuest * 4, kUser);  // beyond the 4 GiB that superpages map
  b.map(b.second_root, b.second, kGuest * 4, kTarget, kUser);
  // Four entries behind second-stage superpages (2 reads each), and the page behind four levels.
  EXPECT_EQ(table_reads(b.read(kIova)), 4u + 4 * 2 + 4);
}

TEST(RiscvWalk, DirectoriesAreReadLevelByLevel) {
  for (unsigned levels = 1; levels <= 3; ++levels) {
    RiscvConfig c;
    c.directory_levels = static_cast<std::uint8_t>(levels);
    NestedBench b(kMode8, 0, kPd20, 0, Bench::Caches::none, c);
    b.map_first(kIova, kTarget, kUser);
    const Resolution r = b.resolve(Bench::with_pasid(Bench::request(kIova), kPasid));
    ASSERT_EQ(r.output.value(), kTarget);
    EXPECT_EQ(r.reads[Structure::root_entry], levels - 1);
    EXPECT_EQ(r.reads[Structure::context_entry], 1u);
    EXPECT_EQ(r.reads[Structure::pasid_directory], 2u);
    EXPECT_EQ(r.reads[Structure::pasid_entry], 1u);
  }
}

TEST(RiscvWalk, ProcessDirectoriesOfAGuestAreFoundThroughTheSecondStage) {
  NestedBench b(kMode8, kMode8, kPd17);
  b.map_first(kIova, kGuest, kUser);
  const Resolution r = b.resolve(Bench::with_pasid(Bench::request(kIova), kPasid));
  ASSERT_EQ(r.output.value(), kGuest);
  // One second-stage read (1 GiB page, three levels: one) for each of two directory entries, three entries, one page.
  EXPECT_EQ(r.reads.page_table[2][3], 6u);
}

TEST(RiscvWalk, ASecondPageOfATableReadsOneEntryOfEachStage) {
  NestedBench b(kSv48, kSv48, 0, 0, Bench::Caches::unbounded);
  b.map_first(kIova, kGuest, kUser);
  b.map_first(kIova + kPageBytes, kGuest + kPageBytes, kUser);
  // Within the walk, too, the second stage's table of level 3 is read through its pointer but once.
  EXPECT_EQ(table_reads(b.read(kIova)), 4u + 2 + 4);
  const Resolution r = b.read(kIova + kPageBytes);
  EXPECT_EQ(r.reads.page_table[1][1], 1u) << "the leaf; its table's place is known";
  EXPECT_EQ(r.reads.page_table[2][3], 1u) << "the page; its 1 GiB entry's table is known";
  EXPECT_EQ(table_reads(r), 2u);
  EXPECT_TRUE(b.read(kIova + 8).iotlb_hit);
}

TEST(RiscvWalk, GuestPageFaultsTellWhetherAnImplicitAccessFailed) {
  NestedBench b(kMode8, kMode8);
  b.map_first(kIova, kGuest * 8, kUser);  // to where the second stage has nothing
  Resolution r = b.write(kIova + 0x458);
  EXPECT_EQ(r.fault.reason, code(FaultCause::write_guest_page));
  EXPECT_EQ(r.fault.detail, kGuest * 8 + 0x458);
  NestedBench lost(kMode8, kMode8);
  lost.memory.write64(lost.first_root + 8u * get(kIova, 38, 30), (kGuest * 8) >> 2 | 1);  // a table out of reach
  r = lost.read(kIova);
  EXPECT_EQ(r.fault.reason, code(FaultCause::read_guest_page));
  EXPECT_EQ(r.fault.detail, (kGuest * 8 + 8 * get(kIova, 29, 21)) | 1);
}

TEST(RiscvWalk, PrivilegeDecidesOverUserPages) {
  NestedBench b(kMode8, 0, kPd20);
  b.map_first(kIova, kTarget, kUser | kX);
  const auto ask = [&](bool supervisor, Rights needed) {
    return b.resolve(Bench::with_pasid(Bench::request(kIova, needed), kPasid, supervisor)).outcome;
  };
  constexpr Rights kExecute{false, false, true};
  EXPECT_EQ(ask(false, kExecute), Resolution::Outcome::translated);
  EXPECT_EQ(ask(true, kRead), Resolution::Outcome::fault) << "SUM is clear";
  b.memory.write64(b.process, 7 | 9u << 12);
  EXPECT_EQ(ask(true, kRead), Resolution::Outcome::translated) << "SUM is set";
  EXPECT_EQ(ask(true, kExecute), Resolution::Outcome::fault) << "whatever SUM says";
  b.memory.write64(b.process, 1 | 9u << 12);
  const Resolution r = b.resolve(Bench::with_pasid(Bench::request(kIova), kPasid, true));
  EXPECT_EQ(r.fault.reason, code(FaultCause::type_disallowed)) << "ENS is clear";
}

TEST(RiscvWalk, AccessedAndDirtyBitsAreSetWhereTheContextSaysSo) {
  NestedBench b(kMode8, 0, 0, bit(tc::kFirstAd));
  const Hpa at = b.map_first(kIova, kTarget, kV | kR | kW | kU);
  ASSERT_EQ(b.read(kIova).outcome, Resolution::Outcome::translated);
  EXPECT_EQ(b.memory.read64(at) & 0xff, kV | kR | kW | kU | kA);
  ASSERT_EQ(b.write(kIova).outcome, Resolution::Outcome::translated);
  EXPECT_EQ(b.memory.read64(at) & 0xff, kV | kR | kW | kU | kA | kD);

  NestedBench without(kMode8, 0);
  without.map_first(kIova, kTarget, kV | kR | kW | kU | kA);
  EXPECT_EQ(without.read(kIova).outcome, Resolution::Outcome::translated);
  EXPECT_EQ(without.write(kIova).fault.reason, code(FaultCause::write_page)) << "D is clear and stays so";
}

TEST(RiscvWalk, AWriteAfterAReadWalksAgainToSetTheDirtyBit) {
  NestedBench b(kMode8, 0, 0, bit(tc::kFirstAd), Bench::Caches::unbounded);
  const Hpa at = b.map_first(kIova, kTarget, kV | kR | kW | kU);
  b.read(kIova);
  EXPECT_TRUE(b.read(kIova).iotlb_hit);
  EXPECT_FALSE(b.write(kIova).iotlb_hit);
  EXPECT_TRUE(get(b.memory.read64(at), pte::kDirty));
  EXPECT_TRUE(b.write(kIova).iotlb_hit);
}

/// Steps of a page walk taken by hand, so that memory can change between them.
TEST(RiscvWalk, AnEntryChangedBeforeTheSwapIsLookedAtAnew) {
  NestedBench b(kMode8, 0, 0, bit(tc::kFirstAd));
  Walk walk;
  walk.kind = WalkKind::page;
  walk.request = Bench::request(kIova);
  walk.context = b.read(kIova).context;
  b.arch->begin(walk);
  StepResult result;
  const std::uint64_t before = kTarget >> 2 | kV | kR | kU, after = kTarget >> 2 | kV | kR | kU | kA;
  while (walk.step.kind != Step::Kind::compare_and_swap) {
    result = StepResult{};
    if (walk.step.kind == Step::Kind::read)
      result.words[0] = walk.step.level == 1 ? before : b.first_root.value() >> 2 | kV;
    b.arch->resume(walk, result);
  }
  EXPECT_EQ(walk.step.bytes, 8);
  EXPECT_EQ(walk.step.expected, before);
  EXPECT_EQ(walk.step.desired, after);
  result = StepResult{};
  result.words[0] = before | kW;  // somebody granted writes meanwhile: the swap did not happen
  b.arch->resume(walk, result);
  ASSERT_EQ(walk.step.kind, Step::Kind::compare_and_swap);
  EXPECT_EQ(walk.step.expected, before | kW);
  result.words[0] = 0;  // now the entry is gone
  b.arch->resume(walk, result);
  ASSERT_EQ(walk.step.kind, Step::Kind::fault);
  EXPECT_EQ(walk.step.fault.reason, code(FaultCause::read_page));
}

TEST(RiscvWalk, UpdatesThatMemoryRefusesAreAccessFaults) {
  NestedBench b(kMode8, 0, 0, bit(tc::kFirstAd));
  const Hpa at = b.map_first(kIova, kTarget, kV | kR | kU);
  b.read_only.insert(at.value());
  EXPECT_EQ(b.read(kIova).fault.reason, code(FaultCause::read_access));
  b.poisoned.insert(at.value());
  EXPECT_EQ(b.read(kIova).fault.reason, code(FaultCause::page_table_corrupt));
}

TEST(RiscvWalk, ContiguousPagesAreOneTranslationOf64KiB) {
  NestedBench b(kMode8, 0);
  const std::uint64_t flags = kUser | bit(pte::kNapot);
  const std::uint64_t base = kIova & ~std::uint64_t{0xffff};
  for (unsigned i = 0; i < 16; ++i) b.map_first(base + i * kPageBytes, kTarget + 0x8000, flags);
  const Resolution r = b.read(base + 0x5123);
  EXPECT_EQ(r.translation.size_log2, 16);
  EXPECT_EQ(r.output.value(), kTarget + 0x5123);
  b.map_first(base, kTarget + 0x4000, flags);
  EXPECT_EQ(b.read(base).fault.reason, code(FaultCause::read_page)) << "no other size is defined";
}

TEST(RiscvWalk, TheFirstStagesMemoryTypeOverridesTheSecondsUnlessItHasNone) {
  for (const auto& [one, two, result] : {std::tuple{0u, 0u, 0u}, {0u, 2u, 2u}, {1u, 2u, 1u}, {2u, 1u, 2u}}) {
    NestedBench b(kMode8, kMode8);
    b.map_first(kIova, kGuest * 4, kUser | std::uint64_t{one} << 61);
    b.map(b.second_root, b.second, kGuest * 4, kTarget, kUser | std::uint64_t{two} << 61);
    EXPECT_EQ(b.read(kIova).translation.memory_type, result);
  }
}

TEST(RiscvWalk, AddressesMustBeCanonical) {
  NestedBench b(kMode8, 0);
  b.map_first(bit(38), kTarget, kUser);
  EXPECT_EQ(b.read(above(38)).output.value(), kTarget) << "bits 63:38 set";
  EXPECT_EQ(b.read(bit(38)).fault.reason, code(FaultCause::read_page)) << "bit 38 alone";
}

TEST(RiscvWalk, Sv32TablesHaveEntriesOf4Bytes) {
  RiscvConfig c;
  c.sv32 = c.sv32x4 = c.guest_32 = true;
  Bench b(c);
  const PagingMode mode = first_stage_mode(kMode8, true);
  const Hpa root = b.memory.allocate(4096);
  DeviceContext dc{};
  dc[kTc] = 1 | bit(tc::kSxl) | bit(tc::kFirstAd);
  dc[kFsc] = make_pointer(kMode8, root.value());
  b.set_context(dc);
  const Hpa at = b.map(root, mode, 0x8040'1000, 0x2'4000'0000, kV | kR | kU);
  const Resolution r = b.read(0x8040'1234);
  EXPECT_EQ(r.output.value(), 0x2'4000'0234u);
  EXPECT_EQ(table_reads(r), 2u);
  EXPECT_EQ(b.memory.read64(at.align_down(8)) >> 8 * at.offset_in(8) & 0xff, kV | kR | kU | kA);
  EXPECT_EQ(b.read(0x1'8040'1234).fault.reason, code(FaultCause::read_page)) << "33 bits";
}

TEST(RiscvWalk, FaultsAreNotReportedWhereTheContextDisablesThem) {
  NestedBench b(kMode8, 0, 0, bit(tc::kNoFaults));
  EXPECT_FALSE(b.read(kIova).fault.recorded) << "a page fault";
  b.unreadable.insert(b.context().value());
  EXPECT_TRUE(b.read(kIova).fault.recorded) << "no context was found to say so";
}

}  // namespace
}  // namespace iommusim::iommu::riscv
