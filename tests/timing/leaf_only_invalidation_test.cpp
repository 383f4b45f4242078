// What a leaf-only invalidation keeps: exact memory reads per miss of strict page-by-page unmapping (Fast & Safe, Rubin
// et al., SOSP 2024: Rx descriptors of 64 pages, each page unmapped and invalidated by itself; their remedy keeps the
// page-walk caches and invalidates a descriptor at once).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/vtd/config.h"
#include "tests/support/unit_bench.h"

namespace iommusim::test {
namespace {

using base::Hpa;
using base::Iova;
using base::Time;
using ::testing::Each;
using ::testing::ElementsAre;

constexpr std::uint64_t kPage = 4096, kPages = 64;
constexpr base::SourceId kDevice{0x0018};
constexpr base::DomainId kDomain{7};

// Four levels: a miss reads 4 entries, less what the page-walk caches know of the way.
class Unmap : public ::testing::TestWithParam<const char*> {
 protected:
  Unmap() {
    pages->map(b.tables, Iova(kA), Hpa(std::uint64_t{4} << 30), 1 << 30, iommu::kReadWrite, kPage);
    b.driver->attach(b.tables, kDevice, kDomain, pages.get());
    access(kA + (1 << 29));  // the context is cached from here on; its own reads are not the subject
    settle();
    run_all(global());
  }
  static iommu::Invalidation global() {
    iommu::Invalidation i;
    i.kind = iommu::Invalidation::Kind::iotlb_global;
    return i;
  }
  static iommu::Invalidation drop(std::uint64_t address, std::uint64_t bytes, bool leaf_only) {
    iommu::Invalidation i;
    i.kind = iommu::Invalidation::Kind::iotlb_pages;
    i.domain = kDomain;
    i.address = Iova(address);
    i.size_log2 = static_cast<std::uint8_t>(__builtin_ctzll(bytes));
    i.leaf_only = leaf_only;
    return i;
  }
  /// Memory reads of an access.
  unsigned access(std::uint64_t address) {
    const unsigned before = b.walk_reads();
    const std::size_t r = b.device.read(at_ += Time::us(2), address, kDevice);
    b.run(at_ + Time::us(2));
    EXPECT_TRUE(b.device.sent[r].ok);
    return b.walk_reads() - before;
  }
  /// Unmapped, invalidated, waited for: as Linux does in strict mode.
  void unmap(std::uint64_t address, std::uint64_t bytes, bool leaf_only) {
    bool tables_freed = false;
    pages->unmap(b.tables, Iova(address), bytes, tables_freed);
    EXPECT_FALSE(tables_freed) << "else leaf-only would be wrong";
    run_all(drop(address, bytes, leaf_only));
  }
  void run_all(const iommu::Invalidation& i) {
    b.submit(at_ += Time::us(2), {i, UnitBench::wait(++waits_)});
    b.run(at_ + Time::us(2));
    EXPECT_EQ(b.status(), waits_);
  }
  void settle() { b.run(at_ += Time::us(2)); }
  static std::unique_ptr<iommu::ArchitectureConfig> architecture() {
    if (std::string(GetParam()) == "vtd") return std::make_unique<iommu::vtd::VtdConfig>();
    return std::make_unique<iommu::riscv::RiscvConfig>();
  }

  static constexpr std::uint64_t kA = std::uint64_t{1} << 39;  // a descriptor
  static constexpr std::uint64_t kB = kA + (1 << 21);          // another, of the next table
  UnitBench b{*architecture()};
  std::unique_ptr<iommu::PageTables> pages = b.driver->create_tables(b.tables, iommu::DomainGeometry{4});

 private:
  Time at_;
  std::uint32_t waits_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Architectures, Unmap, ::testing::Values("vtd", "riscv"),
                         [](const auto& p) { return p.param; });

TEST_P(Unmap, PageByPageWithLeafOnlyLeavesOneReadPerMiss) {
  std::vector<unsigned> reads;
  for (std::uint64_t i = 0; i < kPages; ++i) {
    reads.push_back(access(kA + i * kPage));
    unmap(kA + i * kPage, kPage, true);
  }
  EXPECT_EQ(reads.front(), 4u);
  reads.erase(reads.begin());
  EXPECT_THAT(reads, Each(1u));
}

TEST_P(Unmap, PageByPageWithoutLeafOnlyCostsAWholeWalkPerMiss) {
  std::vector<unsigned> reads;
  for (std::uint64_t i = 0; i < kPages; ++i) {
    reads.push_back(access(kA + i * kPage));
    unmap(kA + i * kPage, kPage, false);
  }
  EXPECT_THAT(reads, Each(4u));
}

// Two descriptors in turn, as rings of two cores are: what one's invalidation drops above its own table the other's
// walk brings back, so the second pays for its last two levels only.
TEST_P(Unmap, OfTwoDescriptorsTheSecondFindsTheUpperLevelsThatTheFirstBroughtBack) {
  for (const bool leaf_only : {false, true}) {
    std::vector<unsigned> first, second;
    const std::uint64_t from = leaf_only ? kPages : 0;
    for (std::uint64_t i = from; i < from + kPages; ++i) {
      first.push_back(access(kA + i * kPage));
      second.push_back(access(kB + i * kPage));
      unmap(kA + i * kPage, kPage, leaf_only);
      unmap(kB + i * kPage, kPage, leaf_only);
    }
    if (leaf_only) {  // the last unmapping before was not
      EXPECT_EQ(first.front(), 4u);
      EXPECT_EQ(second.front(), 2u);
      first.erase(first.begin());
      second.erase(second.begin());
    }
    EXPECT_THAT(first, Each(leaf_only ? 1u : 4u));
    EXPECT_THAT(second, Each(leaf_only ? 1u : 2u));
  }
}

TEST_P(Unmap, OneInvalidationPerDescriptorCostsTheUpperLevelsOncePerDescriptor) {
  for (const bool leaf_only : {false, true}) {
    const std::uint64_t at = leaf_only ? kB : kA;
    std::vector<unsigned> per_descriptor;
    for (std::uint64_t d = 0; d < 4; ++d) {
      unsigned sum = 0;
      for (std::uint64_t i = 0; i < kPages; ++i) sum += access(at + (d * kPages + i) * kPage);
      unmap(at + d * kPages * kPage, kPages * kPage, leaf_only);
      per_descriptor.push_back(sum);
    }
    EXPECT_THAT(per_descriptor, leaf_only ? ElementsAre(64 + 3, 64, 64, 64) : ElementsAre(67, 67, 67, 67));
  }
}

}  // namespace
}  // namespace iommusim::test
