// Random edits of both stages under process contexts, against plain maps.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/arch/riscv_bench.h"

namespace iommusim::iommu::riscv {
namespace {

constexpr std::uint32_t kGscid = 11;
constexpr std::uint64_t kGuestBit = std::uint64_t{1} << 36;  ///< set in guest-physical addresses of tables

/// Memory of a guest: its tables lie at host addresses with one bit set, and the second stage maps each of their pages.
class GuestMemory : public TableMemory {
 public:
  GuestMemory(TableMemory& host, PageTables& second) : host_(host), second_(second) {}
  std::uint64_t read64(Hpa gpa) override { return host_.read64(Hpa(gpa.value() & ~kGuestBit)); }
  void write64(Hpa gpa, std::uint64_t v) override { host_.write64(Hpa(gpa.value() & ~kGuestBit), v); }
  Hpa allocate(std::uint64_t bytes) override {
    const Hpa page = host_.allocate(bytes);
    const Hpa gpa(page.value() | kGuestBit);
    if (mapped_.insert(gpa.value()).second) second_.map(host_, Iova(gpa.value()), page, bytes, kReadWrite, kPageBytes);
    return gpa;
  }
  void release(Hpa gpa, std::uint64_t bytes) override { host_.release(Hpa(gpa.value() & ~kGuestBit), bytes); }

 private:
  TableMemory& host_;
  PageTables& second_;
  std::set<std::uint64_t> mapped_;
};

class RiscvRandomNested : public ::testing::TestWithParam<std::tuple<unsigned, unsigned, UntimedUnit::Caches>> {};

TEST_P(RiscvRandomNested, TranslateAsTwoPlainMapsDo) {
  const auto [first_levels, second_levels, caches] = GetParam();
  RiscvConfig c;
  c.msi_flat = false;
  Bench b(c, caches);
  std::mt19937_64 random(7 * first_levels + second_levels);
  DomainTables second(c, b.memory, Stage::second, second_levels);
  GuestMemory guest(b.memory, second);
  constexpr unsigned kProcesses = 3;
  std::vector<std::unique_ptr<DomainTables>> first;
  const Hpa directory = guest.allocate(4096);
  for (unsigned p = 0; p < kProcesses; ++p) {
    first.push_back(std::make_unique<DomainTables>(c, guest, Stage::first, first_levels));
    guest.write64(directory + 16 * p, 1 | std::uint64_t{100 + p} << 12);
    guest.write64(directory + 16 * p + 8, make_pointer(first[p]->pointer_mode(), first[p]->root().value()));
  }
  DeviceContext dc{};
  dc[kTc] = 1 | bit(tc::kProcessTable);
  dc[kIohgatp] = make_pointer(second.pointer_mode(), second.root().value(), kGscid);
  dc[kFsc] = make_pointer(kPd8, directory.value());
  b.set_context(dc);

  std::map<std::uint64_t, std::uint64_t> host_of;               // guest page -> host page
  std::map<std::uint64_t, std::uint64_t> guest_of[kProcesses];  // IOVA page -> guest page
  constexpr std::uint64_t kGuestPages = 64, kIovaPages = 512;
  const auto iova_of = [](std::uint64_t i) { return (i % 8) << 30 | (i / 8 % 8) << 21 | i / 64 << 12; };
  unsigned translated = 0, page_faults = 0, guest_faults = 0;

  for (unsigned round = 0; round < 3000; ++round) {
    bool freed = false;
    const std::uint64_t gpa = (random() % kGuestPages) << 12;
    const unsigned p = static_cast<unsigned>(random() % kProcesses);
    const std::uint64_t iova = iova_of(random() % kIovaPages);
    switch (random() % 4) {
      case 0:  // the hypervisor moves or takes away a guest page
        if (host_of.count(gpa) != 0) {
          second.unmap(b.memory, Iova(gpa), kPageBytes, freed);
          host_of.erase(gpa);
          b.submit(1 | 1 << 7 | 1 << 10 | bit(33) | std::uint64_t{kGscid} << 44, (gpa >> 12) << 10);
        } else {
          const std::uint64_t hpa = 0x70'0000'0000 + (random() % 4096 << 12);
          second.map(b.memory, Iova(gpa), Hpa(hpa), kPageBytes, kReadWrite, kPageBytes);
          host_of[gpa] = hpa;
        }
        break;
      case 1:  // the guest unmaps
        if (guest_of[p].count(iova) != 0) {
          first[p]->unmap(guest, Iova(iova), kPageBytes, freed);
          guest_of[p].erase(iova);
          b.submit(1 | 1 << 10 | std::uint64_t{100 + p} << 12 | bit(32) | bit(33) | std::uint64_t{kGscid} << 44,
                   (iova >> 12) << 10);
        }
        break;
      default:  // the guest maps
        if (guest_of[p].count(iova) == 0) {
          first[p]->map(guest, Iova(iova), Hpa(gpa), kPageBytes, kReadWrite, kPageBytes);
          guest_of[p][iova] = gpa;
        }
    }
    for (unsigned k = 0; k < 20; ++k) {
      const unsigned q = static_cast<unsigned>(random() % kProcesses);
      std::uint64_t at = iova_of(random() % kIovaPages);
      if (k % 2 == 0 && !guest_of[q].empty()) {
        auto it = guest_of[q].begin();
        std::advance(it, static_cast<long>(random() % guest_of[q].size()));
        at = it->first;
      }
      const Resolution r = b.resolve(Bench::with_pasid(Bench::request(at + 0x10), q));
      const auto g = guest_of[q].find(at);
      if (g == guest_of[q].end()) {
        ASSERT_EQ(r.fault.reason, code(FaultCause::read_page));
        ++page_faults;
      } else if (host_of.count(g->second) == 0) {
        ASSERT_EQ(r.fault.reason, code(FaultCause::read_guest_page));
        ASSERT_EQ(r.fault.detail, g->second + 0x10);
        ++guest_faults;
      } else {
        ASSERT_EQ(r.outcome, Resolution::Outcome::translated);
        ASSERT_EQ(r.output.value(), host_of[g->second] + 0x10);
        ++translated;
      }
    }
  }
  EXPECT_GT(translated, 10000u);
  EXPECT_GT(page_faults, 3000u);
  EXPECT_GT(guest_faults, 3000u);
}

INSTANTIATE_TEST_SUITE_P(Depths, RiscvRandomNested,
                         ::testing::Combine(::testing::Values(3u, 5u), ::testing::Values(3u, 4u),
                                            ::testing::Values(UntimedUnit::Caches::none,
                                                              UntimedUnit::Caches::unbounded)));

}  // namespace
}  // namespace iommusim::iommu::riscv
