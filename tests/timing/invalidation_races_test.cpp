// Invalidations against walks in flight: whatever overlaps, once the last wait has completed no cache holds what
// software has cleared. Random maps, unmaps, superpages split and restored, contexts moved between domains, on a device
// that never stops asking; then every page is asked for once more and must go where the tables say.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/vtd/config.h"
#include "tests/support/unit_bench.h"

namespace iommusim::test {
namespace {

using base::Hpa;
using base::Iova;
using base::Time;

constexpr std::uint64_t kPage = 4096, kLarge = 1 << 21;
constexpr base::SourceId kDevice{0x0018};

struct Case {
  const char* architecture;
  unsigned walkers;
  bool walk_caches;
};

class Races : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr unsigned kSlots = 8;  // of 2 MiB each, either one superpage, some 4 KiB pages, or nothing
  struct Domain {
    base::DomainId id;
    std::unique_ptr<iommu::PageTables> pages;
  };
  Races() {
    for (std::uint16_t i = 0; i < 2; ++i) {
      domain_[i].id = base::DomainId(7 + i);
      domain_[i].pages = b.driver->create_tables(b.tables, iommu::DomainGeometry{4});
    }
    b.driver->attach(b.tables, kDevice, domain_[0].id, domain_[0].pages.get());
  }
  static iommu::RemappingUnitConfig config() {
    iommu::RemappingUnitConfig c;
    c.service = iommu::Service::out_of_order;
    c.walkers = GetParam().walkers;
    c.walk_step_latency = Time::ns(300);  // what was read is old for long before it is kept
    c.command_queue.fetch_batch = 4;
    if (GetParam().walkers == 6) {
      c.prefetch.kind = iommu::PrefetchConfig::Kind::next_page;
      c.prefetch.into =
          GetParam().walk_caches ? iommu::PrefetchConfig::Into::buffer : iommu::PrefetchConfig::Into::iotlb;
    }
    if (!GetParam().walk_caches) c = without_walk_caches(c);
    return c;
  }
  static std::unique_ptr<iommu::ArchitectureConfig> architecture() {
    if (std::string(GetParam().architecture) == "vtd") return std::make_unique<iommu::vtd::VtdConfig>();
    return std::make_unique<iommu::riscv::RiscvConfig>();
  }
  unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::uint64_t slot(unsigned i) const { return (std::uint64_t{1} << 39) + i * kLarge; }
  Hpa fresh(std::uint64_t size) {
    frame_ = (frame_ + size - 1) / size * size + size;
    return Hpa((std::uint64_t{1} << 36) + frame_);
  }

  iommu::Invalidation drop(const Domain& d, std::uint64_t at, std::uint64_t bytes, bool leaf_only) const {
    iommu::Invalidation i;
    i.kind = iommu::Invalidation::Kind::iotlb_pages;
    i.domain = d.id;
    i.address = Iova(at);
    i.size_log2 = static_cast<std::uint8_t>(__builtin_ctzll(bytes));
    i.leaf_only = leaf_only;
    return i;
  }
  /// Clears and maps anew a page, or all of a slot. Software changes tables first and invalidates then.
  void change(Domain& d) {
    const unsigned s = pick(kSlots);
    const bool whole = pick(3) == 0;
    const std::uint64_t at = whole ? slot(s) : slot(s) + pick(4) * kPage;
    const std::uint64_t bytes = whole ? kLarge : kPage;
    const auto now = d.pages->lookup(b.tables, Iova(at));
    bool tables_freed = false;
    std::vector<iommu::Invalidation> commands;
    if (!whole && now && now->size_log2 == 21) {
      // A superpage is split: the entry that covered the whole must go, by an invalidation of the page changed only.
      d.pages->unmap(b.tables, Iova(slot(s)), kLarge, tables_freed);
      for (unsigned i = 0; i < 4; ++i)
        d.pages->map(b.tables, Iova(slot(s) + i * kPage), Hpa(now->output.value() + i * kPage), kPage,
                     iommu::kReadWrite, kPage);
      d.pages->unmap(b.tables, Iova(at), kPage, tables_freed);
    } else {
      d.pages->unmap(b.tables, Iova(at), bytes, tables_freed);
    }
    commands.push_back(drop(d, at, bytes, !tables_freed && !(now && now->size_log2 == 21) && pick(2) == 0));
    commands.push_back(UnitBench::wait(++waits_));
    b.submit(at_, commands);
    pending_.push_back([this, &d, at, bytes, whole] {
      if (pick(4) == 0) return;  // left unmapped for now
      // Another change may have come to the same place meanwhile.
      for (unsigned i = 0; i < (whole ? 4 : 1); ++i) {
        if (d.pages->lookup(b.tables, Iova(at + i * kPage))) return;
      }
      d.pages->map(b.tables, Iova(at), fresh(bytes), bytes, iommu::kReadWrite, whole && pick(2) == 0 ? kLarge : kPage);
    });
  }
  /// The device goes to the other domain.
  void move() {
    attached_ ^= 1;
    b.driver->attach(b.tables, kDevice, domain_[attached_].id, domain_[attached_].pages.get());
    iommu::Invalidation context;
    context.kind = iommu::Invalidation::Kind::context_source;
    context.source = kDevice;
    context.domain = domain_[attached_ ^ 1].id;
    iommu::Invalidation all;
    all.kind = iommu::Invalidation::Kind::iotlb_domain;
    all.domain = domain_[attached_ ^ 1].id;
    b.submit(at_, {context, all, UnitBench::wait(++waits_)});
    pending_.push_back([] {});
  }

