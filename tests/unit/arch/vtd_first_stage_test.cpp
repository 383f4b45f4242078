// First-stage translation of a VT-d unit in scalable mode: privilege, execute permission, accessed and dirty bits,
// alone and over a second stage.
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

constexpr std::uint64_t kPage = 4096, kIova = 0x200000;
std::uint16_t code(Reason r) { return static_cast<std::uint16_t>(r); }

/// One mapped page, whose entries a test changes.
struct FirstStage {
  explicit FirstStage(const VtdConfig& c = scalable_config(), UntimedUnit::Caches caches = UntimedUnit::Caches::none)
      : b(c, caches), tables(b.tables(TableStage::first, 4)) {
    b.driver->attach(b.memory, kDevice, kDomain, tables.get());
    tables->map(b.memory, Iova(kIova), Hpa(0x5000), kPage, kReadWrite, kPage);
  }
  Hpa entry(unsigned level) { return b.page_entry(*tables, kIova, level); }
  void change(const std::function<void(PasidEntry&)>& f) {
    PasidEntry e = b.read_pasid();
    f(e);
    b.write_pasid(e);
  }
  Resolution ask(Rights needed, bool privileged = false) {
    return b.resolve(Bench::with_pasid(Bench::request(kIova, needed), 0, privileged));
  }
  Bench b;
  std::unique_ptr<PageTables> tables;
};
constexpr Rights kExecute{true, false, true};

TEST(VtdFirstStage, AddressesMustBeCanonical) {
  for (const unsigned levels : {4u, 5u}) {
    Bench b(scalable_config());
    auto tables = b.tables(TableStage::first, levels);
    b.driver->attach(b.memory, kDevice, kDomain, tables.get());
    const unsigned top = levels == 4 ? 47 : 56;
    EXPECT_EQ(b.read(bit(top)).fault.reason, code(Reason::sm_not_canonical)) << levels;
    EXPECT_EQ(b.read(bit(top) - kPage).fault.reason, code(Reason::first_not_present));
    EXPECT_EQ(b.read(~std::uint64_t{0} << top).fault.reason, code(Reason::first_not_present)) << "the upper half";
    EXPECT_EQ(b.read(~std::uint64_t{0} << (top + 1) & ~bit(63)).fault.reason, code(Reason::sm_not_canonical));
  }
}

TEST(VtdFirstStage, UserRequestsNeedUserPagesAtEveryLevel) {
  for (const unsigned level : {1u, 2u, 4u}) {
    FirstStage f;
    f.change([](PasidEntry& e) { e.supervisor = true; });
    f.b.clear_bits(f.entry(level), bit(2));
    EXPECT_EQ(f.ask(kRead).fault.reason, code(Reason::sm_user_denied)) << level;
    EXPECT_EQ(f.ask(kRead, true).outcome, Resolution::Outcome::translated) << "a supervisor may";
  }
}

TEST(VtdFirstStage, ReadOnlyPagesAreWritableForSupervisorsUnlessProtected) {
  for (const unsigned level : {1u, 3u}) {
    FirstStage f;
    f.change([](PasidEntry& e) { e.supervisor = true; });
    f.b.clear_bits(f.entry(level), bit(1));
    EXPECT_EQ(f.ask(kWrite).fault.reason, code(Reason::sm_no_write_permission));
    EXPECT_EQ(f.ask(kRead).translation.rights.write, false);
    EXPECT_EQ(f.ask(kWrite, true).outcome, Resolution::Outcome::translated);
    f.change([](PasidEntry& e) { e.write_protect = true; });
    EXPECT_EQ(f.ask(kWrite, true).fault.reason, code(Reason::sm_no_write_permission)) << "WPE";
  }
}

