// Scalable mode of a VT-d unit: how contexts and PASID entries are found, and the reads of every kind of walk.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kIova = 0x7f12345000;

std::uint16_t code(Reason r) { return static_cast<std::uint16_t>(r); }

/// A bench whose guest memory is where it says it is, so that first-stage tables may lie in the host's memory.
struct Nested {
  explicit Nested(const VtdConfig& c = scalable_config(), unsigned first_levels = 4, unsigned second_levels = 4,
                  UntimedUnit::Caches caches = UntimedUnit::Caches::none)
      : b(c, caches),
        second(b.tables(TableStage::second, second_levels)),
        first(b.tables(TableStage::first, first_levels)) {
    second->map(b.memory, Iova(0), Hpa(0), std::uint64_t{1} << 30, kReadWrite, kPage * 512 * 512);
    b.driver->attach_nested(b.memory, kDevice, kDomain, *first, *second);
  }
  Bench b;
  std::unique_ptr<PageTables> second, first;
};

// ---- reads

class VtdFirstStageDepth : public ::testing::TestWithParam<unsigned> {};

TEST_P(VtdFirstStageDepth, APageTakesOneReadPerLevel) {
  Bench b(scalable_config());
  auto tables = b.tables(TableStage::first, GetParam());
  b.driver->attach(b.memory, kDevice, kDomain, tables.get());
  tables->map(b.memory, Iova(kIova), Hpa(0xabcde000), kPage, kReadWrite, kPage);
  const Resolution r = b.read(kIova + 0x678);
  ASSERT_EQ(r.outcome, Resolution::Outcome::translated);
  EXPECT_EQ(r.output, Hpa(0xabcde678));
  EXPECT_EQ(r.reads[Structure::root_entry], 1u);
  EXPECT_EQ(r.reads[Structure::context_entry], 1u);
  EXPECT_EQ(r.reads[Structure::pasid_directory], 1u);
  EXPECT_EQ(r.reads[Structure::pasid_entry], 1u);
  for (unsigned level = 1; level <= GetParam(); ++level) EXPECT_EQ(r.reads.page_table[1][level], 1u) << level;
  EXPECT_EQ(r.reads.total(), 4 + GetParam());
}

TEST_P(VtdFirstStageDepth, ASuperpageSavesOneReadPerLevel) {
  Bench b(scalable_config());
  auto tables = b.tables(TableStage::first, GetParam());
  b.driver->attach(b.memory, kDevice, kDomain, tables.get());
  tables->map(b.memory, Iova(0x40000000), Hpa(0x80000000), 1 << 30, kReadWrite, 1 << 30);
  tables->map(b.memory, Iova(0x00200000), Hpa(0x00600000), 2 << 20, kReadWrite, 1 << 30);
  const Resolution large = b.read(0x52345678);
  EXPECT_EQ(large.output, Hpa(0x92345678));
  EXPECT_EQ(large.translation.size_log2, 30);
  EXPECT_EQ(large.reads[Structure::page_table], GetParam() - 2);
  const Resolution middle = b.read(0x00212340);
  EXPECT_EQ(middle.output, Hpa(0x00612340));
  EXPECT_EQ(middle.translation.size_log2, 21);
  EXPECT_EQ(middle.reads[Structure::page_table], GetParam() - 1);
}

TEST_P(VtdFirstStageDepth, AWarmCacheOfLevelOneTablesLeavesOneRead) {
  Bench b(scalable_config(), UntimedUnit::Caches::unbounded);
  auto tables = b.tables(TableStage::first, GetParam());
  b.driver->attach(b.memory, kDevice, kDomain, tables.get());
  tables->map(b.memory, Iova(0x200000), Hpa(0x1000000), 2 << 20, kReadWrite, kPage);
  b.read(0x200000);
  EXPECT_EQ(b.unit.held(CacheKind::context), 1u);
  EXPECT_EQ(b.unit.held(CacheKind::process), 1u);
  EXPECT_EQ(b.unit.held(CacheKind::walk), GetParam() - 1);
  const Resolution neighbour = b.read(0x201000);
  EXPECT_EQ(neighbour.reads.total(), 1u);
  EXPECT_EQ(neighbour.reads.page_table[1][1], 1u);
  EXPECT_TRUE(b.read(0x201800).iotlb_hit);
}

