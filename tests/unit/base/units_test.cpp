#include "models/base/units.h"

#include <gtest/gtest.h>

#include "models/base/bdf.h"
#include "models/base/error.h"

namespace iommusim::base {
namespace {
using namespace literals;

TEST(Units, TimesAreExactPicoseconds) {
  EXPECT_EQ(*parse_time("450 ns").value, 450_ns);
  EXPECT_EQ(*parse_time("1.5 us").value, 1500_ns);
  EXPECT_EQ(*parse_time("300 ps").value, 300_ps);
  EXPECT_EQ(*parse_time("10ms").value, 10_ms);
  EXPECT_EQ(*parse_time("0 ns").value, 0_ps);
  EXPECT_EQ(*parse_time("0.001 ns").value, 1_ps);
  EXPECT_EQ(*parse_time("18446744073709551615 ps").value, Time::max());
}

TEST(Units, WrongTimesSayWhatToWrite) {
  EXPECT_EQ(parse_time("450").error, "'450' has no unit: a time is written '450 ns'");
  EXPECT_EQ(parse_time("0.3 ps").error, "'0.3 ps' is not a whole number of picoseconds");
  EXPECT_EQ(parse_time("5 usec").error, "'usec' is not a unit of a time. Did you mean '5 us'?");
  EXPECT_EQ(parse_time("5 \xc2\xb5s").error, "'\xc2\xb5s' is not a unit of a time. Did you mean '5 us'?");
  EXPECT_EQ(parse_time("5 parsec").error,
            "'parsec' is not a unit of a time (ps, ns, us, ms, s): write it as in '450 ns'");
  EXPECT_EQ(parse_time("").error, "a time is missing: write it as in '450 ns'");
  EXPECT_EQ(parse_time("-5 ns").error, "'-5 ns' is negative");
  EXPECT_EQ(parse_time("05 ns").error, "'05 ns' has a leading zero: write it as in '450 ns'");
  EXPECT_EQ(parse_time(".5 ns").error, "'.5 ns' does not start with a number: write it as in '450 ns'");
  EXPECT_EQ(parse_time("5. ns").error, "'5. ns' does not start with a number: write it as in '450 ns'");
  EXPECT_EQ(parse_time("18446744073709551616 ps").error, "'18446744073709551616 ps' is too large");
  EXPECT_EQ(parse_time("99999999999999999999999 s").error, "'99999999999999999999999 s' is too large");
  EXPECT_EQ(parse_time("1234567890123456789012345678901 s").error,
            "'1234567890123456789012345678901 s' has too many digits: write it as in '450 ns'");
  EXPECT_FALSE(parse_time("1e3 ns"));
  EXPECT_FALSE(parse_time("1_000 ns"));
  EXPECT_FALSE(parse_time("1.2.3 ns"));
  EXPECT_FALSE(parse_time("ns"));
}

TEST(Units, SizesAreBinaryAndRefuseAmbiguousPrefixes) {
  EXPECT_EQ(*parse_bytes("64 B").value, 64_B);
  EXPECT_EQ(*parse_bytes("2 MiB").value, 2_MiB);
  EXPECT_EQ(*parse_bytes("1.5 KiB").value, 1536_B);
  EXPECT_EQ(*parse_bytes("1 GiB").value, 1_GiB);
  EXPECT_EQ(*parse_bytes("16 TiB").value, 16_TiB);
  EXPECT_EQ(parse_bytes("64 KB").error,
            "'KB' is not a unit of a size: it could mean a power of 1000 or of 1024. Did you mean '64 KiB'?");
  EXPECT_EQ(parse_bytes("64K").error,
            "'K' is not a unit of a size: it could mean a power of 1000 or of 1024. Did you mean '64 KiB'?");
  EXPECT_EQ(parse_bytes("64").error, "'64' has no unit: a size is written '64 B'");
  EXPECT_EQ(parse_bytes("64 b").error, "'b' is not a unit of a size: b is a bit. Did you mean '64 B'?");
  EXPECT_EQ(parse_bytes("0.5 B").error, "'0.5 B' is not a whole number of bytes");
}

TEST(Units, RatesTellBitsFromBytes) {
  EXPECT_EQ(parse_bandwidth("100 Gb/s").value->bits_per_second(), 100000000000u);
  EXPECT_EQ(parse_bandwidth("25.6 GB/s").value->bits_per_second(), 204800000000u);
  EXPECT_EQ(parse_bandwidth("1 GiB/s").value->bits_per_second(), 8ull << 30);
  EXPECT_EQ(parse_bandwidth("100 Gbps").error, "'Gbps' is not a unit of a data rate. Did you mean '100 Gb/s'?");
  EXPECT_EQ(parse_bandwidth("16 GT/s").error,
            "'GT/s' is not a unit of a data rate: transfers count one lane before encoding, not data. Did you mean '16 "
            "Gb/s'?");
  EXPECT_EQ(parse_bandwidth("0 Gb/s").error, "a data rate must be above zero");
  EXPECT_EQ(*parse_transfer_rate("16 GT/s").value, 16_GTps);
  EXPECT_EQ(parse_transfer_rate("2.5 GT/s").value->value(), 2500000000u);
  EXPECT_EQ(parse_frequency("1.2 GHz").value->value(), 1200000000u);
  EXPECT_EQ(parse_op_rate("2.5 M/s").value->value(), 2500000u);
  EXPECT_EQ(parse_op_rate("2 MIOPS").error, "'MIOPS' is not a unit of an operation rate. Did you mean '2 M/s'?");
}

TEST(Units, FractionsMayBePercentages) {
  EXPECT_EQ(parse_fraction("12.5 %").value->value(), 0.125);
  EXPECT_EQ(parse_fraction("70%").value->value(), 0.7);
  EXPECT_EQ(parse_fraction("0.125").value->value(), 0.125);
  EXPECT_EQ(parse_fraction("1").value->value(), 1.0);
  EXPECT_EQ(parse_fraction("70").error, "'70' is above 1: write a percentage as '70 %'");
  EXPECT_EQ(parse_fraction("101 %").error, "'101 %' is above 1 (100 %)");
  EXPECT_EQ(parse_fraction("half").error, "'half' is not a fraction: write it as '12.5 %' or 0.125");
  EXPECT_EQ(parse_fraction("-0.1").error, "'-0.1' is negative");
  EXPECT_FALSE(parse_fraction(""));
  EXPECT_FALSE(parse_fraction("nan"));
}

TEST(Units, TextReadsBackAsTheSameValue) {
  for (const std::uint64_t ps : {0ull, 1ull, 999ull, 1000ull, 1001ull, 1500ull, 450000ull, 1234567ull, 10000000000ull,
                                 3600000000000000ull, ~0ull})
    EXPECT_EQ(*parse_time(to_text(Time::ps(ps))).value, Time::ps(ps)) << to_text(Time::ps(ps));
  for (const std::uint64_t n : {0ull, 1ull, 64ull, 1023ull, 1024ull, 1536ull, 4096ull, 1ull << 50, ~0ull})
    EXPECT_EQ(*parse_bytes(to_text(Bytes(n))).value, Bytes(n)) << to_text(Bytes(n));
  for (const std::uint64_t n : {1ull, 1000ull, 63015384615ull, 204800000000ull, 100000000000ull})
    EXPECT_EQ(parse_bandwidth(to_text(Bandwidth::bits_per_second(n))).value->bits_per_second(), n);
  for (const double f : {0.0, 1.0, 0.1, 1.0 / 3, 1e-9})
    EXPECT_EQ(parse_fraction(to_text(Fraction(f))).value->value(), f) << f;
  EXPECT_EQ(to_text(1500_ns), "1.5 us");
  EXPECT_EQ(to_text(1234567_ps), "1234.567 ns");
  EXPECT_EQ(to_text(90_ns), "90 ns");
  EXPECT_EQ(to_text(4_KiB), "4 KiB");
  EXPECT_EQ(to_text(1536_B), "1536 B");
  EXPECT_EQ(to_text(100_Gbps), "100 Gb/s");
  EXPECT_EQ(to_text(16_GTps), "16 GT/s");
  EXPECT_EQ(to_text(Frequency(1200000000)), "1.2 GHz");
}

TEST(Units, ASerialiserNeverDriftsFromTheExactTime) {
  // Gen6 x16: 64 GT/s of 16 lanes, one bit per transfer and lane: 125/16 ps per byte.
  const PsRatio gen6 = Bandwidth::bits_per_second(1024000000000).per_byte();
  EXPECT_EQ(gen6, (PsRatio{125, 16}));
  PsAccumulator bytes(gen6);
  Time sum;
  for (std::uint64_t n = 1; n <= 100000; ++n) {
    sum += bytes.take(1);
    ASSERT_EQ(sum.ps(), n * 125 / 16);
  }
  PsAccumulator wide(PsRatio::of(8000000000000 * 130, 128ull * 63015384615));
  const std::uint64_t many = ~0ull >> 30;  // too many for 64-bit products
  EXPECT_EQ(wide.take(many), wide.per_unit().floor(many).first);
  EXPECT_EQ(gen6.ceil(1), 8_ps);
  EXPECT_EQ(gen6.floor(1), (std::pair<Time, std::uint64_t>{7_ps, 13}));
  EXPECT_EQ(gen6.ceil(16), 125_ps);
  EXPECT_EQ(period(1_GHz), 1_ns);
  EXPECT_EQ(period(Frequency(3000000000)), 333_ps);
}

TEST(Bdf, IsReadAndWrittenAsLspciDoes) {
  EXPECT_EQ(*parse_bdf("00:03.0").value, make_bdf(0, 3, 0));
  EXPECT_EQ(*parse_bdf("0000:af:1f.7").value, make_bdf(0xaf, 0x1f, 7));
  EXPECT_EQ(*parse_source_id("0001:00:03.0").value, SourceId(0x10018));
  EXPECT_EQ(to_text(make_bdf(0xaf, 0x1f, 7)), "af:1f.7");
  EXPECT_EQ(to_text(SourceId(0x10018)), "0001:00:03.0");
  EXPECT_EQ(parse_bdf("00:20.0").error, "'00:20.0' has a device number above 1f");
  EXPECT_EQ(parse_bdf("00:03.8").error, "'00:03.8' has a function number above 7");
  EXPECT_EQ(parse_bdf("0001:00:03.0").error, "'0001:00:03.0' is in another PCI segment than 0000");
  for (const char* wrong : {"", "3", "0:3.0", "00:03", "00:03.", "00-03.0", "00:03.00", "00:03.0 ", "000:00:03.0",
                            "gg:00.0", "0000:0000:03.0"})
    EXPECT_EQ(
        parse_bdf(wrong).error,
        "'" + std::string(wrong) +
            "' is not a PCI address: write bus:device.function in hexadecimal, as in \"00:03.0\" or \"0000:00:03.0\"");
}

TEST(InternalErrorDeathTest, NamesModuleAndTime) {
  EXPECT_DEATH(fatal_internal("iommu.walker", 450_ns, "two walks own slot 3"),
               "internal error: iommu.walker at 450 ns: two walks own slot 3");
}

}  // namespace
}  // namespace iommusim::base
