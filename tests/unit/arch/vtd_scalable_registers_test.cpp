// What a VT-d unit of scalable mode reports, how it is configured, and what its driver sets up.
#include <gtest/gtest.h>

#include <random>

#include "models/base/config/config.h"
#include "models/base/error.h"
#include "models/iommu/arch/vtd/page_requests.h"
#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

// ---- capabilities and configuration

TEST(VtdScalableRegisters, CapabilitiesSayExactlyWhatIsOn) {
  const VtdConfig legacy;
  VtdConfig c;
  c.mode = Mode::scalable;
  EXPECT_EQ(c.cap() ^ legacy.cap(), bit(56) | bit(60)) << "FS1GP, FS5LP";
  EXPECT_EQ(c.ecap() ^ legacy.ecap(), bit(26) | bit(31) | put(19, 39, 35) | bit(40) | bit(43) | ones(49, 45))
      << "NEST, SRS, PSS, PASID, SMTS, SSADS, SSTS, FSTS, SMPWCS, RPS";

  struct Case {
    bool ScalableConfig::*member;
    std::uint64_t cap, ecap;
  };
  using C = ScalableConfig;
  for (const Case& k :
       {Case{&C::first_stage_1g, bit(56), 0}, Case{&C::first_stage_5_levels, bit(60), 0}, Case{&C::nested, 0, bit(26)},
        Case{&C::execute_requests, 0, bit(30)}, Case{&C::supervisor_requests, 0, bit(31)},
        Case{&C::extended_accessed, 0, bit(34)}, Case{&C::second_stage_dirty, 0, bit(45)},
        Case{&C::second_stage, 0, bit(46)}, Case{&C::first_stage, 0, bit(47)}, Case{&C::coherent_walks, 0, bit(48)},
        Case{&C::rid_pasid, 0, bit(49)}, Case{&C::rid_privileged, 0, bit(53)},
        Case{&C::page_requests, 0, bit(29) | bit(42)}}) {
    VtdConfig changed = c;
    changed.scalable.*k.member = !(c.scalable.*k.member);
    EXPECT_EQ(changed.cap() ^ c.cap(), k.cap);
    EXPECT_EQ(changed.ecap() ^ c.ecap(), k.ecap);
  }
  c.scalable.pasid_bits = 16;
  EXPECT_EQ(get(c.ecap(), 39, 35), 15u);
}

TEST(VtdScalableRegisters, TheUnitReportsThemAndItsVersion) {
  Bench b(scalable_config());
  EXPECT_EQ(b.reg64(reg::kEcap), scalable_config().ecap());
  EXPECT_EQ(b.reg32(reg::kVersion), 0x50u);
  EXPECT_EQ(get(b.reg64(reg::kRootTable), 11, 10), 1u) << "TTM";
  EXPECT_TRUE(get(b.reg64(reg::kQueueAddress), 11)) << "DW";
  Bench legacy;
  legacy.set_reg(reg::kRootTable, ones(63, 0), 8);
  EXPECT_EQ(get(legacy.reg64(reg::kRootTable), 11, 0), 0u) << "no table mode where there is one mode only";
  legacy.set_reg(reg::kQueueAddress, ones(63, 0), 8);
  EXPECT_FALSE(get(legacy.reg64(reg::kQueueAddress), 11));
  legacy.set_reg(reg::kPageTail, 0x40, 8);
  EXPECT_EQ(legacy.reg64(reg::kPageTail), 0u) << "no page-request registers without the capability";
}