INSTANTIATE_TEST_SUITE_P(Levels, VtdFirstStageDepth, ::testing::Values(4u, 5u));

class VtdScalableSecondStage : public ::testing::TestWithParam<unsigned> {};

TEST_P(VtdScalableSecondStage, APageTakesOneReadPerLevel) {
  Bench b(scalable_config());
  auto tables = b.attach(GetParam());
  ASSERT_EQ(tables->stage(), TableStage::second);
  tables->map(b.memory, Iova(kIova), Hpa(0xabcde000), kPage, kReadWrite, kPage);
  const Resolution r = b.read(kIova);
  ASSERT_EQ(r.outcome, Resolution::Outcome::translated);
  EXPECT_EQ(r.output, Hpa(0xabcde000));
  for (unsigned level = 1; level <= GetParam(); ++level) EXPECT_EQ(r.reads.page_table[2][level], 1u) << level;
  EXPECT_EQ(r.reads.total(), 4 + GetParam());
  EXPECT_EQ(r.context.domain, kDomain);
}

INSTANTIATE_TEST_SUITE_P(Levels, VtdScalableSecondStage, ::testing::Values(3u, 4u, 5u));

class VtdNestedReads : public ::testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(VtdNestedReads, EachAccessOfTheFirstStageWalksTheSecond) {
  const auto [first_levels, second_levels] = GetParam();
  VtdConfig c = scalable_config();
  c.superpages_2m = c.superpages_1g = false;  // the second stage walks all its levels
  Bench b(c);
  auto second = b.tables(TableStage::second, second_levels), first = b.tables(TableStage::first, first_levels);
  b.driver->attach_nested(b.memory, kDevice, kDomain, *first, *second);
  first->map(b.memory, Iova(kIova), Hpa(0x2000000), kPage, kReadWrite, kPage);
  second->map(b.memory, Iova(0), Hpa(0), 4 << 20, kReadWrite, kPage);  // where the tables lie
  second->map(b.memory, Iova(0x2000000), Hpa(0xabcde000), kPage, kReadWrite, kPage);
  const Resolution r = b.read(kIova);
  ASSERT_EQ(r.outcome, Resolution::Outcome::translated);
  EXPECT_EQ(r.output, Hpa(0xabcde000));
  for (unsigned level = 1; level <= first_levels; ++level) EXPECT_EQ(r.reads.page_table[1][level], 1u) << level;
  for (unsigned level = 1; level <= second_levels; ++level)
    EXPECT_EQ(r.reads.page_table[2][level], first_levels + 1) << level;
  EXPECT_EQ(r.reads[Structure::page_table], (first_levels + 1) * (second_levels + 1) - 1);
}

INSTANTIATE_TEST_SUITE_P(Depths, VtdNestedReads,
                         ::testing::Combine(::testing::Values(4u, 5u), ::testing::Values(3u, 4u, 5u)));

TEST(VtdScalable, PassThroughTakesTheFourReadsOfItsEntries) {
  Bench b(scalable_config());
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  const Resolution r = b.read(0x123456000);
  EXPECT_EQ(r.outcome, Resolution::Outcome::passed);
  EXPECT_EQ(r.output, Hpa(0x123456000));
  EXPECT_EQ(r.reads.total(), 4u);
  EXPECT_EQ(b.read(std::uint64_t{1} << 46).fault.reason, code(Reason::sm_address_beyond_host));
}

