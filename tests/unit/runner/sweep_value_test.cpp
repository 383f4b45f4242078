#include "experiments/runner/sweep/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iommusim::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FactorValue, QuantitiesBecomeNumbersOfTheirBaseUnit) {
  struct Case {
    const char *text, *unit;
    double number;
  };
  for (const Case& c :
       {Case{"256 KiB", "B", 262144}, Case{"450 ns", "ps", 450000}, Case{"100 Gb/s", "b/s", 1e11},
        Case{"1.2 GHz", "Hz", 1.2e9}, Case{"16 GT/s", "T/s", 16e9}, Case{"2.5 M/s", "/s", 2.5e6},
        Case{"12.5 %", "1", 0.125}, Case{"16", "1", 16}, Case{"-0.5", "1", -0.5}, Case{"1e3", "1", 1000}}) {
    const FactorValue v = factor_value(c.text);
    ASSERT_TRUE(v.number) << c.text;
    EXPECT_DOUBLE_EQ(*v.number, c.number) << c.text;
    EXPECT_EQ(v.unit, c.unit) << c.text;
    EXPECT_EQ(v.text, c.text);
  }
}

TEST(FactorValue, WhatIsNoQuantityStaysText) {
  for (const char* text : {"DMA-FQ", "", "4 parsecs", "2M-pages", "116-entries", "nan"}) {
    EXPECT_FALSE(factor_value(text).number) << text;
    EXPECT_EQ(factor_value(text).unit, "") << text;
  }
}

TEST(FactorValue, EqualQuantitiesAreEqualHoweverTheyAreWritten) {
  EXPECT_TRUE(same_value(factor_value("1024 KiB"), factor_value("1 MiB")));
  EXPECT_TRUE(same_value(factor_value("0.5"), factor_value("50 %")));
  EXPECT_FALSE(same_value(factor_value("16"), factor_value("16 B")));
  EXPECT_FALSE(same_value(factor_value("DMA"), factor_value("dma")));
}

TEST(FactorValue, NamesOfPointsHoldNothingAFolderCouldNot) {
  EXPECT_EQ(name_part("256 KiB"), "256KiB");
  EXPECT_EQ(name_part("100 Gb/s"), "100Gb_s");
  EXPECT_EQ(name_part("50 %"), "50pct");
  EXPECT_EQ(name_part("DMA-FQ"), "DMA-FQ");
}

TEST(NumberText, WholeNumbersHaveNoExponentAndOthersReadBackTheSame) {
  EXPECT_EQ(number_text(1e6), "1000000");
  EXPECT_EQ(number_text(-3), "-3");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "");
}

TEST(Range, TellsWhichQuantityIsMisspelt) {
  EXPECT_EQ(expand_range("from 64 KiB to 64 M factor 2").error,
            "'M' is not a unit of a size: it could mean a power of 1000 or of 1024. Did you mean '64 MiB'?");
  EXPECT_EQ(expand_range("from 512 to 4 KiB factor 2").error, "'512' has no unit: a size is written '512 B'");
  EXPECT_EQ(expand_range("from 1 Gbps to 4 Gbps factor 2").error,
            "'Gbps' is not a unit of a data rate. Did you mean '1 Gb/s'?");
  EXPECT_EQ(expand_range("from 1 us to 9 us step 2").error, "'2' has no unit: a time is written '2 ns'");
  EXPECT_EQ(expand_range("from 1 us to 9 us step 2 usec").error,
            "'usec' is not a unit of a time. Did you mean '2 us'?");
  EXPECT_THAT(expand_range("from 1 us to 9 KiB factor 2").error, HasSubstr("its quantities are not of one kind"));
}

TEST(Range, MultipliesUpToItsEnd) {
  EXPECT_THAT(expand_range("from 64 KiB to 1 MiB factor 4").values, ElementsAre("64 KiB", "256 KiB", "1 MiB"));
  EXPECT_THAT(expand_range("from 1 to 20 factor 2").values, ElementsAre("1", "2", "4", "8", "16"));
}

TEST(Range, AddsInTheUnitOfItsStep) {
  EXPECT_THAT(expand_range("from 10 % to 50 % step 20 %").values, ElementsAre("10 %", "30 %", "50 %"));
  EXPECT_THAT(expand_range("from 1 us to 2 us step 500 ns").values, ElementsAre("1 us", "1.5 us", "2 us"));
  EXPECT_THAT(expand_range("from 0.1 to 0.3 step 0.1").values, ElementsAre("0.1", "0.2", "0.3"));
  EXPECT_THAT(expand_range("from 0 to 2e-12 step 1e-12").values, ElementsAre("0", "1e-12", "2e-12"));
}

TEST(Range, MistakesSayWhatIsExpected) {
  EXPECT_THAT(expand_range("64 KiB to 1 MiB").error, HasSubstr("expected e.g. 'from 64 KiB to 64 MiB factor 2'"));
  EXPECT_THAT(expand_range("from 64 KiB to 1 us factor 2").error, HasSubstr("not of one kind"));
  EXPECT_THAT(expand_range("from 64 to 100 % factor 2").error, HasSubstr("not of one kind"));
  EXPECT_EQ(expand_range("from 8 to 4 factor 2").error, "it ends before it begins");
  EXPECT_EQ(expand_range("from 8 to 9 factor 1").error,
            "a factor is a number above 1, and what it multiplies is above 0");
  EXPECT_EQ(expand_range("from 8 to 9 step 0").error, "a step is above 0");
  EXPECT_EQ(expand_range("from 8 B to 9 B step -1 B").error, "a step is above 0");
  EXPECT_EQ(expand_range("from 0 to 1000000 step 1").error, "it has more than 100000 values");
  EXPECT_EQ(expand_range("from 1 B to 1 PiB factor 1.0000000001").error, "it has more than 100000 values")
      << "steps that round to the same value do not go on for ever";
}

}  // namespace
}  // namespace iommusim::runner
