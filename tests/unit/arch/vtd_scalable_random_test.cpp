// Random maps and unmaps in scalable mode against plain std::maps: either stage, both nested, with and without caches.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/arch/vtd_bench.h"

namespace iommusim::iommu::vtd {
namespace {

constexpr std::uint64_t kPage = 4096;
using Plain = std::map<std::uint64_t, std::pair<std::uint64_t, Rights>>;  ///< by page: where to, what for

/// Tables kept beside a plain map of 4 KiB pages.
struct Mirror {
  std::unique_ptr<PageTables> tables;
  Plain pages;

  /// One random change among the first `span` bytes above `base`; true if something was unmapped.
  bool change(std::mt19937_64& random, WordMemory& memory, std::uint64_t base, std::uint64_t span, std::uint64_t to) {
    static constexpr std::uint64_t sizes[] = {kPage, 4 * kPage, 2 << 20};
    const std::uint64_t bytes = sizes[random() % 3], at = base + random() % (span / bytes) * bytes;
    const auto begin = pages.lower_bound(at), end = pages.lower_bound(at + bytes);
    if (begin == end) {
      const Rights rights = random() % 3 == 0 ? kRead : kReadWrite;
      const std::uint64_t target = to + random() % (span / bytes) * bytes;
      tables->map(memory, Iova(at), Hpa(target), bytes, rights, 2 << 20);
      for (std::uint64_t o = 0; o < bytes; o += kPage) pages[at + o] = {target + o, rights};
      return false;
    }
    if (random() % 4 != 0) return false;  // most of the time, leave it mapped
    // Whole 2 MiB ranges, so that no superpage is cut.
    const std::uint64_t first = at & ~((std::uint64_t{2} << 20) - 1);
    bool freed = false;
    tables->unmap(memory, Iova(first), 2 << 20, freed);
    pages.erase(pages.lower_bound(first), pages.lower_bound(first + (2 << 20)));
    return true;
  }
};

using Case = std::tuple<Granular, unsigned, unsigned, bool, UntimedUnit::Caches>;
class VtdRandomScalable : public ::testing::TestWithParam<Case> {};

TEST_P(VtdRandomScalable, TranslatesAsPlainMapsDo) {
  const auto [type, first_levels, second_levels, track_dirty, caches] = GetParam();
  VtdConfig c = scalable_config();
  c.scalable.track_dirty = track_dirty;
  Bench b(c, caches);
  std::mt19937_64 random(first_levels * 100 + second_levels * 10 + track_dirty);
  Mirror first, second;
  const bool nested = type == Granular::nested;
  // Tables lie below 1 GiB, where guest addresses are host addresses; pages of the guest above.
  constexpr std::uint64_t kGuest = std::uint64_t{1} << 32, kHost = std::uint64_t{1} << 36, kSpan = 64 << 20;
  if (type != Granular::first) second.tables = b.tables(TableStage::second, second_levels);
  if (type != Granular::second) first.tables = b.tables(TableStage::first, first_levels);
  if (nested) {
    second.tables->map(b.memory, Iova(0), Hpa(0), std::uint64_t{1} << 30, kReadWrite, std::uint64_t{1} << 30);
    b.driver->attach_nested(b.memory, kDevice, kDomain, *first.tables, *second.tables);
  } else {
    b.driver->attach(b.memory, kDevice, kDomain, (first.tables ? first : second).tables.get());
  }

  const auto expected = [&](std::uint64_t page) -> std::optional<std::pair<std::uint64_t, Rights>> {
    std::pair<std::uint64_t, Rights> at{page, kReadWrite};
    for (const Mirror* m : {&first, &second}) {
      if (!m->tables) continue;
      const auto it = m->pages.find(at.first);
      if (it == m->pages.end()) return std::nullopt;
      at = {it->second.first, Rights{true, at.second.write && it->second.second.write, false}};
    }
    return at;
  };
  const auto invalidate = [&](bool of_first) {
    Invalidation i;
    i.kind = Invalidation::Kind::iotlb_domain;
    i.domain = kDomain;
    i.nested = nested;
    i.stage = of_first ? TableStage::first : TableStage::second;
    b.submit({i});
  };

  unsigned translated = 0, checked = 0;
  constexpr unsigned kRounds = 250, kAsked = 24;
  for (unsigned round = 0; round < kRounds; ++round) {
    if (first.tables && first.change(random, b.memory, kSpan, kSpan, nested ? kGuest : kHost)) invalidate(true);
    if (second.tables && second.change(random, b.memory, nested ? kGuest : kSpan, kSpan, kHost)) invalidate(false);
    // What has been unmapped must be gone from the caches before its tables' memory is used again.
    for (Mirror* m : {&first, &second})
      if (m->tables) m->tables->release_freed(b.memory);
    for (unsigned k = 0; k < kAsked; ++k, ++checked) {
      std::uint64_t page = kSpan + random() % (kSpan / kPage) * kPage;
      const Plain& mapped = (first.tables ? first : second).pages;
      const auto next = mapped.lower_bound(page);
      if (k % 2 == 0 && next != mapped.end()) page = next->first;
      const bool write = random() % 2 == 0;
      const auto want = expected(page);
      const Resolution r = b.resolve(Bench::request(page + 8 * (random() % 500), write ? kWrite : kRead, 8));
      const bool allowed = want && (!write || want->second.write);
      ASSERT_EQ(r.outcome == Resolution::Outcome::translated, allowed) << std::hex << page << " write " << write;
      if (!allowed) continue;
      ++translated;
      ASSERT_EQ(r.output.align_down(kPage).value(), want->first) << std::hex << page;
    }
  }
  EXPECT_GT(translated, checked / 50) << "the test finds mapped pages";
}

INSTANTIATE_TEST_SUITE_P(Stages, VtdRandomScalable,
                         ::testing::Combine(::testing::Values(Granular::first, Granular::second, Granular::nested),
                                            ::testing::Values(4u, 5u), ::testing::Values(4u, 5u), ::testing::Bool(),
                                            ::testing::Values(UntimedUnit::Caches::none,
                                                              UntimedUnit::Caches::unbounded)));

}  // namespace
}  // namespace iommusim::iommu::vtd