TEST(VtdScalable, PasidEntriesAreOneReadOf64BytesAndContextsOneOf32) {
  Bench b(scalable_config());
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  Walk walk;
  walk.kind = WalkKind::context;
  walk.request = Bench::request(0x1000);
  Step s = b.arch->begin(walk);
  EXPECT_EQ(s.bytes, 16);
  const auto next = [&] {
    StepResult r;
    for (unsigned i = 0; i < s.bytes / 8u; ++i) r.words[i] = b.memory.read64(s.address + 8 * i);
    s = b.arch->resume(walk, r);
  };
  next();
  EXPECT_EQ(s.bytes, 32);
  EXPECT_EQ(s.structure, Structure::context_entry);
  next();
  ASSERT_EQ(s.kind, Step::Kind::context_found);
  walk.kind = WalkKind::process;
  walk.context = s.context;
  s = b.arch->begin(walk);
  EXPECT_EQ(s.bytes, 8);
  EXPECT_EQ(s.structure, Structure::pasid_directory);
  next();
  EXPECT_EQ(s.bytes, 64);
  EXPECT_EQ(s.structure, Structure::pasid_entry);
  next();
  EXPECT_EQ(s.kind, Step::Kind::context_found);
}

TEST(VtdWalkTable, TheDocumentedReadsAreThoseOfTheWalks) {
  const auto reads = [](unsigned first_levels, unsigned second_levels) -> unsigned {
    VtdConfig c = scalable_config();
    c.superpages_2m = c.superpages_1g = false;
    Bench b(c);
    std::unique_ptr<PageTables> first, second;
    if (second_levels != 0) second = b.tables(TableStage::second, second_levels);
    if (first_levels != 0) {
      first = b.tables(TableStage::first, first_levels);
      first->map(b.memory, Iova(kIova), Hpa(0x1000000), kPage, kReadWrite, kPage);
    }
    if (second) second->map(b.memory, Iova(0), Hpa(0), 32 << 20, kReadWrite, kPage);
    if (first && second) {
      b.driver->attach_nested(b.memory, kDevice, kDomain, *first, *second);
    } else {
      b.driver->attach(b.memory, kDevice, kDomain, first ? first.get() : second.get());
    }
    const Resolution r = b.read(first_levels == 0 ? 0x1000000 : kIova);
    EXPECT_NE(r.outcome, Resolution::Outcome::fault);
    EXPECT_EQ(r.reads.total() - r.reads[Structure::page_table], 4u);
    return r.reads[Structure::page_table];
  };
  std::string table =
      "| First stage \\ second stage | none | 3 levels | 4 levels | 5 levels |\n|---|---|---|---|---|\n";
  for (const unsigned f : {0u, 4u, 5u}) {
    table += f == 0 ? "| none |" : "| " + std::to_string(f) + " levels |";
    for (const unsigned s : {0u, 3u, 4u, 5u}) table += " " + std::to_string(reads(f, s)) + " |";
    table += "\n";
  }
  std::ifstream in(IOMMUSIM_SOURCE_DIR "/models/iommu/arch/vtd/COVERAGE.md");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find(table), std::string::npos) << "COVERAGE.md should say:\n" << table;
}

// ---- finding contexts

TEST(VtdScalable, EachHalfOfABusHasAContextTableOfItsOwn) {
  Bench b(scalable_config());
  const SourceId low(0x0578), high(0x0580);  // devices 15 and 16 of bus 5
  auto one = b.attach(4, low, DomainId(1)), two = b.attach(4, high, DomainId(2));
  one->map(b.memory, Iova(0x1000), Hpa(0x11000), kPage, kReadWrite, kPage);
  two->map(b.memory, Iova(0x1000), Hpa(0x22000), kPage, kReadWrite, kPage);
  EXPECT_EQ(b.root_half(high).value(), b.root_half(low).value() + 8);
  EXPECT_NE(b.scalable_context(low).align_down(4096), b.scalable_context(high).align_down(4096));
  EXPECT_EQ(b.unit.resolve(Bench::request(0x1000, kRead, 64, low)).output, Hpa(0x11000));
  EXPECT_EQ(b.unit.resolve(Bench::request(0x1000, kRead, 64, high)).output, Hpa(0x22000));
}

