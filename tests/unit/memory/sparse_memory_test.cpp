// Contents of memory: what was written, zeros elsewhere, and no cost for what was not.
#include "models/memory/sparse_memory.h"

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstring>
#include <fstream>
#include <map>
#include <random>

namespace iommusim::mem {
namespace {

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(SparseMemoryTest, ReadsZerosWhereNothingWasWrittenWithoutAllocating) {
  SparseMemory memory;
  std::array<unsigned char, 100> bytes;
  bytes.fill(0xff);
  memory.read(Hpa(0x7fffffffff0), bytes.data(), bytes.size());
  for (unsigned char b : bytes) ASSERT_EQ(b, 0);
  EXPECT_EQ(memory.frames(), 0u);
}

TEST(SparseMemoryTest, ReadingATebibyteCostsNoMemory) {
  SparseMemory memory;
  const std::size_t before = resident_bytes();
  std::uint64_t sum = 0;
  for (std::uint64_t at = 0; at < std::uint64_t{1} << 40; at += 1 << 16) sum += memory.read64(Hpa(at));
  EXPECT_EQ(sum, 0u);
  EXPECT_EQ(memory.frames(), 0u);
  EXPECT_LT(resident_bytes() - before, 1u << 20);
}

TEST(SparseMemoryTest, GrowsWithFramesWrittenOnly) {
  SparseMemory memory;
  const std::size_t before = resident_bytes();
  constexpr std::size_t frames = 4096;
  for (std::uint64_t i = 0; i < frames; ++i) memory.write64(Hpa(i << 28), i + 1);    // over a tebibyte
  for (std::uint64_t i = 0; i < frames; ++i) memory.write64(Hpa((i << 28) + 8), i);  // the same frames again
  EXPECT_EQ(memory.frames(), frames);
  EXPECT_LT(resident_bytes() - before, frames * 4096 * 5 / 4);
  for (std::uint64_t i = 0; i < frames; ++i) ASSERT_EQ(memory.read64(Hpa(i << 28)), i + 1);
}

TEST(SparseMemoryTest, AgreesWithAPlainMapOverRandomAccessesAcrossFrames) {
  SparseMemory memory;
  std::map<std::uint64_t, unsigned char> reference;
  std::mt19937_64 random(11);
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t at = (random() % 8) * 0x100000000 + 0xfc0 + random() % 128;
    const std::size_t bytes = 1 + random() % 300;
    std::vector<unsigned char> data(bytes);
    if (random() % 2 == 0) {
      for (std::size_t k = 0; k < bytes; ++k) reference[at + k] = data[k] = static_cast<unsigned char>(random());
      memory.write(Hpa(at), data.data(), bytes);
    } else {
      memory.read(Hpa(at), data.data(), bytes);
      for (std::size_t k = 0; k < bytes; ++k) {
        const auto it = reference.find(at + k);
        ASSERT_EQ(data[k], it == reference.end() ? 0 : it->second);
      }
    }
  }
}

TEST(SparseMemoryTest, SwapsAWordOnlyIfItIsTheExpectedOne) {
  SparseMemory memory;
  memory.write64(Hpa(0x1000), 5);
  EXPECT_EQ(memory.compare_and_swap(Hpa(0x1000), 8, 4, 9), 5u);
  EXPECT_EQ(memory.read64(Hpa(0x1000)), 5u);
  EXPECT_EQ(memory.compare_and_swap(Hpa(0x1000), 8, 5, 9), 5u);
  EXPECT_EQ(memory.read64(Hpa(0x1000)), 9u);
}

TEST(SparseMemoryTest, SwapsFourBytesAndLeavesTheirNeighboursAlone) {
  SparseMemory memory;
  memory.write64(Hpa(0x1000), 0x1111111122222222);
  EXPECT_EQ(memory.compare_and_swap(Hpa(0x1004), 4, 0x22222222, 9), 0x11111111u);
  EXPECT_EQ(memory.compare_and_swap(Hpa(0x1004), 4, 0x11111111, 9), 0x11111111u);
  EXPECT_EQ(memory.read64(Hpa(0x1000)), 0x0000000922222222u);
}

TEST(SparseMemoryTest, StoresWordsLittleEndian) {
  SparseMemory memory;
  memory.write64(Hpa(0x2000), 0x0102030405060708);
  unsigned char first = 0;
  memory.read(Hpa(0x2000), &first, 1);
  EXPECT_EQ(first, 8);
}

}  // namespace
}  // namespace iommusim::mem
