// Every expected number is worked out by hand from the packet formats; none comes from the functions under test.
#include "models/pcie/tlp.h"

#include <gtest/gtest.h>

namespace iommusim::pcie {
namespace {

constexpr std::uint64_t high = std::uint64_t{1} << 32;

constexpr TlpFormat flits{true, false, true, false};

TEST(TlpHeaders, AWriteAbove4GiBCostsTwentyFourBytesOnGen3) {
  // STP 4 + header 16 + LCRC 4.
  EXPECT_EQ(24u, overhead_bytes({TlpKind::memory_write, high, 64}));
  EXPECT_EQ(24u, overhead_bytes({TlpKind::memory_read, high, 64}));
}

TEST(TlpHeaders, ARequestBelow4GiBUsesTheThreeDoublewordHeader) {
  EXPECT_EQ(20u, overhead_bytes({TlpKind::memory_read, high - 4, 4}));
  EXPECT_EQ(24u, overhead_bytes({TlpKind::memory_read, high - 4, 4}, {false, true, true, false}));
}

TEST(TlpHeaders, CompletionsAlwaysHaveThreeDoublewords) {
  EXPECT_EQ(20u, overhead_bytes({TlpKind::completion_with_data, high, 64}));
  EXPECT_EQ(20u, overhead_bytes({TlpKind::completion, 0}));
}

TEST(TlpHeaders, MessagesAlwaysHaveFourDoublewords) { EXPECT_EQ(24u, overhead_bytes({TlpKind::message})); }

TEST(TlpHeaders, ATranslationRequestIsAMemoryReadByItsHeader) {
  EXPECT_EQ(24u, wire_bytes({TlpKind::translation_request, high, 8}));
  EXPECT_EQ(20u, wire_bytes({TlpKind::translation_request, 0x1000, 8}));
}

TEST(TlpHeaders, APasidPrefixAndADigestCostFourBytesEach) {
  EXPECT_EQ(28u, overhead_bytes({TlpKind::memory_read, high, 64, true}));
  EXPECT_EQ(28u, overhead_bytes({TlpKind::memory_read, high, 64}, {false, false, true, true}));
  EXPECT_EQ(32u, overhead_bytes({TlpKind::memory_read, high, 64, true}, {false, false, true, true}));
}

TEST(TlpFlitHeaders, HaveNoFramingOfTheirOwn) {
  EXPECT_EQ(80u, wire_bytes({TlpKind::memory_write, high, 64}, flits)) << "16 + 64";
  EXPECT_EQ(76u, wire_bytes({TlpKind::memory_write, high - 64, 64}, flits)) << "12 + 64";
  EXPECT_EQ(16u, wire_bytes({TlpKind::memory_read, high, 4096}, flits));
  EXPECT_EQ(76u, wire_bytes({TlpKind::completion_with_data, high, 64}, flits)) << "12 + 64";
  EXPECT_EQ(12u, wire_bytes({TlpKind::completion}, flits));
  EXPECT_EQ(16u, wire_bytes({TlpKind::message}, flits));
}

TEST(TlpFlitHeaders, CarryByteEnablesOnlyWhereADoublewordIsNotWhole) {
  EXPECT_EQ(88u, wire_bytes({TlpKind::memory_write, high, 65}, flits)) << "16 + OHC-A1 4 + 17 doublewords";
  EXPECT_EQ(20u, wire_bytes({TlpKind::memory_read, high + 2, 62}, flits)) << "begins within a doubleword";
  EXPECT_EQ(20u, wire_bytes({TlpKind::memory_read, high, 62}, flits)) << "ends within one";
  EXPECT_EQ(20u, wire_bytes({TlpKind::memory_read, high, 0}, flits)) << "a flush: no byte enabled";
}

TEST(TlpFlitHeaders, ShareOneDoublewordBetweenPasidAndByteEnables) {
  EXPECT_EQ(20u, wire_bytes({TlpKind::memory_read, high, 64, true}, flits));
  EXPECT_EQ(20u, wire_bytes({TlpKind::memory_read, high, 63, true}, flits));
  EXPECT_EQ(20u, wire_bytes({TlpKind::message, 0, 0, true}, flits));
}

TEST(TlpFlitHeaders, OfConfigurationAndTranslationRequestsAlwaysHaveTheExtraDoubleword) {
  EXPECT_EQ(16u, wire_bytes({TlpKind::configuration_read, 0x40, 4}, flits));
  EXPECT_EQ(20u, wire_bytes({TlpKind::configuration_write, 0x40, 4}, flits)) << "12 + OHC-A3 4 + 4 of data";
  EXPECT_EQ(20u, wire_bytes({TlpKind::translation_request, high, 8}, flits));
}

TEST(TlpFlitHeaders, OfCompletionsGrowWithAFailureOrAnUnalignedStart) {
  EXPECT_EQ(16u, wire_bytes({TlpKind::completion, 0, 0, false, true}, flits)) << "unsupported request";
  EXPECT_EQ(20u, wire_bytes({TlpKind::completion_with_data, high + 62, 2}, flits)) << "12 + OHC-A5 4 + 4";
}

TEST(TlpFlitHeaders, TheDigestIsATrailerOfFourBytes) {
  EXPECT_EQ(84u, wire_bytes({TlpKind::memory_write, high, 64}, {true, false, true, true}));
}

TEST(TlpPayload, OccupiesTheDoublewordsItTouches) {
  EXPECT_EQ(0u, payload_bytes(3, 0));
  EXPECT_EQ(4u, payload_bytes(0, 1));
  EXPECT_EQ(4u, payload_bytes(3, 1));
  EXPECT_EQ(8u, payload_bytes(3, 2));  // bytes 3 and 4
  EXPECT_EQ(68u, payload_bytes(0, 65));
  EXPECT_EQ(68u, payload_bytes(2, 64));  // 62 bytes of 16 doublewords, 2 of the seventeenth
  EXPECT_EQ(65u, payload_bytes(0, 65, {false, false, false, false}));
}

TEST(TlpSplit, ARequestEndsAtTheSizeLimit) {
  EXPECT_EQ(512u, next_request(0x1000, 2048, 512));
  EXPECT_EQ(100u, next_request(0x1000, 100, 512));
  EXPECT_EQ(4u, request_count(0x1000, 2048, 512));
  EXPECT_EQ(5u, request_count(0x1000, 2049, 512));
}

TEST(TlpSplit, ARequestNeverCrossesA4KiBBoundary) {
  EXPECT_EQ(0x40u, next_request(0xfc0, 512, 512));
  // 64 bytes to the boundary, then 512 and 512, then the last 448.
  EXPECT_EQ(4u, request_count(0xfc0, 64 + 512 + 512 + 448, 512));
  // A limit of 4 KiB from an unaligned start: 4095, 4096, 1.
  EXPECT_EQ(3u, request_count(0x1001, 8192, 4096));
}

TEST(TlpSplit, NoBytesNeedNoRequest) { EXPECT_EQ(0u, request_count(0x1000, 0, 256)); }

TEST(TlpSplit, AWriteOf257BytesAtMps256TakesTwoTlps) {
  EXPECT_EQ(2u, request_count(0x2000, 257, 256));
  EXPECT_EQ(256u, next_request(0x2000, 257, 256));
  EXPECT_EQ(1u, next_request(0x2100, 1, 256));
}

TEST(TlpCompletions, AnAlignedReadComesBackInChunks) {
  EXPECT_EQ(1u, completion_count(0x1000, 64, 64, 256));
  EXPECT_EQ(1u, completion_count(0x1000, 256, 64, 256));
  EXPECT_EQ(2u, completion_count(0x1000, 257, 64, 256));
  EXPECT_EQ(8u, completion_count(0x1000, 512, 64, 64));
}

TEST(TlpCompletions, AnUnalignedReadFirstReachesTheReadCompletionBoundary) {
  // 64 bytes from offset 1: 63 to the boundary, then 1.
  EXPECT_EQ(63u, next_completion(0x1001, 64, 64, 256));
  EXPECT_EQ(2u, completion_count(0x1001, 64, 64, 256));
  // Within one boundary: a single completion.
  EXPECT_EQ(1u, completion_count(0x1001, 63, 64, 256));
  EXPECT_EQ(1u, completion_count(0x1010, 4, 64, 256));
  // 512 bytes from offset 60: 4, 256, 252.
  EXPECT_EQ(3u, completion_count(0x103c, 512, 64, 256));
  // A root complex with RCB 128: 68 to the boundary, 256, 188.
  EXPECT_EQ(68u, next_completion(0x103c, 512, 128, 256));
  EXPECT_EQ(3u, completion_count(0x103c, 512, 128, 256));
}

TEST(TlpCompletions, TheClosedFormCountsAsManyAsTheSteps) {
  for (std::uint64_t rcb : {64, 128}) {
    for (std::uint64_t chunk : {rcb, std::uint64_t{256}, std::uint64_t{512}}) {
      for (std::uint64_t offset = 0; offset < 130; ++offset) {
        for (std::uint64_t bytes = 1; bytes < 1100; bytes += 7) {
          std::uint64_t steps = 0, address = 0x4000 + offset, left = bytes;
          while (left > 0) {
            const std::uint64_t n = next_completion(address, left, rcb, chunk);
            ASSERT_LE(n, chunk);
            address += n;
            left -= n;
            ++steps;
            ASSERT_TRUE(left == 0 || address % rcb == 0) << "a completion that is not the last ends on a boundary";
          }
          ASSERT_EQ(steps, completion_count(0x4000 + offset, bytes, rcb, chunk)) << offset << '+' << bytes;
        }
      }
    }
  }
}

TEST(TlpWireBytes, OfRequests) {
  EXPECT_EQ(88u, wire_bytes({TlpKind::memory_write, high, 64}));
  EXPECT_EQ(24u, wire_bytes({TlpKind::memory_read, high, 64}));
  EXPECT_EQ(92u, wire_bytes({TlpKind::memory_write, high, 65}));
  EXPECT_EQ(24u, wire_bytes({TlpKind::memory_write, 0xfee00000, 4})) << "an MSI: 20 and 4 bytes of data";
}

TEST(TlpWireBytes, OfCompletions) {
  EXPECT_EQ(84u, completion_wire_bytes(high, 64, 64, 256));
  EXPECT_EQ(552u, completion_wire_bytes(high, 512, 64, 256)) << "2 x (20 + 256)";
  EXPECT_EQ(672u, completion_wire_bytes(high, 512, 64, 64)) << "8 x (20 + 64)";
  // 4 bytes in their doubleword, 256, 252: three completions.
  EXPECT_EQ(572u, completion_wire_bytes(high + 60, 512, 64, 256));
  // 2 bytes to the boundary (1 doubleword) and 62 after it (16 doublewords): 4 + 64 + 2 x 20.
  EXPECT_EQ(108u, completion_wire_bytes(high + 62, 64, 64, 256));
  // The same in FLITs: 12 + 4 + 4, then 12 + 64.
  EXPECT_EQ(96u, completion_wire_bytes(high + 62, 64, 64, 256, flits));
}

}  // namespace
}  // namespace iommusim::pcie