TEST(VtdScalable, PasidsHaveAddressSpacesOfTheirOwn) {
  Bench b(scalable_config(), UntimedUnit::Caches::unbounded);
  auto own = b.attach(4);
  own->map(b.memory, Iova(0x1000), Hpa(0x10000), kPage, kReadWrite, kPage);
  const std::uint32_t pasids[] = {1, 63, 64, 0xfffff};
  std::vector<std::unique_ptr<PageTables>> tables;
  for (const std::uint32_t pasid : pasids) {
    tables.push_back(b.tables(TableStage::first, 4));
    b.driver->attach_process(b.memory, kDevice, Pasid(pasid), DomainId(9), tables.back().get());
    tables.back()->map(b.memory, Iova(0x1000), Hpa(0x100000 + kPage * (pasid & 0xff)), kPage, kReadWrite, kPage);
  }
  for (int round = 0; round < 2; ++round) {
    for (const std::uint32_t pasid : pasids) {
      const Resolution r = b.resolve(Bench::with_pasid(Bench::request(0x1000), pasid));
      EXPECT_EQ(r.output, Hpa(0x100000 + kPage * (pasid & 0xff))) << pasid;
      EXPECT_EQ(r.iotlb_hit, round == 1);
    }
    EXPECT_EQ(b.read(0x1000).output, Hpa(0x10000));
  }
  EXPECT_EQ(b.unit.held(CacheKind::process), 5u);
  EXPECT_EQ(b.unit.held(CacheKind::context), 1u) << "one device";
}

TEST(VtdScalable, RequestsWithoutPasidTakeThatOfTheirContext) {
  for (const bool supported : {true, false}) {
    VtdConfig c = scalable_config();
    c.scalable.rid_pasid = supported;
    Bench b(c);
    auto own = b.attach(4);
    auto other = b.tables(TableStage::second, 4);
    b.driver->attach_process(b.memory, kDevice, Pasid(0x123), DomainId(9), other.get());
    own->map(b.memory, Iova(0x1000), Hpa(0x10000), kPage, kReadWrite, kPage);
    other->map(b.memory, Iova(0x1000), Hpa(0x20000), kPage, kReadWrite, kPage);
    b.set_bits(b.scalable_context() + 8, 0x123);  // RID_PASID
    EXPECT_EQ(b.read(0x1000).output, Hpa(supported ? 0x20000 : 0x10000)) << "0 where the unit has no RID_PASID";
  }
}

// ---- what cannot be used

