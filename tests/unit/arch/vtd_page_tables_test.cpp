#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

constexpr std::uint64_t kKiB4 = 4096, kMiB2 = 2 << 20, kGiB = 1 << 30;

TEST(VtdPageTables, MapUsesTheLargestPagesThatFit) {
  Bench b;
  auto t = b.attach(4);
  t->map(b.memory, Iova(kGiB - kKiB4), Hpa(2 * kGiB - kKiB4), kKiB4 + kGiB + kMiB2 + kKiB4, kReadWrite, kGiB);
  EXPECT_EQ(b.read(kGiB - kKiB4).translation.size_log2, 12);
  EXPECT_EQ(b.read(kGiB).translation.size_log2, 30);
  EXPECT_EQ(b.read(2 * kGiB).translation.size_log2, 21);
  EXPECT_EQ(b.read(2 * kGiB + kMiB2).translation.size_log2, 12);
  EXPECT_EQ(b.read(2 * kGiB + kMiB2).output, Hpa(3 * kGiB + kMiB2));
}

TEST(VtdPageTables, MapKeepsToTheLargestPageAllowedAndSupported) {
  Bench b;
  auto t = b.attach(4);
  t->map(b.memory, Iova(0), Hpa(0), kGiB, kReadWrite, kMiB2);
  EXPECT_EQ(b.read(0).translation.size_log2, 21);
  t->map(b.memory, Iova(kGiB), Hpa(kGiB), kMiB2, kReadWrite, kKiB4);
  EXPECT_EQ(b.read(kGiB).translation.size_log2, 12);
  t->map(b.memory, Iova(2 * kGiB), Hpa(kKiB4), kMiB2, kReadWrite, kGiB);
  EXPECT_EQ(b.read(2 * kGiB).translation.size_log2, 12) << "physical address not aligned";
  VtdConfig c;
  c.superpages_1g = false;
  Bench no_gib(c);
  auto u = no_gib.attach(4);
  u->map(no_gib.memory, Iova(0), Hpa(0), kGiB, kReadWrite, kGiB);
  EXPECT_EQ(no_gib.read(0).translation.size_log2, 21);
}

TEST(VtdPageTables, MistakesOfTheCallerAreLogicErrors) {
  Bench b;
  auto t = b.attach(3);
  bool freed = false;
  t->map(b.memory, Iova(0), Hpa(0), kMiB2, kReadWrite, kGiB);
  EXPECT_THROW(t->map(b.memory, Iova(kKiB4), Hpa(0), kKiB4, kReadWrite, kGiB), std::logic_error) << "live mapping";
  EXPECT_THROW(t->unmap(b.memory, Iova(0), kKiB4, freed), std::logic_error) << "part of a superpage";
  EXPECT_THROW(t->map(b.memory, Iova(kMiB2 + 1), Hpa(0), kKiB4, kReadWrite, kGiB), std::logic_error);
  EXPECT_THROW(t->map(b.memory, Iova(bit(39)), Hpa(0), kKiB4, kReadWrite, kGiB), std::logic_error) << "beyond 3 levels";
  EXPECT_THROW(t->map(b.memory, Iova(kMiB2), Hpa(0), kKiB4, Rights{}, kGiB), std::logic_error) << "no right";
}

TEST(VtdPageTables, UnmapKeepsTablesUntilOneCallCoversThem) {
  Bench b;
  auto t = b.attach(4);
  const std::uint64_t before = b.memory.live;
  t->map(b.memory, Iova(0), Hpa(kGiB), kMiB2, kReadWrite, kKiB4);
  EXPECT_EQ(b.memory.live, before + 3 * kKiB4);
  bool freed = true;
  EXPECT_EQ(t->unmap(b.memory, Iova(0), kMiB2 - kKiB4, freed), kMiB2 - kKiB4);
  EXPECT_FALSE(freed);
  EXPECT_EQ(t->unmap(b.memory, Iova(0), kMiB2, freed), kKiB4) << "the one page left";
  EXPECT_TRUE(freed);
  EXPECT_EQ(b.memory.live, before + 3 * kKiB4) << "not given back before the invalidation is over";
  t->release_freed(b.memory);
  EXPECT_EQ(b.memory.live, before + 2 * kKiB4);
}