TEST(VtdFirstStage, ExecutePermissionFollowsXdAndSmep) {
  FirstStage f;
  f.change([](PasidEntry& e) { e.supervisor = e.execute = e.no_execute = true; });
  f.b.clear_bits(f.entry(1), bit(63));
  EXPECT_EQ(f.ask(kExecute).outcome, Resolution::Outcome::translated);
  f.b.set_bits(f.entry(3), bit(63));
  EXPECT_EQ(f.ask(kExecute).fault.reason, code(Reason::sm_execute_denied)) << "at any level";
  f.change([](PasidEntry& e) { e.no_execute = false; });
  EXPECT_EQ(f.ask(kExecute).fault.reason, code(Reason::first_reserved)) << "XD without NXE is reserved";
  f.b.clear_bits(f.entry(3), bit(63));
  EXPECT_EQ(f.ask(kExecute).outcome, Resolution::Outcome::translated);
  f.change([](PasidEntry& e) { e.no_user_execute = true; });
  EXPECT_EQ(f.ask(kExecute, true).fault.reason, code(Reason::sm_execute_denied)) << "SMEP: a user page";
  EXPECT_EQ(f.ask(kExecute).outcome, Resolution::Outcome::translated);
}

TEST(VtdFirstStage, ReservedBitsFault) {
  struct Case {
    unsigned level, bit;
  };
  for (const Case c : {Case{1, 50}, Case{2, 46}, Case{4, 7}, Case{3, 51}}) {
    FirstStage f;
    f.b.set_bits(f.entry(c.level), bit(c.bit));
    EXPECT_EQ(f.ask(kRead).fault.reason, code(Reason::first_reserved)) << c.level << ' ' << c.bit;
  }
  VtdConfig no_1g = scalable_config();
  no_1g.scalable.first_stage_1g = false;
  FirstStage f(no_1g);
  f.b.set_bits(f.entry(3), bit(7));
  EXPECT_EQ(f.ask(kRead).fault.reason, code(Reason::first_reserved)) << "no 1 GiB pages";
  FirstStage large;
  large.b.set_bits(large.entry(2), bit(7) | bit(13));
  EXPECT_EQ(large.ask(kRead).fault.reason, code(Reason::first_reserved)) << "address below 2 MiB";
}

TEST(VtdFirstStage, TablesThatCannotBeRead) {
  FirstStage f;
  f.b.unreadable = {f.entry(4).value()};
  EXPECT_EQ(f.ask(kRead).fault.reason, code(Reason::first_root_access));
  f.b.unreadable = {f.entry(2).value()};
  EXPECT_EQ(f.ask(kRead).fault.reason, code(Reason::first_access));
}

// ---- accessed and dirty bits

TEST(VtdAccessedDirty, AreSetInEveryEntryUsedAndByWritesInTheLeaf) {
  FirstStage f;
  for (unsigned level = 1; level <= 4; ++level) f.b.clear_bits(f.entry(level), bit(5) | bit(6));
  EXPECT_EQ(f.ask(kRead).outcome, Resolution::Outcome::translated);
  for (unsigned level = 1; level <= 4; ++level) EXPECT_TRUE(get(f.b.memory.read64(f.entry(level)), 5)) << level;
  EXPECT_FALSE(get(f.b.memory.read64(f.entry(1)), 6));
  f.ask(kWrite);
  EXPECT_TRUE(get(f.b.memory.read64(f.entry(1)), 6));
  for (unsigned level = 2; level <= 4; ++level) EXPECT_FALSE(get(f.b.memory.read64(f.entry(level)), 6)) << level;
}

TEST(VtdAccessedDirty, TheExtendedAccessedBitIsForDevices) {
  FirstStage f;
  f.ask(kRead);
  for (unsigned level = 1; level <= 4; ++level) EXPECT_FALSE(get(f.b.memory.read64(f.entry(level)), 10));
  f.change([](PasidEntry& e) { e.extended_accessed = true; });
  f.ask(kRead);
  for (unsigned level = 1; level <= 4; ++level) EXPECT_TRUE(get(f.b.memory.read64(f.entry(level)), 10)) << level;
}