TEST(VtdScalable, EachStructureHasItsOwnFaults) {
  struct Case {
    const char* what;
    Hpa (*at)(Bench&);
    std::uint64_t set, clear;
    Reason reason;
    bool heeds_fpd;
  };
  const auto root = [](Bench& b) { return b.root_half(); };
  const auto context = [](Bench& b) { return b.scalable_context(); };
  const auto context_high = [](Bench& b) { return b.scalable_context() + 8; };
  const auto context_end = [](Bench& b) { return b.scalable_context() + 24; };
  const auto directory = [](Bench& b) { return b.directory_entry(); };
  const auto entry = [](Bench& b) { return b.pasid_entry(); };
  const auto entry1 = [](Bench& b) { return b.pasid_entry() + 8; };
  const auto entry2 = [](Bench& b) { return b.pasid_entry() + 16; };
  const auto entry_end = [](Bench& b) { return b.pasid_entry() + 56; };
  const Case cases[] = {
      {"root absent", root, 0, 1, Reason::sm_root_not_present, false},
      {"root reserved", root, 2, 0, Reason::sm_root_reserved, false},
      {"root beyond host width", root, bit(50), 0, Reason::sm_root_reserved, false},
      {"context absent", context, 0, 1, Reason::sm_context_not_present, true},
      {"context reserved", context, bit(5), 0, Reason::sm_context_reserved, true},
      {"context reserved high", context_high, bit(21), 0, Reason::sm_context_reserved, true},
      {"context reserved end", context_end, 1, 0, Reason::sm_context_reserved, true},
      {"RID_PASID beyond the directory", context, 0, ones(11, 9), Reason::sm_rid_pasid_too_large, true},
      {"directory absent", directory, 0, 1, Reason::sm_directory_not_present, true},
      {"directory reserved", directory, bit(2), 0, Reason::sm_directory_reserved, true},
      {"PASID entry absent", entry, 0, 1, Reason::sm_pasid_not_present, true},
      {"PASID entry reserved", entry, bit(10), 0, Reason::sm_pasid_reserved, true},
      {"memory types", entry1, bit(26), 0, Reason::sm_pasid_reserved, true},
      {"PASID entry reserved word 2", entry2, bit(8), 0, Reason::sm_pasid_reserved, true},
      {"PASID entry reserved end", entry_end, 1, 0, Reason::sm_pasid_reserved, true},
      {"no type", entry, 0, ones(8, 6), Reason::sm_pasid_invalid, true},
      {"no width", entry, 0, ones(4, 2), Reason::sm_pasid_invalid, true},
  };
  for (const Case& c : cases) {
    for (const bool silent : {false, true}) {
      Bench b(scalable_config());
      auto tables = b.attach(4);
      tables->map(b.memory, Iova(0x1000), Hpa(0x10000), kPage, kReadWrite, kPage);
      if (c.reason == Reason::sm_rid_pasid_too_large) b.set_bits(b.scalable_context() + 8, bit(19));
      if (silent) {
        b.set_bits(b.scalable_context(), 2);
      }
      b.set_bits(c.at(b), c.set);
      b.clear_bits(c.at(b), c.clear);
      const Resolution r = b.read(0x1000);
      EXPECT_EQ(r.outcome, Resolution::Outcome::fault) << c.what;
      EXPECT_EQ(r.fault.reason, code(c.reason)) << c.what;
      EXPECT_EQ(r.fault.recorded, !(silent && c.heeds_fpd)) << c.what;
    }
  }
}

TEST(VtdScalable, FaultProcessingIsDisabledAtAnyOfThreeLevels) {
  for (unsigned level = 0; level < 3; ++level) {
    Bench b(scalable_config());
    auto tables = b.attach(4);
    EXPECT_TRUE(b.read(0x1000).fault.recorded) << "a page not present";
    const Hpa at = level == 0 ? b.scalable_context() : level == 1 ? b.directory_entry() : b.pasid_entry();
    b.set_bits(at, 2);
    EXPECT_EQ(b.read(0x1000).fault.reason, code(Reason::second_not_present));
    EXPECT_FALSE(b.read(0x1000).fault.recorded) << level;
  }
}

TEST(VtdScalable, StructuresThatCannotBeRead) {
  Bench b(scalable_config());
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(0x1000), Hpa(0x10000), kPage, kReadWrite, kPage);
  const std::uint64_t root = b.reg64(reg::kRootTable) & ~std::uint64_t{0xfff};
  const auto refused = [&b](std::uint64_t at) {
    b.unreadable = {at};
    return b.read(0x1000).fault.reason;
  };
  EXPECT_EQ(refused(root), code(Reason::sm_root_access));
  EXPECT_EQ(refused(b.scalable_context().value()), code(Reason::sm_context_access));
  EXPECT_EQ(refused(b.directory_entry().value()), code(Reason::sm_directory_access));
  EXPECT_EQ(refused(b.pasid_entry().value()), code(Reason::sm_pasid_access));
  EXPECT_EQ(refused(b.page_entry(*tables, 0x1000, 4).value()), code(Reason::second_root_access));
  EXPECT_EQ(refused(b.page_entry(*tables, 0x1000, 2).value()), code(Reason::second_access));
}

