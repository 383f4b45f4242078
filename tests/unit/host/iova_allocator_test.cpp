#include "models/host/iova_allocator.h"

#include <gtest/gtest.h>

#include <map>

#include "models/base/error.h"
#include "models/base/random/stream.h"

namespace iommusim::host {
namespace {

constexpr std::uint64_t kGiB4 = std::uint64_t{1} << 32;

TEST(IovaAllocator, GoesDownwardFromFourGibibytes) {
  IovaAllocator a;
  EXPECT_EQ(a.allocate(4096), Iova(kGiB4 - 4096));
  EXPECT_EQ(a.allocate(4096), Iova(kGiB4 - 2 * 4096));
}

TEST(IovaAllocator, AlignsToTheSizeRoundedUpToAPowerOfTwo) {
  IovaAllocator a;
  a.allocate(4096);
  EXPECT_EQ(a.allocate(3 * 4096), Iova(kGiB4 - 8 * 4096));  // takes four pages, as Linux rounds what it caches
  EXPECT_EQ(a.allocated_bytes(), 5u * 4096);
  EXPECT_EQ(a.allocate(33 * 4096), Iova(kGiB4 - 64 * 4096));  // aligned to 64 pages, takes 33
  EXPECT_EQ(a.allocated_bytes(), 38u * 4096);
  EXPECT_EQ(a.allocate(8 * 4096), Iova(kGiB4 - 16 * 4096));  // the hole in between
}

TEST(IovaAllocator, HighestFreePlaceIsUsedAgain) {
  IovaAllocator a;
  const Iova first = a.allocate(4096);
  a.allocate(4096);
  EXPECT_TRUE(a.release(first));
  EXPECT_EQ(a.allocate(4096), first);
}

TEST(IovaAllocator, ReleaseOfWhatWasNotAllocatedIsRefused) {
  IovaAllocator a;
  const Iova first = a.allocate(8192);
  EXPECT_FALSE(a.release(first + 4096));
  EXPECT_TRUE(a.release(first));
  EXPECT_FALSE(a.release(first));
}

TEST(IovaAllocator, ReservedAddressesAreNotGivenOut) {
  IovaAllocator a;
  a.reserve(Iova(0xfee00000), 0x100000);
  a.reserve(Iova(0xff000000), 0x1000000);
  EXPECT_EQ(a.allocate(1 << 20), Iova(0xfef00000));
  EXPECT_EQ(a.allocate(4096), Iova(0xfee00000 - 4096));
}

TEST(IovaAllocator, GoesAboveTheLimitWhenThatIsFullAndSaysSoWhenAllIs) {
  IovaAllocator a(Iova(4 * 4096), Iova(8 * 4096));
  EXPECT_EQ(a.allocate(4096), Iova(3 * 4096));
  EXPECT_EQ(a.allocate(8192), Iova(6 * 4096));  // pages 1 and 2 are not aligned to two
  EXPECT_EQ(a.allocate(4096), Iova(2 * 4096));
  EXPECT_EQ(a.allocate(4096), Iova(1 * 4096));
  EXPECT_EQ(a.allocate(8192), Iova(4 * 4096));
  EXPECT_THROW(a.allocate(4096), base::UserError);  // page zero is never used
}

TEST(IovaAllocator, RandomUseNeverOverlapsAndEndsEmpty) {
  IovaAllocator a(Iova(256 << 12), Iova(1024 << 12));
  base::RandomStream random(7, "iova");
  std::map<std::uint64_t, std::uint64_t> live;
  for (int i = 0; i < 20000; ++i) {
    if (live.size() < 40 && random.below(2) == 0) {
      const std::uint64_t bytes = (1 + random.below(9)) * 4096;
      const std::uint64_t at = a.allocate(bytes).value();
      const auto next = live.lower_bound(at);
      ASSERT_TRUE(next == live.end() || at + bytes <= next->first);
      ASSERT_TRUE(next == live.begin() || std::prev(next)->first + std::prev(next)->second <= at);
      live[at] = bytes;
    } else if (!live.empty()) {
      const auto it = std::next(live.begin(), static_cast<long>(random.below(live.size())));
      ASSERT_TRUE(a.release(Iova(it->first)));
      live.erase(it);
    }
  }
  for (const auto& [at, bytes] : live) a.release(Iova(at));
  EXPECT_EQ(a.allocated_bytes(), 0u);
  EXPECT_EQ(a.allocate(255 * 4096 / 2 & ~4095ull).value() % (128 * 4096), 0u);  // free space has merged again
}

}  // namespace
}  // namespace iommusim::host