TEST(VtdPageTables, ASuperpageDoesNotReplaceATableStillInPlace) {
  Bench b;
  auto t = b.attach(4);
  t->map(b.memory, Iova(0), Hpa(kGiB), kKiB4, kReadWrite, kGiB);
  bool freed = false;
  t->unmap(b.memory, Iova(0), kKiB4, freed);
  t->map(b.memory, Iova(0), Hpa(kGiB), kMiB2, kReadWrite, kGiB);
  EXPECT_EQ(b.read(0).translation.size_log2, 12);
}

TEST(VtdPageTables, ContextEntriesAreNeverSeenHalfWritten) {
  // The present bit goes off before and on after the rest of the entry changes.
  class Watch : public WordMemory {
   public:
    void write64(Hpa a, std::uint64_t v) override {
      WordMemory::write64(a, v);
      if (watched != Hpa() && (a == watched || a == watched + 8))
        seen.push_back({read64(watched), read64(watched + 8)});
    }
    Hpa watched;
    std::vector<Pair> seen;
  } memory;
  VtdConfig c;
  auto arch = c.make_architecture();
  auto driver = c.make_driver();
  UntimedUnit unit(*arch, memory);
  unit.write(driver->set_up(memory, 256));
  auto one = driver->create_tables(memory, DomainGeometry{4});
  auto two = driver->create_tables(memory, DomainGeometry{3});
  driver->attach(memory, kDevice, DomainId(1), one.get());
  const Hpa root(arch->read_register(reg::kRootTable, 8));
  memory.watched = Hpa(memory.read64(root) & ~std::uint64_t{0xfff}) + 16 * 0x18;
  const Pair before{memory.read64(memory.watched), memory.read64(memory.watched + 8)};
  driver->attach(memory, kDevice, DomainId(2), two.get());
  const Pair after{memory.read64(memory.watched), memory.read64(memory.watched + 8)};
  EXPECT_NE(before, after);
  ASSERT_GE(memory.seen.size(), 3u);
  for (const Pair& w : memory.seen) EXPECT_TRUE(!get(w[0], 0) || w == after);
}

/// Random maps and unmaps against a plain std::map of 4 KiB pages, at every depth, with superpages, with and without
/// caches.
class VtdRandomMaps : public ::testing::TestWithParam<std::tuple<unsigned, UntimedUnit::Caches>> {};

