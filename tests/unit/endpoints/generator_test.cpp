#include "models/endpoints/workload/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/base/config/config.h"

namespace iommusim::ep {
namespace {

using base::Time;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t origin = 0x40000000;

WorkloadSite site(std::uint64_t bytes = 1 << 20, std::uint64_t seed = 1) {
  return {"nic0", seed, base::Iova(origin), bytes};
}

GeneratorConfig config(const std::string& text) { return base::parse_config<GeneratorConfig>("schema: 1\n" + text); }

std::string stream(const std::string& pattern, const std::string& size = "{type: fixed, bytes: 64 B}",
                   const std::string& more = "") {
  return "  - pattern: " + pattern + "\n    size: " + size + "\n" + more;
}

// Takes `n` DMAs, ending each at once; times advance with open-loop arrivals.
std::vector<DmaRequest> take(Workload& w, std::size_t n) {
  std::vector<DmaRequest> out;
  Time now;
  while (out.size() < n) {
    const Workload::Next next = w.next(now);
    if (next.kind == Workload::Next::Kind::dma) {
      out.push_back(next.dma);
      w.done({next.dma, tlm::CompletionStatus::ok, now, now}, now);
    } else if (next.kind == Workload::Next::Kind::at) {
      now = next.at;
    } else {
      break;
    }
  }
  return out;
}
std::vector<std::uint64_t> offsets(const std::vector<DmaRequest>& dmas) {
  std::vector<std::uint64_t> out;
  for (const DmaRequest& d : dmas) out.push_back(d.iova.value() - origin);
  return out;
}

TEST(Patterns, SequentialStartsAgainAfterTheLastUnit) {
  const auto w =
      config("streams:\n" + stream("{type: sequential}", "{type: fixed, bytes: 64 B}", "    window: 192 B\n"))
          .make(site());
  EXPECT_THAT(offsets(take(*w, 5)), ElementsAre(0, 64, 128, 0, 64));
}

TEST(Patterns, StridedStepsModuloTheWindow) {
  const auto w =
      config("streams:\n" + stream("{type: strided, stride: 3}", "{type: fixed, bytes: 64 B}", "    window: 256 B\n"))
          .make(site());
  EXPECT_THAT(offsets(take(*w, 5)), ElementsAre(0, 192, 128, 64, 0));
}

TEST(Patterns, ARingTakesEvenlySpacedBuffersInTurn) {
  const auto w = config("streams:\n" + stream("{type: ring, entries: 2, uses: 2}", "{type: fixed, bytes: 64 B}",
                                              "    window: 8 KiB\n"))
                     .make(site());
  EXPECT_THAT(offsets(take(*w, 5)), ElementsAre(0, 64, 4096, 4160, 0));
}

TEST(Patterns, RandomVisitsEveryUnitAboutEquallyOften) {
  const auto w =
      config("streams:\n" + stream("{type: random}", "{type: fixed, bytes: 64 B}", "    window: 4 KiB\n")).make(site());
  std::map<std::uint64_t, unsigned> seen;
  for (std::uint64_t offset : offsets(take(*w, 64000))) ++seen[offset];
  ASSERT_EQ(64u, seen.size());
  for (const auto& [offset, times] : seen) {
    EXPECT_EQ(0u, offset % 64);
    EXPECT_NEAR(1000, times, 160) << offset;  // five standard deviations
  }
}

TEST(Patterns, ZipfPrefersFewUnitsAndScattersThemOverTheWindow) {
  const auto w =
      config("streams:\n" + stream("{type: zipf, exponent: 1}", "{type: fixed, bytes: 64 B}", "    window: 64000 B\n"))
          .make(site());
  std::map<std::uint64_t, unsigned> seen;
  for (std::uint64_t offset : offsets(take(*w, 100000))) ++seen[offset];
  std::vector<std::pair<unsigned, std::uint64_t>> ranked;
  for (const auto& [offset, times] : seen) ranked.push_back({times, offset});
  std::sort(ranked.rbegin(), ranked.rend());
  // The harmonic number of 1000 is 7.485: the most popular has 13.36 %, the second half of it.
  EXPECT_NEAR(13360, ranked[0].first, 600);
  EXPECT_NEAR(6680, ranked[1].first, 450);
  EXPECT_NE(64u, ranked[0].second > ranked[1].second ? ranked[0].second - ranked[1].second
                                                     : ranked[1].second - ranked[0].second);
  EXPECT_LE(seen.rbegin()->first, 64000u - 64);
}

TEST(Patterns, ZipfWithoutScatterIsABijectionOntoTheStart) {
  const auto w = config("streams:\n" +
                        stream("{type: zipf, scatter: false}", "{type: fixed, bytes: 64 B}", "    window: 64000 B\n"))
                     .make(site());
  std::map<std::uint64_t, unsigned> seen;
  for (std::uint64_t offset : offsets(take(*w, 20000))) ++seen[offset];
  unsigned most = 0;
  for (const auto& [offset, times] : seen) most = std::max(most, times);
  EXPECT_EQ(most, seen[0]);
}

TEST(Sizes, UniformKeepsBothEnds) {
  const auto w = config("streams:\n" + stream("{type: sequential}", "{type: uniform, smallest: 10 B, largest: 12 B}"))
                     .make(site());
  std::set<std::uint32_t> seen;
  for (const DmaRequest& d : take(*w, 200)) seen.insert(d.bytes);
  EXPECT_THAT(seen, ElementsAre(10, 11, 12));
}

TEST(Sizes, ATableFollowsItsWeights) {
  const auto w =
      config("streams:\n" +
             stream("{type: sequential}", "{type: table, rows: [{bytes: 64 B, weight: 3}, {bytes: 4 KiB, weight: 1}]}"))
          .make(site());
  unsigned small = 0;
  for (const DmaRequest& d : take(*w, 10000)) small += d.bytes == 64;
  EXPECT_NEAR(7500, small, 220);
}

TEST(Generator, UnitsDefaultToTheLargestDmaRoundedUpAndNoneLeavesTheWindow) {
  const auto w = config("streams:\n" + stream("{type: sequential}", "{type: fixed, bytes: 65 B}",
                                              "    window: 300 B\n    misalignment: 2 B\n    offset: 4 KiB\n"))
                     .make(site());
  // Unit 128, first at 4096 + 2; 300 bytes hold starts at 2 and 130 (ends at 195), 258 would end at 323.
  EXPECT_THAT(offsets(take(*w, 3)), ElementsAre(4098, 4226, 4098));
}

TEST(Generator, ReadsAndWritesMixAsAsked) {
  const auto w =
      config("streams:\n" + stream("{type: random}", "{type: fixed, bytes: 64 B}", "    reads: 30 %\n")).make(site());
  unsigned writes = 0;
  for (const DmaRequest& d : take(*w, 10000)) writes += d.write;
  EXPECT_NEAR(7000, writes, 230);
}

TEST(Generator, StreamsShareTheDmasByWeight) {
  const auto w =
      config("streams:\n" +
             stream("{type: sequential}", "{type: fixed, bytes: 64 B}", "    weight: 1\n    window: 64 KiB\n") +
             stream("{type: sequential}", "{type: fixed, bytes: 128 B}", "    weight: 4\n    offset: 64 KiB\n"))
          .make(site());
  unsigned second = 0;
  for (const DmaRequest& d : take(*w, 10000)) {
    second += d.bytes == 128;
    EXPECT_EQ(d.bytes == 128, d.iova.value() >= origin + 65536);
  }
  EXPECT_NEAR(8000, second, 200);
}

TEST(Generator, AClosedLoopKeepsItsWindowInProgress) {
  const auto w = config("window: 2\ncount: 3\nstreams:\n" + stream("{type: sequential}")).make(site());
  using Kind = Workload::Next::Kind;
  const Workload::Next first = w->next(Time::ns(5));
  ASSERT_EQ(Kind::dma, first.kind);
  EXPECT_EQ(Time::ns(5), first.dma.intended);
  EXPECT_EQ(Kind::dma, w->next(Time::ns(5)).kind);
  EXPECT_EQ(Kind::wait, w->next(Time::ns(5)).kind);
  w->done({first.dma, tlm::CompletionStatus::ok, {}, {}}, Time::ns(9));
  EXPECT_EQ(Kind::dma, w->next(Time::ns(9)).kind);
  EXPECT_EQ(Kind::finished, w->next(Time::ns(9)).kind);
  EXPECT_EQ(3u, w->offered(Time::ns(9)).dmas);
}

TEST(Generator, ConstantGapsKeepTheirRateExactly) {
  const auto w =
      config("loop: open\ngaps: constant\nrate: 3 M/s\nstart: 10 ns\nstreams:\n" + stream("{type: sequential}"))
          .make(site());
  const auto dmas = take(*w, 3000001);
  EXPECT_EQ(Time::ns(10), dmas[0].intended);
  EXPECT_EQ(333333u + 10000u, dmas[1].intended.ps());
  EXPECT_EQ(666666u + 10000u, dmas[2].intended.ps());
  EXPECT_EQ(1000000000000u + 10000u, dmas[3000000].intended.ps());
}

TEST(Generator, PoissonGapsHaveTheirMeanAndVariance) {
  const auto w = config("loop: open\nrate: 300 M/s\nstreams:\n" + stream("{type: sequential}")).make(site());
  const auto dmas = take(*w, 200001);
  double squares = 0;
  for (std::size_t i = 1; i < dmas.size(); ++i) {
    const double gap = static_cast<double>((dmas[i].intended - dmas[i - 1].intended).ps());
    squares += gap * gap;
  }
  const double mean = static_cast<double>((dmas.back().intended - dmas.front().intended).ps()) / 200000;
  EXPECT_NEAR(1e6 / 300, mean, 0.01 * 1e6 / 300);
  EXPECT_NEAR(2 * mean * mean, squares / 200000, 0.04 * mean * mean);
}

TEST(Generator, AnOpenLoopDoesNotWaitForItsDmas) {
  const auto w =
      config("loop: open\ngaps: constant\nrate: 1 M/s\nstreams:\n" + stream("{type: sequential}")).make(site());
  for (unsigned i = 0; i < 5; ++i) {
    const Workload::Next next = w->next(Time::us(4));
    ASSERT_EQ(Workload::Next::Kind::dma, next.kind);
    EXPECT_EQ(Time::us(i), next.dma.intended) << "a late DMA keeps its intended time";
  }
  EXPECT_EQ(Time::us(5), w->next(Time::us(4)).at);
}

TEST(Generator, OfferedLoadCountsArrivalsNobodyHasTaken) {
  const std::string text = "loop: open\nrate: 2 M/s\nstreams:\n" + stream("{type: random}", "{type: uniform}");
  const auto idle = config(text).make(site());
  const auto busy = config(text).make(site());
  take(*busy, 500);
  const auto a = idle->offered(Time::ms(1)), b = busy->offered(Time::ms(1));
  EXPECT_NEAR(2000, static_cast<double>(a.dmas), 230);
  EXPECT_EQ(a.dmas, b.dmas);
  EXPECT_EQ(a.bytes, b.bytes);
}

TEST(Generator, SameSeedSameDmasAnotherSeedOthers) {
  const GeneratorConfig c = config("streams:\n" + stream("{type: random}"));
  const auto a = offsets(take(*c.make(site(1 << 20, 7)), 50));
  EXPECT_EQ(a, offsets(take(*c.make(site(1 << 20, 7)), 50)));
  EXPECT_NE(a, offsets(take(*c.make(site(1 << 20, 8)), 50)));
}

TEST(GeneratorErrors, AWindowBeyondTheBufferNamesBothSizes) {
  try {
    config("streams:\n" + stream("{type: random}", "{type: fixed, bytes: 64 B}", "    window: 2 MiB\n")).make(site());
    FAIL() << "accepted";
  } catch (const base::UserError& e) {
    EXPECT_STREQ("nic0: streams[0]: offset 0 B and window 2 MiB exceed the buffer of 1 MiB", e.what());
  }
}

TEST(GeneratorErrors, ADmaLargerThanItsWindowIsRefused) {
  try {
    config("streams:\n" + stream("{type: random}", "{type: fixed, bytes: 8 KiB}", "    window: 4 KiB\n")).make(site());
    FAIL() << "accepted";
  } catch (const base::UserError& e) {
    EXPECT_STREQ("nic0: streams[0]: a window of 4 KiB does not hold a DMA of 8 KiB at misalignment 0 B", e.what());
  }
}

TEST(GeneratorErrors, AnUnknownPatternNamesTheKnownOnes) {
  try {
    config("streams:\n" + stream("{type: zipff}"));
    FAIL() << "accepted";
  } catch (const base::ConfigError& e) {
    EXPECT_THAT(e.what(), HasSubstr("zipff"));
    EXPECT_THAT(e.what(), HasSubstr("ring"));
    EXPECT_THAT(e.what(), HasSubstr("sequential"));
  }
}

TEST(GeneratorErrors, StreamsAreRequiredAndWeightsMustNotAllBeZero) {
  EXPECT_THROW(config("window: 1\n"), base::ConfigError);
  EXPECT_THROW(config("streams:\n" + stream("{type: random}", "{type: fixed, bytes: 64 B}", "    weight: 0\n")),
               base::ConfigError);
}

TEST(GeneratorConfigText, TheResolvedDumpReadsBackToTheSame) {
  const GeneratorConfig c =
      config("loop: open\nrate: 2.5 M/s\nstreams:\n" + stream("{type: zipf, exponent: 1.1}", "{type: uniform}"));
  const std::string text = base::dump_config(c);
  EXPECT_EQ(text, base::dump_config(base::parse_config<GeneratorConfig>(text)));
  EXPECT_THAT(text, HasSubstr("exponent: 1.1"));
}

TEST(GeneratorConfigText, KnowsTheBufferItNeeds) {
  EXPECT_EQ(4096u + 8192u, config("streams:\n" + stream("{type: random}", "{type: fixed, bytes: 64 B}",
                                                        "    window: 8 KiB\n    offset: 4 KiB\n"))
                               .buffer_bytes());
  EXPECT_EQ(64u, config("streams:\n" + stream("{type: random}")).buffer_bytes());
}

}  // namespace
}  // namespace iommusim::ep