TEST(VtdScalable, TheSecondStageHasReasonsOfScalableMode) {
  Bench b(scalable_config());
  auto tables = b.attach(4);
  tables->map(b.memory, Iova(0x1000), Hpa(0x10000), kPage, kRead, kPage);
  tables->map(b.memory, Iova(0x2000), Hpa(0x10000), kPage, kWrite, kPage);
  tables->map(b.memory, Iova(0x3000), Hpa(0xfee00000), kPage, kReadWrite, kPage);
  EXPECT_EQ(b.write(0x1000).fault.reason, code(Reason::sm_no_write_permission));
  EXPECT_EQ(b.read(0x2000).fault.reason, code(Reason::sm_no_read_permission));
  EXPECT_EQ(b.read(0x3000).fault.reason, code(Reason::sm_interrupt_range));
  EXPECT_EQ(b.read(0x4000).fault.reason, code(Reason::second_not_present));
  EXPECT_EQ(b.read(0x4000).fault.kind, FaultKind::not_present);
  EXPECT_EQ(b.read(bit(48)).fault.reason, code(Reason::sm_address_beyond_width));
  b.set_bits(b.page_entry(*tables, 0x1000, 1), bit(50));
  EXPECT_EQ(b.read(0x1000).fault.reason, code(Reason::second_reserved));
}

TEST(VtdScalable, WhatTheContextForbidsIsRefused) {
  Bench b(scalable_config());
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  const auto reason = [&b](const Request& r) { return b.resolve(r).fault.reason; };
  const Request with = Bench::with_pasid(Bench::request(0x1000), 0);
  EXPECT_EQ(b.resolve(with).outcome, Resolution::Outcome::passed);
  EXPECT_EQ(reason(Bench::with_pasid(Bench::request(0x1000), 0, true)), code(Reason::sm_no_supervisor_requests));
  Request execute = with;
  execute.needed.execute = true;
  EXPECT_EQ(reason(execute), code(Reason::sm_no_execute_requests));

  b.clear_bits(b.scalable_context(), ones(11, 9));  // 128 directory entries: 13 bits
  EXPECT_EQ(reason(Bench::with_pasid(Bench::request(0x1000), 1 << 13)), code(Reason::sm_pasid_too_large));
  EXPECT_EQ(reason(Bench::with_pasid(Bench::request(0x1000), (1 << 13) - 1)), code(Reason::sm_directory_not_present));
  b.clear_bits(b.scalable_context(), bit(3));
  EXPECT_EQ(reason(with), code(Reason::sm_no_pasid));
  b.clear_bits(b.scalable_context(), bit(2));
  EXPECT_EQ(reason(Bench::translation_request(0x1000)), code(Reason::sm_no_device_tlb));
  Request translated = Bench::request(0x1000);
  translated.at = AddressType::translated;
  EXPECT_EQ(reason(translated), code(Reason::sm_no_device_tlb));
}

TEST(VtdScalable, RequestsWithoutPasidArePrivilegedWhereTheirContextSaysSo) {
  Bench b(scalable_config());
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  b.set_bits(b.scalable_context() + 8, bit(20));
  EXPECT_EQ(b.read(0x1000).fault.reason, code(Reason::sm_no_supervisor_requests));
  b.set_bits(b.pasid_entry() + 16, 1);  // SRE
  EXPECT_EQ(b.read(0x1000).outcome, Resolution::Outcome::passed);
}

