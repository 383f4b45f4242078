// Random edits of both stages under process contexts, against plain maps.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <sstream>

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

  for (unsigned round = 0; round < rounds(3000); ++round) {
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

/// Memory reads of a walk to a 4 KiB page of both stages, nothing cached: page tables, and process directory.
struct Reads {
  unsigned page_tables = 0;
  unsigned processes = 0;  ///< PD20, with the second-stage reads on the way
};
Reads reads_of(unsigned first_mode, unsigned second_mode) {
  Bench b;
  const PagingMode first = first_stage_mode(first_mode, false), second = second_stage_mode(second_mode, false);
  constexpr std::uint64_t kMemory = 8 << 20, kIova = 0x12'3456'7000, kPage = 0x10'0000;
  const Hpa second_root = b.memory.allocate(16384), first_root = b.memory.allocate(4096);
  DeviceContext dc{};
  dc[kTc] = 1 | bit(tc::kProcessTable);
  if (!second.bare()) {
    dc[kIohgatp] = make_pointer(second_mode, second_root.value(), 1);
    for (std::uint64_t a = 0; a < kMemory; a += kPageBytes) b.map(second_root, second, a, a, leaf_bits::kUser);
  }
  if (!first.bare()) b.map(first_root, first, kIova, kPage, leaf_bits::kUser);
  const Hpa one = b.memory.allocate(4096), two = b.memory.allocate(4096), three = b.memory.allocate(4096);
  dc[kFsc] = make_pointer(kPd20, one.value());
  b.memory.write64(one, two.value() >> 2 | 1);
  b.memory.write64(two, three.value() >> 2 | 1);
  b.memory.write64(three, 1);
  b.memory.write64(three + 8, make_pointer(first_mode, first_root.value()));
  b.set_context(dc);
  const Resolution r = b.resolve(Bench::with_pasid(Bench::request(first.bare() ? kPage : kIova), 0));
  EXPECT_EQ(r.output.value(), kPage);
  const unsigned directory = r.reads[Structure::pasid_directory] + r.reads[Structure::pasid_entry];
  const unsigned on_the_way = second.bare() ? 0 : directory * second.levels;
  return {r.reads[Structure::page_table] - on_the_way, directory + on_the_way};
}

TEST(RiscvWalkTable, TheDocumentedReadsAreThoseOfTheWalks) {
  const std::pair<const char*, unsigned> first[] = {{"Bare", 0}, {"Sv39", 8}, {"Sv48", 9}, {"Sv57", 10}};
  const std::pair<const char*, unsigned> second[] = {{"Bare", 0}, {"Sv39x4", 8}, {"Sv48x4", 9}, {"Sv57x4", 10}};
  std::string table = "| First stage \\ second stage | Bare | Sv39x4 | Sv48x4 | Sv57x4 |\n|---|---|---|---|---|\n";
  for (const auto& [name, mode] : first) {
    table += std::string("| ") + name + " |";
    for (const auto& s : second) table += " " + std::to_string(reads_of(mode, s.second).page_tables) + " |";
    table += "\n";
  }
  table += "| process context (PD20) |";
  for (const auto& s : second) table += " " + std::to_string(reads_of(8, s.second).processes) + " |";
  table += "\n";
  std::ifstream in(IOMMUSIM_SOURCE_DIR "/models/iommu/arch/riscv/COVERAGE.md");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find(table), std::string::npos) << "COVERAGE.md should say:\n" << table;
}

}  // namespace
}  // namespace iommusim::iommu::riscv