TEST(VtdAccessedDirty, AReadOfACleanPageLeavesTheWriteToAWalk) {
  FirstStage f(scalable_config(), UntimedUnit::Caches::unbounded);
  f.b.clear_bits(f.entry(1), bit(6));
  f.ask(kRead);
  const Resolution w = f.ask(kWrite);
  EXPECT_FALSE(w.iotlb_hit);
  EXPECT_EQ(w.outcome, Resolution::Outcome::translated);
  EXPECT_TRUE(get(f.b.memory.read64(f.entry(1)), 6));
  EXPECT_TRUE(f.ask(kWrite).iotlb_hit);
}

TEST(VtdAccessedDirty, DeniedRequestsMarkNoLeaf) {
  FirstStage f;
  f.b.clear_bits(f.entry(1), bit(1) | bit(5) | bit(6));
  EXPECT_EQ(f.ask(kWrite).fault.reason, code(Reason::sm_no_write_permission));
  EXPECT_FALSE(get(f.b.memory.read64(f.entry(1)), 5));
}

TEST(VtdAccessedDirty, AnEntryChangedBeforeTheSwapIsLookedAtAnew) {
  FirstStage f;
  f.b.clear_bits(f.entry(1), bit(5));
  Walk walk;
  walk.kind = WalkKind::page;
  walk.request = Bench::request(kIova);
  walk.context = f.ask(kRead).context;
  f.b.clear_bits(f.entry(1), bit(5));
  Step s = f.b.arch->begin(walk);
  while (s.kind != Step::Kind::compare_and_swap) {
    StepResult r;
    if (s.kind == Step::Kind::read) r.words[0] = f.b.memory.read64(s.address);
    s = f.b.arch->resume(walk, r);
  }
  EXPECT_EQ(s.stage, 1);
  EXPECT_EQ(s.bytes, 8);
  EXPECT_EQ(s.address, f.entry(1));
  StepResult changed;
  changed.words[0] = 0;  // unmapped meanwhile
  s = f.b.arch->resume(walk, changed);
  EXPECT_EQ(s.kind, Step::Kind::fault);
  EXPECT_EQ(s.fault.reason, code(Reason::first_not_present));
}

TEST(VtdAccessedDirty, CannotBeSetByWalksThatDoNotSnoopOrInMemoryThatRefuses) {
  FirstStage f;
  f.b.clear_bits(f.entry(1), bit(5));
  f.b.read_only = {f.entry(1).value()};
  EXPECT_EQ(f.ask(kRead).fault.reason, code(Reason::first_update_failed));
  VtdConfig c = scalable_config();
  c.scalable.coherent_walks = false;
  FirstStage blind(c);
  EXPECT_EQ(blind.ask(kRead).outcome, Resolution::Outcome::translated) << "nothing to set";
  blind.b.clear_bits(blind.entry(2), bit(5));
  EXPECT_EQ(blind.ask(kRead).fault.reason, code(Reason::first_update_incoherent));
}

TEST(VtdAccessedDirty, TheSecondStageKeepsThemWhereAsked) {
  VtdConfig c = scalable_config();
  c.scalable.track_dirty = true;
  Bench b(c, UntimedUnit::Caches::unbounded);
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kIova), Hpa(0x5000), kPage, kReadWrite, kPage);
  const auto entry = [&](unsigned level) { return b.memory.read64(b.page_entry(*tables, kIova, level)); };
  b.read(kIova);
  for (unsigned level = 1; level <= 4; ++level) EXPECT_TRUE(get(entry(level), 8)) << level;
  EXPECT_FALSE(get(entry(1), 9));
  EXPECT_FALSE(b.write(kIova).iotlb_hit) << "not dirty yet";
  EXPECT_TRUE(get(entry(1), 9));
  EXPECT_TRUE(b.write(kIova).iotlb_hit);

  b.read_only = {b.page_entry(*tables, kIova, 1).value()};
  b.memory.write64(b.page_entry(*tables, kIova, 1), entry(1) & ~bit(9));
  Invalidation all;
  b.submit({all});
  EXPECT_EQ(b.write(kIova).fault.reason, code(Reason::second_update_failed));
  PasidEntry e = b.read_pasid();
  e.walk_snoop = false;
  b.write_pasid(e);
  Invalidation context;
  context.kind = Invalidation::Kind::context_global;
  b.submit({context});
  EXPECT_EQ(b.write(kIova).fault.reason, code(Reason::second_update_incoherent));
}

