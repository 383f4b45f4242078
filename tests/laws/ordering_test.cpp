// Posted writes are never passed by reads of the same requester (PCIe 6.0 table 2-41), seen from outside the machine:
// one physical page is mapped at many addresses, some of which miss the IOTLB. A write through one that misses must be
// in memory before a read through one that hits looks there.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "models/base/random/stream.h"
#include "tests/support/machine.h"

namespace iommusim::test {
namespace {

constexpr Hpa kPage{std::uint64_t{4} << 30};
const char* const kMachine = R"(schema: 1
platform:
  endpoints: [{name: a, bdf: "01:00.0"}]
  iommu:
    architecture: {type: vtd}
    unit: {walk_overhead: 500 ns, walkers: 2, iotlb: {entries: 4}}
)";

using Word = std::array<unsigned char, 8>;
std::uint64_t value_of(const Word& w) {
  std::uint64_t v;
  std::memcpy(&v, w.data(), sizeof v);
  return v;
}
Word word(std::uint64_t v) {
  Word w;
  std::memcpy(w.data(), &v, sizeof v);
  return w;
}

class PostedOrdering : public ::testing::TestWithParam<const char*> {
 protected:
  Machine m{kMachine, {std::string("platform.iommu.unit.service=") + GetParam()}};
  Iova alias() { return m.map(host::DomainType::dma, kPage, 4096); }
};

TEST_P(PostedOrdering, AReadThatHitsWaitsForTheWriteBeforeItThatMisses) {
  const Iova cold = alias(), warm = alias();
  Word zero{}, one = word(1), got{};
  m.write(warm, 8, zero.data());
  const Time idle = m.read(warm, 8, got.data()).latency();
  ASSERT_EQ(value_of(got), 0u);
  m.start(cold, 8, true, one.data());
  const Dma& read = m.start(warm, 8, false, got.data());
  m.settle();
  EXPECT_EQ(value_of(got), 1u);
  EXPECT_TRUE(read.result.remapped.iotlb_hit);
  EXPECT_GT(read.latency(), idle + Time::ns(500)) << "it waited for the write's walk";
}

// The same with relaxed ordering on the read: it may pass, and does (a walker is free, so nothing stalls).
// Shows that the test above can fail.
TEST_P(PostedOrdering, ARelaxedReadPasses) {
  const Iova cold = alias(), warm = alias();
  Word zero{}, one = word(1), got{};
  m.write(warm, 8, zero.data());
  const Time idle = m.read(warm, 8, got.data()).latency();
  m.start(cold, 8, true, one.data());
  const Dma& read = m.start(warm, 8, false, got.data(), 0, true);
  m.settle();
  EXPECT_EQ(value_of(got), 0u);
  EXPECT_LT(read.latency(), idle + Time::ns(100));
}

// Sixteen addresses of one word through an IOTLB of four: every read sees at least the last write issued before it, and
// writes land in order, so that what reads see never goes back.
TEST_P(PostedOrdering, ReadsNeverSeeLessThanTheWritesBeforeThem) {
  std::vector<Iova> aliases;
  for (int i = 0; i < 16; ++i) aliases.push_back(alias());
  base::RandomStream random(1, "ordering");
  struct Read {
    Word data{};
    std::uint64_t at_least = 0;
  };
  std::deque<Word> writes;
  std::deque<Read> reads;
  std::uint64_t last = 0;
  Word zero{};
  m.write(aliases[0], 8, zero.data());
  for (int i = 0; i < 400; ++i) {
    const Iova at = aliases[random.below(aliases.size())];
    if (random.below(2) == 0) {
      writes.push_back(word(++last));
      m.start(at, 8, true, writes.back().data());
    } else {
      reads.push_back({{}, last});
      m.start(at, 8, false, reads.back().data.data());
    }
    if (i % 7 == 0) m.run_for(Time::ns(random.below(2000)));
  }
  m.settle();
  ASSERT_GT(reads.size(), 100u);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    EXPECT_GE(value_of(reads[i].data), reads[i].at_least) << "read " << i;
    EXPECT_LE(value_of(reads[i].data), last);
  }
  EXPECT_EQ(m.platform.memory().contents().read64(kPage), last) << "the last write is what remains";
  EXPECT_GT(m.count("iommu.walker.walks"), 100u) << "most of them missed";
}

INSTANTIATE_TEST_SUITE_P(Services, PostedOrdering, ::testing::Values("in_order", "out_of_order"));

}  // namespace
}  // namespace iommusim::test