TEST_P(VtdRandomMaps, TranslateAsAPlainMapDoes) {
  const auto [levels, caches] = GetParam();
  VtdConfig c;
  c.table_levels = {3, 4, 5};
  c.guest_address_bits = 57;
  Bench b(c, caches);
  auto tables = b.attach(levels);
  struct Page {
    std::uint64_t hpa;
    Rights rights;
  };
  std::map<std::uint64_t, Page> model;             // by IOVA
  std::map<std::uint64_t, std::uint64_t> regions;  // IOVA -> bytes
  std::mt19937_64 random(42 + levels);
  // Windows far apart, so that each level has several entries in use.
  const auto window = [&](std::uint64_t i) {
    return (i * 0x1357'9246'8000'0000u) & (bit(address_bits_of(levels)) - 1) & ~(4 * kGiB - 1);
  };
  constexpr std::uint64_t kWindows = 5, kWindowBytes = 32 * kMiB2;
  constexpr Rights kChoices[] = {kRead, kWrite, kReadWrite};
  unsigned mapped = 0, faults = 0, translated = 0, superpages = 0;

  for (unsigned round = 0; round < 800; ++round) {
    // Map a random range where the model is free.
    const std::uint64_t unit = random() % 3 == 0 ? kMiB2 : kKiB4;
    const std::uint64_t bytes = unit * (1 + random() % (unit == kMiB2 ? 2 : 40));
    const std::uint64_t iova = window(random() % kWindows) + random() % ((kWindowBytes - bytes) / unit) * unit;
    const auto next = model.lower_bound(iova);
    const bool free = next == model.end() || next->first >= iova + bytes;
    if (free) {
      const std::uint64_t hpa =
          (0x10'0000'0000 + random() % 0x4000 * kMiB2) + (random() % 2 ? 0 : random() % 512 * kKiB4);
      const Rights rights = kChoices[random() % 3];
      tables->map(b.memory, Iova(iova), Hpa(hpa), bytes, rights, random() % 4 ? kGiB : kKiB4);
      for (std::uint64_t o = 0; o < bytes; o += kKiB4) model[iova + o] = {hpa + o, rights};
      regions[iova] = bytes;
      ++mapped;
    }
    // Unmap a whole earlier region now and then.
    if (!regions.empty() && random() % 3 == 0) {
      auto it = regions.begin();
      std::advance(it, static_cast<long>(random() % regions.size()));
      bool freed = false;
      EXPECT_EQ(tables->unmap(b.memory, Iova(it->first), it->second, freed), it->second);
      for (std::uint64_t o = 0; o < it->second; o += kKiB4) model.erase(it->first + o);
      Invalidation i;
      i.domain = kDomain;
      const bool by_domain = freed || it->second > 64 * kKiB4;
      i.kind = by_domain ? Invalidation::Kind::iotlb_domain : Invalidation::Kind::iotlb_pages;
      i.leaf_only = true;
      for (std::uint64_t o = 0; o < (by_domain ? 1 : it->second); o += kKiB4) {
        i.address = Iova(it->first + o);
        b.submit({i});
      }
      tables->release_freed(b.memory);
      regions.erase(it);
    }
    for (unsigned k = 0; k < 50; ++k) {
      // Half the probes near what is mapped, half anywhere in a window.
      std::uint64_t address = window(random() % kWindows) + random() % kWindowBytes;
      if (k % 2 == 0 && !regions.empty()) {
        auto it = regions.begin();
        std::advance(it, static_cast<long>(random() % regions.size()));
        address = it->first + random() % it->second;
      }
      const bool write = random() % 2 != 0;
      const Rights needed = write ? kWrite : kRead;
      const Resolution r = b.unit.resolve(Bench::request(address, needed, 1));
      const auto page = model.find(address & ~(kKiB4 - 1));
      if (page == model.end() || !page->second.rights.cover(needed)) {
        ASSERT_EQ(r.outcome, Resolution::Outcome::fault) << std::hex << address;
        ASSERT_EQ(r.fault.reason, write ? 5 : 6);
        ASSERT_EQ(r.fault.kind, page == model.end() ? FaultKind::not_present : FaultKind::permission);
        ++faults;
      } else {
        ASSERT_EQ(r.outcome, Resolution::Outcome::translated) << std::hex << address;
        ASSERT_EQ(r.output, Hpa(page->second.hpa + address % kKiB4)) << std::hex << address;
        ASSERT_EQ(r.translation.rights, page->second.rights);
        const auto looked_up = tables->lookup(b.memory, Iova(address));
        ASSERT_TRUE(looked_up);
        ASSERT_EQ(looked_up->output, r.translation.output);
        if (caches == UntimedUnit::Caches::none) {
          ASSERT_EQ(r.reads[Structure::page_table], levels - (r.translation.size_log2 - 12) / 9);
        }
        superpages += r.translation.size_log2 > 12;
        ++translated;
      }
    }
  }
  EXPECT_GT(mapped, 50u);
  EXPECT_GT(faults, 5000u);
  EXPECT_GT(translated, 8000u);
  EXPECT_GT(superpages, 500u);
}

INSTANTIATE_TEST_SUITE_P(Depths, VtdRandomMaps,
                         ::testing::Combine(::testing::Values(3u, 4u, 5u),
                                            ::testing::Values(UntimedUnit::Caches::none,
                                                              UntimedUnit::Caches::unbounded)));

}  // namespace
}  // namespace iommusim::iommu::vtd
