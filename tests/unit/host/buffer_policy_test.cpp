#include "models/host/buffer_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/host/fakes.h"

namespace iommusim::host::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Buffers : Host {
  explicit Buffers(const char* policy_name) {
    add_driver();
    boot();
    domain = &driver->create_domain(DomainType::dma);
    policy = BufferPolicies::make(policy_name, BufferPolicy::Site{*driver,
                                                                  *domain,
                                                                  *core[0],
                                                                  {{Hpa(0x40000000), 8192}, {Hpa(0x50000000), 8192}},
                                                                  simulation.stats.group("device")});
  }
  Hpa where(Iova iova) { return domain->tables->lookup(driver->instant_memory(), iova)->output + iova.offset_in(4096); }
  DmaDomain* domain = nullptr;
  std::unique_ptr<BufferPolicy> policy;
};

TEST(BufferPolicy, PremappedBufferIsReadyAtOnceAndStays) {
  Buffers b("premapped");
  EXPECT_EQ(b.where(*b.policy->fixed() + 100), Hpa(0x40000000 + 100));
  Iova iova;
  b.policy->acquire(8192 + 100, 64, iommu::kRead, [&](Iova i) { iova = i; });
  EXPECT_EQ(b.where(iova), Hpa(0x50000000 + 100));
  b.policy->release(iova, 64);
  EXPECT_EQ(b.where(iova), Hpa(0x50000000 + 100));
  EXPECT_EQ(b.now(), Time());
}

TEST(BufferPolicy, EachDmaIsMappedByTheCoreAndUnmappedWithAnInvalidation) {
  Buffers b("per_dma");
  EXPECT_FALSE(b.policy->fixed().has_value());
  Iova iova;
  Time ready;
  // Pages 1 and 2 of the buffer, which lie in different pieces: two reads of entries, then the writes.
  b.policy->acquire(8000, 500, iommu::kRead, [&](Iova i) { iova = i, ready = b.now(); });
  b.go_on(Time::us(1));
  EXPECT_EQ(ready, Time::ps(210000));
  EXPECT_EQ(b.where(iova), Hpa(0x40000000 + 8000));
  EXPECT_EQ(b.where(iova + 192), Hpa(0x50000000));
  EXPECT_THAT(b.machine.executed, IsEmpty());
  b.policy->release(iova, 500);
  b.go_on(Time::us(3));
  EXPECT_THAT(b.machine.executed, ElementsAre("pages d2 0xffffe000+13 leaf", "wait"));
  EXPECT_EQ(b.domain->iovas.allocations(), 0u);
}

TEST(BufferPolicy, PagesAreThoseOfThePiecesAndNoMore) {
  const BufferLayout buffer({{Hpa(0x10000), 8192}, {Hpa(0x80000), 4096}});
  EXPECT_EQ(buffer.pages(0, 1).size(), 1u);
  EXPECT_EQ(buffer.pages(4095, 2).front().bytes, 8192u);
  const Pieces both = buffer.pages(5000, 5000);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].address, Hpa(0x11000));
  EXPECT_EQ(both[0].bytes, 4096u);
  EXPECT_EQ(both[1].address, Hpa(0x80000));
  EXPECT_EQ(buffer.pages(8192, 4096).front().address, Hpa(0x80000));
  EXPECT_THROW(buffer.pages(12000, 300), std::out_of_range);
  EXPECT_THROW(buffer.pages(12288, 1), std::out_of_range);
}

}  // namespace
}  // namespace iommusim::host::test