TEST(VtdScalable, TranslatedRequestsNeedTheDevicesContextOnly) {
  Bench b(scalable_config());
  b.driver->attach(b.memory, kDevice, kDomain, nullptr);
  Request r = Bench::request(0x123000);
  r.at = AddressType::translated;
  const Resolution passed = b.resolve(r);
  EXPECT_EQ(passed.outcome, Resolution::Outcome::passed);
  EXPECT_EQ(passed.reads.total(), 2u);
  r.address = 0xfee01000;
  EXPECT_EQ(b.resolve(r).fault.reason, code(Reason::sm_interrupt_range));
  r.address = bit(46);
  EXPECT_EQ(b.resolve(r).fault.reason, code(Reason::sm_address_beyond_host));
}

TEST(VtdScalable, UnsupportedTypesAreInvalid) {
  struct Case {
    void (*change)(VtdConfig&);
    Granular type;
  };
  const Case cases[] = {{[](VtdConfig& c) { c.scalable.nested = false; }, Granular::nested},
                        {[](VtdConfig& c) { c.pass_through = false; }, Granular::pass_through},
                        {[](VtdConfig& c) {
                           c.scalable.nested = c.scalable.first_stage = c.scalable.first_stage_5_levels = false;
                           c.scalable.first_stage_1g = c.scalable.extended_accessed = false;
                         },
                         Granular::first},
                        {[](VtdConfig& c) {
                           c.scalable.nested = c.scalable.second_stage = c.scalable.second_stage_dirty = false;
                           c.scalable.domain_stage = TableStage::first;
                         },
                         Granular::second}};
  for (const Case& c : cases) {
    VtdConfig config = scalable_config();
    c.change(config);
    Bench b(config);
    auto tables = b.attach(4);
    PasidEntry e = b.read_pasid();
    e.type = c.type;
    b.write_pasid(e);
    EXPECT_EQ(b.read(0x1000).fault.reason, code(Reason::sm_pasid_invalid));
  }
  VtdConfig four = scalable_config();
  four.scalable.first_stage_5_levels = false;
  Bench b(four);
  auto tables = b.tables(TableStage::first, 4);
  b.driver->attach(b.memory, kDevice, kDomain, tables.get());
  PasidEntry e = b.read_pasid();
  e.paging_mode = 1;
  b.write_pasid(e);
  EXPECT_EQ(b.read(0x1000).fault.reason, code(Reason::sm_pasid_invalid));
}

TEST(VtdScalable, AnUnknownTableModeFaultsEveryRequest) {
  Bench b(scalable_config());
  b.set_reg(reg::kRootTable, (b.reg64(reg::kRootTable) & ~ones(11, 10)) | put(2, 11, 10), 8);
  b.set_reg(reg::kGlobalCommand, b.reg32(reg::kGlobalStatus) | global::kSetRootTable);
  EXPECT_EQ(b.read(0x1000).fault.reason, code(Reason::table_mode_invalid));
}

TEST(VtdScalable, AUnitThatHasScalableModeStillDoesLegacyMode) {
  Bench b(scalable_config());
  VtdConfig legacy;
  VtdDriver driver(legacy);
  b.unit.write(driver.set_up(b.memory, 256));
  b.unit.write(driver.enable(true));
  auto tables = driver.create_tables(b.memory, {});
  driver.attach(b.memory, kDevice, kDomain, tables.get());
  tables->map(b.memory, Iova(0x1000), Hpa(0x10000), kPage, kReadWrite, kPage);
  const Resolution r = b.read(0x1000);
  EXPECT_EQ(r.output, Hpa(0x10000));
  EXPECT_EQ(r.reads.total(), 6u) << "no PASID table";
  EXPECT_EQ(b.resolve(Bench::with_pasid(Bench::request(0x1000), 1)).fault.reason, code(Reason::pasid_in_legacy_mode));
}

// ---- nested