struct Holder {
  std::shared_ptr<const ArchitectureConfig> architecture;
  static const base::Fields<Holder>& fields() {
    static const base::Fields<Holder> f =
        base::Fields<Holder>("holder", "Has an architecture").variant("architecture", &Holder::architecture, "Which");
    return f;
  }
};
std::string errors(const std::string& inside) {
  try {
    base::parse_config<Holder>("schema: 1\narchitecture: {type: vtd, " + inside + "}\n", "f.yaml");
  } catch (const base::ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(VtdScalableConfiguration, ContradictionsNameTheKeyAndThePlace) {
  EXPECT_EQ(errors("mode: scalable"), "");
  const std::string needs = errors("mode: scalable, scalable: {nested: true, second_stage: false}");
  EXPECT_NE(needs.find("f.yaml:2:"), std::string::npos) << needs;
  EXPECT_NE(needs.find("nested"), std::string::npos) << needs;
  EXPECT_NE(errors("scalable: {pasid_bits: 16}").find("needs mode: scalable"), std::string::npos);
  const auto contradicts = [](const std::string& inside, const char* key) {
    const std::string e = errors("mode: scalable, scalable: {" + inside + "}");
    EXPECT_NE(e.find(key), std::string::npos) << inside << ": " << e;
  };
  contradicts("page_requests: true", "page_requests");
  contradicts("first_stage: false, nested: false", "first_stage_5_levels");
  contradicts("nested: false, second_stage: false, second_stage_dirty: false", "domain_stage");
  contradicts("rid_privileged: true, supervisor_requests: false", "rid_privileged");
  contradicts("track_dirty: true, coherent_walks: false", "track_dirty");
  contradicts("pasid_bits: 21", "pasid_bits");
  contradicts("page_queue_entries: 100", "page_queue_entries");
  VtdConfig c;
  c.scalable.nested = false;
  EXPECT_THROW(c.make_architecture(), base::UserError);
}

// ---- formats

TEST(VtdScalableFormats, EntriesRoundTrip) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t a = random(), b = random(), c = random();
    const RootHalf half = decode_root_half(a);
    EXPECT_EQ(encode(decode_root_half(encode(half))), encode(half));
    const ContextWords context = encode(decode_scalable_context(a, b));
    EXPECT_EQ(encode(decode_scalable_context(context[0], context[1])), context);
    EXPECT_EQ(context[0], a & ~ones(8, 5));
    EXPECT_EQ(context[1], b & ones(20, 0));
    EXPECT_EQ(encode(decode_directory(a)), a & ~ones(11, 2));
    const PasidWords pasid = encode(decode_pasid(a, b, c));
    EXPECT_EQ(pasid[0], a & ~(bit(5) | ones(11, 10)));
    EXPECT_EQ(pasid[1], b & (ones(15, 0) | ones(24, 23)));
    EXPECT_EQ(pasid[2], c & ~ones(11, 8));
    const std::uint64_t first = encode(decode_first(a));
    EXPECT_EQ(first, a & ~(ones(4, 3) | bit(9) | bit(11) | ones(62, 52)));
    PageRequest p = decode_page_request({a, b, 0, 0});
    const PageRequestWords w = encode(p);
    EXPECT_EQ(encode(decode_page_request(w)), w);
  }
}

TEST(VtdScalableFormats, BitsAreThoseOfTheSpecification) {
  PasidEntry e;
  e.present = true;
  e.type = Granular::nested;
  e.width = 2;
  e.second = Hpa(0x5000);
  e.domain = 0x1234;
  e.walk_snoop = true;
  e.paging_mode = 1;
  e.first = 0x6000;
  e.supervisor = true;
  EXPECT_EQ(encode(e), (PasidWords{0x50c9, 0x801234, 0x6005, 0, 0, 0, 0, 0}));
  ScalableContext context;
  context.present = context.device_tlb = context.pasid_enable = context.page_requests = true;
  context.directory_size = 7;
  context.directory = Hpa(0x7000);
  context.rid_pasid = 0x54321;
  EXPECT_EQ(encode(context), (ContextWords{0x7e1d, 0x54321, 0, 0}));
}

// ---- the driver

TEST(VtdScalableDriver, SaysWhatItCanSetUp) {
  const DriverFeatures legacy = VtdDriver(VtdConfig()).features();
  EXPECT_TRUE(legacy.second_stage);
  EXPECT_FALSE(legacy.first_stage || legacy.nested || legacy.processes || legacy.nested_processes);
  const DriverFeatures all = VtdDriver(scalable_config()).features();
  EXPECT_TRUE(all.first_stage && all.second_stage && all.nested && all.processes && all.nested_processes);
}

