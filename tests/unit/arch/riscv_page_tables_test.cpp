#include <gtest/gtest.h>

#include <map>
#include <random>

#include "models/base/error.h"
#include "tests/unit/arch/riscv_bench.h"

namespace iommusim::iommu::riscv {
namespace {

constexpr std::uint64_t kMiB2 = 2 << 20, kGiB = 1 << 30;

TEST(RiscvPageTables, MapUsesTheLargestPagesThatFit) {
  Bench b;
  auto t = b.attach(4);
  t->map(b.memory, Iova(5 * kGiB - kPageBytes), Hpa(2 * kGiB - kPageBytes), kPageBytes + kGiB + kMiB2 + kPageBytes,
         kReadWrite, kGiB);
  EXPECT_EQ(b.read(5 * kGiB - kPageBytes).translation.size_log2, 12);
  EXPECT_EQ(b.read(5 * kGiB).translation.size_log2, 30);
  EXPECT_EQ(b.read(6 * kGiB).translation.size_log2, 21);
  EXPECT_EQ(b.read(6 * kGiB + kMiB2).translation.size_log2, 12);
  EXPECT_EQ(b.read(6 * kGiB + kMiB2).output, Hpa(3 * kGiB + kMiB2));
}

TEST(RiscvPageTables, MistakesOfTheCallerAreLogicErrors) {
  Bench b;
  auto t = b.attach(3);
  bool freed = false;
  t->map(b.memory, Iova(0), Hpa(0), kMiB2, kReadWrite, kGiB);
  EXPECT_THROW(t->map(b.memory, Iova(kPageBytes), Hpa(0), kPageBytes, kReadWrite, kGiB), std::logic_error);
  EXPECT_THROW(t->unmap(b.memory, Iova(0), kPageBytes, freed), std::logic_error) << "part of a superpage";
  EXPECT_THROW(t->map(b.memory, Iova(kMiB2 + 1), Hpa(0), kPageBytes, kReadWrite, kGiB), std::logic_error);
  EXPECT_THROW(t->map(b.memory, Iova(bit(38)), Hpa(0), kPageBytes, kReadWrite, kGiB), std::logic_error)
      << "the upper half of a first stage";
  EXPECT_THROW(t->map(b.memory, Iova(kMiB2), Hpa(0), kPageBytes, Rights{}, kGiB), std::logic_error) << "no right";
}

TEST(RiscvPageTables, UnmapKeepsTablesUntilOneCallCoversThem) {
  Bench b;
  auto t = b.attach(4);
  t->map(b.memory, Iova(kMiB2), Hpa(kGiB), kPageBytes, kReadWrite, kPageBytes);
  const std::uint64_t before = b.memory.live;
  bool freed = true;
  EXPECT_EQ(t->unmap(b.memory, Iova(kMiB2), kPageBytes, freed), kPageBytes);
  EXPECT_FALSE(freed);
  EXPECT_EQ(t->unmap(b.memory, Iova(kMiB2), kMiB2, freed), 0u);
  EXPECT_TRUE(freed);
  EXPECT_EQ(b.memory.live, before) << "not given back before the invalidation is over";
  t->release_freed(b.memory);
  EXPECT_EQ(b.memory.live, before - kPageBytes);
}

TEST(RiscvPageTables, DepthsThatTheUnitLacksAreTheUsersMistake) {
  RiscvConfig c;
  c.sv57 = false;
  Bench b(c);
  EXPECT_THROW(b.driver.create_tables(b.memory, DomainGeometry{5}), base::UserError);
}

/// Random maps and unmaps against a plain std::map of 4 KiB pages: either stage, every depth, with superpages, with and
/// without caches.
using RandomCase = std::tuple<Stage, unsigned, UntimedUnit::Caches, bool>;
class RiscvRandomMaps : public ::testing::TestWithParam<RandomCase> {};

TEST_P(RiscvRandomMaps, TranslateAsAPlainMapDoes) {
  const auto [stage, levels, caches, big_endian] = GetParam();
  RiscvConfig c;
  c.domain_stage = stage;
  c.big_endian = big_endian;
  Bench b(c, caches);
  auto tables = b.attach(levels);
  struct Page {
    std::uint64_t hpa;
    bool write;
  };
  std::map<std::uint64_t, Page> model;             // by IOVA
  std::map<std::uint64_t, std::uint64_t> regions;  // IOVA -> bytes
  std::mt19937_64 random(42 + levels);
  const unsigned reach = dynamic_cast<const DomainTables&>(*tables).usable_bits();
  // Windows far apart, so that each level has several entries in use; none holds the interrupt pages.
  const auto window = [&](std::uint64_t i) {
    return ((i + 1) * 0x1357'9246'8000'0000u) & (bit(reach) - 1) & ~(4 * kGiB - 1);
  };
  constexpr std::uint64_t kWindows = 5, kWindowBytes = 32 * kMiB2;
  unsigned mapped = 0, faults = 0, translated = 0, superpages = 0;

  for (unsigned round = 0; round < rounds(400); ++round) {
    const std::uint64_t unit = random() % 3 == 0 ? kMiB2 : kPageBytes;
    const std::uint64_t bytes = unit * (1 + random() % (unit == kMiB2 ? 2 : 40));
    const std::uint64_t iova = window(random() % kWindows) + random() % ((kWindowBytes - bytes) / unit) * unit;
    const auto next = model.lower_bound(iova);
    if (next == model.end() || next->first >= iova + bytes) {
      const std::uint64_t hpa =
          (0x10'0000'0000 + random() % 0x4000 * kMiB2) + (random() % 2 ? 0 : random() % 512 * kPageBytes);
      const bool write = random() % 2 != 0;
      tables->map(b.memory, Iova(iova), Hpa(hpa), bytes, write ? kReadWrite : kRead, random() % 4 ? kGiB : kPageBytes);
      for (std::uint64_t o = 0; o < bytes; o += kPageBytes) model[iova + o] = {hpa + o, write};
      regions[iova] = bytes;
      ++mapped;
    }
    if (!regions.empty() && random() % 3 == 0) {
      auto it = regions.begin();
      std::advance(it, static_cast<long>(random() % regions.size()));
      bool freed = false;
      EXPECT_EQ(tables->unmap(b.memory, Iova(it->first), it->second, freed), it->second);
      for (std::uint64_t o = 0; o < it->second; o += kPageBytes) model.erase(it->first + o);
      Invalidation i;
      i.domain = kDomain;
      const bool by_domain = it->second > 64 * kPageBytes;
      i.kind = by_domain ? Invalidation::Kind::iotlb_domain : Invalidation::Kind::iotlb_pages;
      i.leaf_only = !freed;
      for (std::uint64_t o = 0; o < (by_domain ? 1 : it->second); o += kPageBytes) {
        i.address = Iova(it->first + o);
        b.submit(i);
      }
      tables->release_freed(b.memory);
      regions.erase(it);
    }
    for (unsigned k = 0; k < 50; ++k) {
      std::uint64_t address = window(random() % kWindows) + random() % kWindowBytes;
      if (k % 2 == 0 && !regions.empty()) {
        auto it = regions.begin();
        std::advance(it, static_cast<long>(random() % regions.size()));
        address = it->first + random() % it->second;
      }
      const bool write = random() % 2 != 0;
      const Resolution r = b.resolve(Bench::request(address, write ? kWrite : kRead));
      const auto page = model.find(address & ~(kPageBytes - 1));
      if (page == model.end() || (write && !page->second.write)) {
        ASSERT_EQ(r.outcome, Resolution::Outcome::fault) << std::hex << address;
        const Access a = write ? Access::write : Access::read;
        ASSERT_EQ(r.fault.reason, code(stage == Stage::first ? page_fault(a) : guest_page_fault(a)));
        ++faults;
      } else {
        ASSERT_EQ(r.outcome, Resolution::Outcome::translated) << std::hex << address;
        ASSERT_EQ(r.output, Hpa(page->second.hpa + address % kPageBytes)) << std::hex << address;
        const auto looked_up = tables->lookup(b.memory, Iova(address));
        ASSERT_TRUE(looked_up);
        ASSERT_EQ(looked_up->output, r.translation.output);
        ASSERT_EQ(looked_up->rights, r.translation.rights);
        if (caches == UntimedUnit::Caches::none) {
          ASSERT_EQ(r.reads[Structure::page_table], levels - (r.translation.size_log2 - 12) / 9);
        }
        superpages += r.translation.size_log2 > 12;
        ++translated;
      }
    }
  }
  EXPECT_GT(mapped, 50u);
  EXPECT_GT(faults, 3000u);
  EXPECT_GT(translated, 4000u);
  EXPECT_GT(superpages, 300u);
}

INSTANTIATE_TEST_SUITE_P(
    Depths, RiscvRandomMaps,
    ::testing::Combine(::testing::Values(Stage::first, Stage::second), ::testing::Values(3u, 4u, 5u),
                       ::testing::Values(UntimedUnit::Caches::none, UntimedUnit::Caches::unbounded),
                       ::testing::Values(false)));
INSTANTIATE_TEST_SUITE_P(BigEndian, RiscvRandomMaps,
                         ::testing::Values(RandomCase{Stage::first, 4, UntimedUnit::Caches::unbounded, true},
                                           RandomCase{Stage::second, 3, UntimedUnit::Caches::none, true}));

}  // namespace
}  // namespace iommusim::iommu::riscv
