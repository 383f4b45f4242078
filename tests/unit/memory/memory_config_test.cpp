// What a file may say about memory.
#include "models/memory/memory_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iommusim::mem {
namespace {

std::string errors_of(const std::string& yaml) {
  try {
    base::parse_config<MemoryConfig>("schema: 1\n" + yaml, "m.yaml");
  } catch (const base::ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(MemoryConfigTest, DefaultsAreValidAndSurviveADump) {
  const MemoryConfig defaults;
  const std::string text = base::dump_config(defaults);
  const auto again = base::parse_config<MemoryConfig>(text);
  EXPECT_EQ(base::dump_config(again), text);
  EXPECT_EQ(again.dram.latency, defaults.dram.latency);
  EXPECT_EQ(again.ranges.size(), 2u);
}

TEST(MemoryConfigTest, RefusesWhatCannotBeBuilt) {
  using ::testing::HasSubstr;
  EXPECT_THAT(errors_of("llc: {size: 1000 B}\n"),
              HasSubstr("m.yaml:2:13: llc.size: must be a multiple of ways x 64 B, here 1280 B"));
  EXPECT_THAT(errors_of("llc: {ddio_ways: 21}\n"), HasSubstr("llc.ddio_ways: must not be more than `ways`, 20"));
  EXPECT_THAT(errors_of("llc: {policy: lur}\n"), HasSubstr("unknown replacement policy 'lur'. Did you mean 'lru'?"));
  EXPECT_THAT(errors_of("dram: {interleave: 96 B}\n"), HasSubstr("dram.interleave"));
  EXPECT_THAT(errors_of("dram: {channels: 0}\n"), HasSubstr("dram.channels"));
  EXPECT_THAT(errors_of("ranges: [{base: 0x0, size: 8 KiB}, {base: 0x1000, size: 8 KiB}]\n"),
              HasSubstr("ranges[1]: overlaps ranges[0]"));
  EXPECT_THAT(errors_of("ranges: [{base: 0x10, size: 8 KiB}]\n"), HasSubstr("base: must be a multiple of 4 KiB"));
}

TEST(MemoryConfigTest, RefusesDramThatCannotBeBuilt) {
  using ::testing::HasSubstr;
  EXPECT_THAT(errors_of("dram: {latency: 10 ns}\n"),
              HasSubstr("m.yaml:2:17: dram.latency: must not be less than `timing.t_rcd`, 14.16 ns"));
  EXPECT_THAT(errors_of("dram: {row: 1 KiB, bank_interleave: 2 KiB}\n"),
              HasSubstr("dram.bank_interleave: must not be more than `row`, 1 KiB"));
  EXPECT_THAT(errors_of("dram: {banks: 12}\n"), HasSubstr("dram.banks"));
  EXPECT_THAT(errors_of("dram: {page_policy: half}\n"), HasSubstr("dram.page_policy"));
  EXPECT_THAT(errors_of("dram: {scheduler: {drain_at: 65}}\n"),
              HasSubstr("dram.scheduler.drain_at: must not be more than `writes`, 64"));
  EXPECT_THAT(errors_of("dram: {scheduler: {drain_to: 48}}\n"),
              HasSubstr("dram.scheduler.drain_to: must be less than `drain_at`, 48"));
  EXPECT_THAT(errors_of("dram: {timing: {t_refi: 300 ns}}\n"),
              HasSubstr("dram.timing.t_rfc: must be less than `t_refi`"));
}

TEST(MemoryConfigTest, RefusesARangeOfANodeThatDoesNotExist) {
  using ::testing::HasSubstr;
  EXPECT_THAT(errors_of("ranges: [{base: 0x0, size: 8 KiB, node: 1}]\n"),
              HasSubstr("ranges[0].node: must be less than `nodes`, 1"));
  EXPECT_EQ(errors_of("nodes: 2\nranges: [{base: 0x0, size: 8 KiB, node: 1}, {base: 0x2000, size: 8 KiB}]\n"), "");
  EXPECT_THAT(errors_of("nodes: 9\n"), HasSubstr("nodes"));
}

}  // namespace
}  // namespace iommusim::mem