TEST(VtdScalableDriver, WhatTheUnitLacksIsAUserError) {
  Bench legacy;
  auto tables = legacy.attach(4);
  EXPECT_THROW(legacy.tables(TableStage::first, 4), base::UserError);
  EXPECT_THROW(legacy.driver->attach_process(legacy.memory, kDevice, Pasid(1), kDomain, nullptr), base::UserError);
  EXPECT_THROW(legacy.driver->attach_nested(legacy.memory, kDevice, kDomain, *tables, *tables), base::UserError);
  VtdConfig c = scalable_config();
  c.scalable.pasid_bits = 10;
  c.scalable.nested = false;
  Bench b(c);
  auto second = b.tables(TableStage::second, 4), first = b.tables(TableStage::first, 4);
  EXPECT_THROW(b.tables(TableStage::first, 3), base::UserError);
  EXPECT_THROW(b.driver->attach_process(b.memory, kDevice, Pasid(1024), kDomain, nullptr), base::UserError);
  EXPECT_THROW(b.driver->attach_process(b.memory, kDevice, Pasid(0), kDomain, nullptr), base::UserError);
  EXPECT_THROW(b.driver->attach_process(b.memory, kDevice, Pasid(1), kDomain, first.get(), second.get()),
               base::UserError);
  EXPECT_THROW(b.driver->attach(b.memory, kDevice, DomainId(1 << 16), first.get()), base::UserError);
}

TEST(VtdScalableDriver, SmallerPasidsGetSmallerDirectories) {
  for (const unsigned bits : {6u, 13u, 16u, 20u}) {
    VtdConfig c = scalable_config();
    c.scalable.pasid_bits = static_cast<std::uint8_t>(bits);
    Bench b(c);
    b.driver->attach(b.memory, kDevice, kDomain, nullptr);
    const std::uint32_t last = (1u << bits) - 1;
    b.driver->attach_process(b.memory, kDevice, Pasid(last), kDomain, nullptr);
    EXPECT_EQ(b.resolve(Bench::with_pasid(Bench::request(0x1000), last)).outcome, Resolution::Outcome::passed);
    const Resolution beyond = b.resolve(Bench::with_pasid(Bench::request(0x1000), 1u << bits));
    EXPECT_EQ(beyond.fault.reason, static_cast<int>(Reason::sm_pasid_too_large)) << bits;
  }
}

TEST(VtdScalableDriver, DomainsOfTheFirstStageAreInvalidatedByPasid) {
  VtdConfig c = scalable_config();
  c.scalable.domain_stage = TableStage::first;
  Bench b(c, UntimedUnit::Caches::unbounded);
  auto tables = b.attach(4);
  ASSERT_EQ(tables->stage(), TableStage::first);
  tables->map(b.memory, Iova(0x1000), Hpa(0x5000), 4096, kReadWrite, 4096);
  b.read(0x1000);
  bool freed = false;
  tables->unmap(b.memory, Iova(0x1000), 4096, freed);
  EXPECT_EQ(b.read(0x1000).outcome, Resolution::Outcome::translated) << "stale";
  Invalidation i;
  i.kind = Invalidation::Kind::iotlb_pages;
  i.domain = kDomain;
  i.address = Iova(0x1000);
  EXPECT_EQ(b.driver->encode(i).words[0] & 0xf, 6u);
  b.submit({i});
  EXPECT_EQ(b.read(0x1000).outcome, Resolution::Outcome::fault);
}

TEST(VtdScalableDriver, PasidEntriesAreNeverSeenHalfWritten) {
  struct Watch : WordMemory {
    void write64(Hpa a, std::uint64_t v) override {
      WordMemory::write64(a, v);
      const Hpa entry = a.align_down(64);
      if (a.value() < watched || a.value() >= watched + 4096 || (read64(entry) & 1) == 0) return;
      const PasidEntry e = decode_pasid(read64(entry), read64(entry + 8), read64(entry + 16));
      EXPECT_EQ(e.domain, domain) << "present with another domain's words";
    }
    std::uint64_t watched = 0;
    std::uint32_t domain = 0;
  } memory;
  VtdDriver driver(scalable_config());
  driver.set_up(memory, 256);
  driver.attach(memory, kDevice, DomainId(1), nullptr);
  // Found by hand: root, context, directory.
  Hpa table(memory.read64(Hpa(memory.read64(Hpa((1 << 20))) & ~std::uint64_t{0xfff}) + 32 * 0x18) &
            ~std::uint64_t{0xfff});
  memory.watched = memory.read64(table) & ~std::uint64_t{0xfff};
  ASSERT_NE(memory.watched, 0u);
  for (std::uint32_t domain = 2; domain < 6; ++domain) {
    memory.domain = domain;
    auto tables = driver.create_tables(memory, DomainGeometry{4, TableStage::first});
    driver.attach(memory, kDevice, DomainId(domain), domain % 2 == 0 ? tables.get() : nullptr);
  }
}

}  // namespace
}  // namespace iommusim::iommu::vtd