TEST(VtdAccessedDirty, WithoutSsadeTheSecondStageIsLeftAlone) {
  Bench b(scalable_config());
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(kIova), Hpa(0x5000), kPage, kReadWrite, kPage);
  const std::uint64_t before = b.memory.read64(b.page_entry(*tables, kIova, 1));
  b.write(kIova);
  EXPECT_EQ(b.memory.read64(b.page_entry(*tables, kIova, 1)), before);
}

TEST(VtdAccessedDirty, OfANestedFirstStageNeedTheSecondStagesLeave) {
  VtdConfig c = scalable_config();
  c.scalable.track_dirty = true;
  c.superpages_2m = c.superpages_1g = false;
  Bench b(c);
  auto second = b.tables(TableStage::second, 4), first = b.tables(TableStage::first, 4);
  second->map(b.memory, Iova(0), Hpa(0), 4 << 20, kReadWrite, kPage);
  first->map(b.memory, Iova(kIova), Hpa(0x5000), kPage, kReadWrite, kPage);
  b.driver->attach_nested(b.memory, kDevice, kDomain, *first, *second);
  const Hpa leaf = b.page_entry(*first, kIova, 1);
  const Hpa of_table = b.page_entry(*second, leaf.value(), 1);
  b.clear_bits(leaf, bit(5) | bit(6));
  EXPECT_EQ(b.write(kIova).outcome, Resolution::Outcome::translated);
  EXPECT_TRUE(get(b.memory.read64(leaf), 5) && get(b.memory.read64(leaf), 6));
  EXPECT_TRUE(get(b.memory.read64(of_table), 9)) << "the table's page is dirty now";
  EXPECT_EQ(b.write(kIova).reads.page_table[2][1], 5u) << "nothing left to set: four tables and the page";

  b.clear_bits(leaf, bit(6));
  b.clear_bits(of_table, bit(1));
  EXPECT_EQ(b.read(kIova).outcome, Resolution::Outcome::translated);
  EXPECT_EQ(b.write(kIova).fault.reason, code(Reason::first_entry_unwritable));
}

TEST(VtdFirstStage, GlobalPagesAreReportedToDevices) {
  FirstStage f;
  f.b.set_bits(f.entry(1), bit(8));
  Request r = Bench::with_pasid(Bench::translation_request(kIova), 0);
  EXPECT_TRUE(f.b.unit.translate(r).global);
  f.b.clear_bits(f.entry(1), bit(8));
  EXPECT_FALSE(f.b.unit.translate(r).global);
}

TEST(VtdFirstStage, PrivilegesHaveIotlbEntriesOfTheirOwn) {
  FirstStage f(scalable_config(), UntimedUnit::Caches::unbounded);
  f.change([](PasidEntry& e) { e.supervisor = true; });
  f.b.clear_bits(f.entry(1), bit(2));
  EXPECT_EQ(f.ask(kRead, true).outcome, Resolution::Outcome::translated);
  EXPECT_EQ(f.ask(kRead).fault.reason, code(Reason::sm_user_denied)) << "the supervisor's entry is not the user's";
  EXPECT_TRUE(f.ask(kRead, true).iotlb_hit);
}

}  // namespace
}  // namespace iommusim::iommu::vtd
