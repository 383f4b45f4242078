// Which channel, bank and row a line is in: every line somewhere of its own, strides spread.
#include "models/memory/dram_map.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "models/memory/llc_slices.h"

namespace iommusim::mem {
namespace {

using namespace base::literals;

class DramMapOf : public ::testing::TestWithParam<std::tuple<unsigned, unsigned, unsigned, unsigned>> {
 protected:
  static DramConfig config() {
    DramConfig c;
    const auto [channels, interleave, banks, bank_interleave] = GetParam();
    c.channels = channels;
    c.interleave = Bytes(interleave);
    c.banks = banks;
    c.bank_interleave = Bytes(bank_interleave);
    c.row = 8_KiB;
    return c;
  }
};

TEST_P(DramMapOf, ChannelsTakeTurnsAndTheirLinesAreNumberedWithoutGaps) {
  const DramConfig c = config();
  const DramMap map(c);
  std::vector<std::uint64_t> next(c.channels);
  for (std::uint64_t line = 0; line < 100000; ++line) {
    const DramMap::Local at = map.local(line);
    ASSERT_EQ(at.channel, line * kLineBytes / c.interleave.value() % c.channels);
    ASSERT_EQ(at.line, next[at.channel]++);
  }
}

TEST_P(DramMapOf, EachRowOfEachBankHoldsExactlyItsBytes) {
  const DramConfig c = config();
  const DramMap map(c);
  std::map<std::pair<unsigned, std::uint64_t>, unsigned> lines;
  constexpr unsigned kRows = 5;
  const std::uint64_t row_lines = c.row.value() / kLineBytes;
  for (std::uint64_t line = 0; line < kRows * c.banks * row_lines; ++line) {
    const DramMap::Place at = map.place(line);
    ASSERT_LT(at.bank, c.banks);
    ++lines[{at.bank, at.row}];
  }
  EXPECT_EQ(lines.size(), kRows * c.banks);
  for (const auto& [place, count] : lines) ASSERT_EQ(count, row_lines);
}

TEST_P(DramMapOf, NoPowerOfTwoStrideStaysInFewBanks) {
  const DramConfig c = config();
  if (c.banks == 1) return;
  const DramMap map(c);
  for (std::uint64_t stride = c.bank_interleave.value() / kLineBytes; stride <= 1 << 20; stride *= 2) {
    std::set<unsigned> banks;
    for (std::uint64_t i = 0; i < 16 * c.banks; ++i) banks.insert(map.place(i * stride).bank);
    EXPECT_GE(banks.size(), c.banks / 2) << "stride " << stride;
  }
}

INSTANTIATE_TEST_SUITE_P(Geometries, DramMapOf,
                         ::testing::Values(std::make_tuple(4u, 256u, 32u, 64u), std::make_tuple(1u, 64u, 1u, 64u),
                                           std::make_tuple(3u, 4096u, 16u, 1024u),
                                           std::make_tuple(6u, 256u, 32u, 8192u), std::make_tuple(8u, 64u, 2u, 256u)));

TEST(LlcSlicesTest, SpreadsSequentialAndStridedLinesEvenly) {
  for (const unsigned slices : {1u, 7u, 8u, 18u}) {
    LlcConfig c;
    c.slices = slices;
    const LlcSlices ports(c);
    for (const std::uint64_t stride : {1, 2, 64, 4096, 3, 1 << 20}) {
      std::vector<unsigned> count(slices);
      constexpr unsigned kLines = 18000;
      for (std::uint64_t i = 0; i < kLines; ++i) ++count.at(ports.slice_of(i * stride));
      for (const unsigned n : count)
        EXPECT_NEAR(n * slices / double{kLines}, 1, 0.2) << slices << ", stride " << stride;
    }
  }
}

}  // namespace
}  // namespace iommusim::mem