TEST(VtdNested, TheSecondStageDecidesOverEveryAccessOfTheFirst) {
  Nested n;
  Bench& b = n.b;
  n.first->map(b.memory, Iova(kIova), Hpa(0x40000000), kPage, kReadWrite, kPage);
  n.second->map(b.memory, Iova(0x40000000), Hpa(0x5000), kPage, kRead, kPage);
  EXPECT_EQ(b.read(kIova).output, Hpa(0x5000));
  EXPECT_EQ(b.read(kIova).translation.rights, kRead) << "what both stages grant";
  EXPECT_EQ(b.write(kIova).fault.reason, code(Reason::sm_no_write_permission));
  n.first->map(b.memory, Iova(kIova + kPage), Hpa(0x50000000), kPage, kReadWrite, kPage);
  EXPECT_EQ(b.read(kIova + kPage).fault.reason, code(Reason::second_not_present));
  EXPECT_EQ(b.read(kIova + 2 * kPage).fault.reason, code(Reason::first_not_present));
}

TEST(VtdNested, TablesThatTheGuestMayNotReadHaveReasonsOfTheirOwn) {
  // The root at 0x40000000 and the table below it at 0x40001000, each mapped write-only in turn.
  for (const bool top : {true, false}) {
    Nested n;
    Bench& b = n.b;
    PasidEntry e = b.read_pasid();
    e.first = 0x40000000;
    b.write_pasid(e);
    n.second->map(b.memory, Iova(0x40000000), Hpa(0x800000), kPage, top ? kWrite : kReadWrite, kPage);
    n.second->map(b.memory, Iova(0x40001000), Hpa(0x801000), kPage, kWrite, kPage);
    FirstEntry pointer;
    pointer.present = pointer.user = pointer.accessed = pointer.write = true;
    pointer.address = 0x40001000;
    for (unsigned i = 0; i < 512; ++i) b.memory.write64(Hpa(0x800000 + 8 * i), encode(pointer));
    EXPECT_EQ(b.read(kIova).fault.reason, code(top ? Reason::first_root_unreadable : Reason::first_entry_unreadable));
    pointer.address = bit(48);
    for (unsigned i = 0; i < 512; ++i) b.memory.write64(Hpa(0x800000 + 8 * i), encode(pointer));
    if (!top) {
      b.clear_bits(b.pasid_entry(), ones(4, 2));
      b.set_bits(b.pasid_entry(), put(2, 4, 2));  // 4 levels: 48 bits
      EXPECT_EQ(b.read(kIova).fault.reason, code(Reason::first_reserved)) << "beyond the host's width already";
      pointer.address = bit(45);
      for (unsigned i = 0; i < 512; ++i) b.memory.write64(Hpa(0x800000 + 8 * i), encode(pointer));
      PasidEntry narrow = b.read_pasid();
      narrow.width = 1;  // 3 levels: 39 bits
      b.write_pasid(narrow);
      // The same tables read as three levels: their top entry maps what the first of four did below 512 GiB.
      const Hpa level3(b.memory.read64(narrow.second) & ones(51, 12));
      narrow.second = level3;
      b.write_pasid(narrow);
      EXPECT_EQ(b.read(kIova).fault.reason, code(Reason::first_entry_beyond_width));
    }
  }
}

TEST(VtdNested, PagesOfTablesAreCachedAndLeaveOneReadPerLevel) {
  Nested n(scalable_config(), 4, 4, UntimedUnit::Caches::unbounded);
  Bench& b = n.b;
  n.first->map(b.memory, Iova(0x200000), Hpa(0x1000000), 4 << 20, kReadWrite, kPage);
  b.read(0x200000);
  const Resolution far = b.read(0x400000);
  EXPECT_EQ(far.reads.page_table[1][2], 1u) << "the level-2 table is known";
  EXPECT_EQ(far.reads.page_table[1][1], 1u);
  const Resolution near = b.read(0x201000);
  EXPECT_EQ(near.reads.page_table[1][1], 1u);
  EXPECT_EQ(near.reads.page_table[2][1] + near.reads.page_table[2][2], 0u) << "where that table lies is cached";
}

}  // namespace
}  // namespace iommusim::iommu::vtd