  UnitBench b{*architecture(), config()};
  Domain domain_[2];
  std::mt19937_64 random_{GetParam().walkers * 2 + GetParam().walk_caches};
  Time at_ = Time::us(1);
  std::uint32_t waits_ = 0;
  unsigned attached_ = 0;
  std::uint64_t frame_ = 0;
  std::vector<std::function<void()>> pending_;  ///< what software does when its invalidation has completed
};
INSTANTIATE_TEST_SUITE_P(Units, Races,
                         ::testing::Values(Case{"vtd", 1, true}, Case{"vtd", 6, true}, Case{"vtd", 6, false},
                                           Case{"riscv", 6, true}, Case{"riscv", 2, false}),
                         [](const auto& p) {
                           return std::string(p.param.architecture) + std::to_string(p.param.walkers) +
                                  (p.param.walk_caches ? "Cached" : "Uncached");
                         });

TEST_P(Races, NeverLeaveAStaleEntryBehind) {
  std::uint64_t checked = 0;
  for (unsigned round = 0; round < 300; ++round) {
    // Empty caches, so that there is something to walk for.
    iommu::Invalidation all;
    all.kind = iommu::Invalidation::Kind::iotlb_global;
    b.submit(at_, {all, UnitBench::wait(++waits_)});
    at_ = at_ + Time::us(2);
    // A burst of requests, and in its midst changes, each with its invalidation.
    for (unsigned i = 0; i < 24; ++i)
      b.device.read(at_ + Time::ns(pick(2000)), slot(pick(kSlots)) + pick(4) * kPage, kDevice);
    for (unsigned i = 0; i < 3; ++i) {
      at_ = at_ + Time::ns(100 + pick(600));
      b.run(at_);
      pick(8) == 0 ? move() : change(domain_[pick(4) == 0 ? attached_ ^ 1 : attached_]);
    }
    const std::size_t before = b.device.sent.size();
    b.run(at_ + Time::us(80));
    at_ = at_ + Time::us(80);
    ASSERT_EQ(b.status(), waits_) << "round " << round;
    for (const auto& action : pending_) action();
    pending_.clear();
    if (!b.driver->invalidate_on_map()) {
      // Every page, hit or miss, against the tables; those that hit must not differ from a walk.
      for (unsigned s = 0; s < kSlots; ++s) {
        for (unsigned p = 0; p < 4; ++p) b.device.read(at_ += Time::us(5), slot(s) + p * kPage, kDevice);
      }
    }
    at_ = at_ + Time::us(5);
    b.memory.accesses.clear();
    b.run(at_);
    std::size_t next = before;
    auto access = b.memory.accesses.begin();
    for (unsigned s = 0; s < kSlots; ++s) {
      for (unsigned p = 0; p < 4; ++p, ++next) {
        const auto& sent = b.device.sent[next];
        const auto expected = domain_[attached_].pages->lookup(b.tables, Iova(sent.address));
        ASSERT_EQ(sent.ok, expected.has_value()) << "round " << round << " slot " << s << " page " << p;
        if (!expected) continue;
        while (access != b.memory.accesses.end() && access->traffic != tlm::Traffic::dma) ++access;
        ASSERT_NE(access, b.memory.accesses.end());
        ASSERT_EQ(access->address, expected->apply(sent.address))
            << "round " << round << " slot " << s << " page " << p;
        ++access;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 3000u);
}

}  // namespace
}  // namespace iommusim::test
