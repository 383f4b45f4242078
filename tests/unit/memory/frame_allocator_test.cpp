// Physical frames: aligned, disjoint, inside the range, given back and merged again.
#include "models/memory/frame_allocator.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "models/base/error.h"

namespace iommusim::mem {
namespace {

using namespace base::literals;

TEST(FrameAllocatorTest, ContiguousPlacementGivesAscendingNeighbours) {
  FrameAllocator a(Hpa(0x100000), 1_GiB, Placement::contiguous, 1);
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(a.allocate(), Hpa(0x100000 + i * 4096));
}

TEST(FrameAllocatorTest, ScatteredPlacementDoesNotAndIsTheSameForTheSameSeed) {
  FrameAllocator a(Hpa(0), 64_GiB, Placement::scattered, 1), b(Hpa(0), 64_GiB, Placement::scattered, 1),
      c(Hpa(0), 64_GiB, Placement::scattered, 2);
  unsigned neighbours = 0, differs = 0;
  Hpa last;
  std::set<std::uint64_t> eighths;
  for (int i = 0; i < 1000; ++i) {
    const Hpa frame = a.allocate();
    ASSERT_EQ(frame, b.allocate());
    differs += frame != c.allocate();
    neighbours += frame == last + 4096;
    eighths.insert(frame.value() >> 33);
    last = frame;
  }
  EXPECT_LT(neighbours, 10u);
  EXPECT_GT(differs, 990u);
  EXPECT_EQ(eighths.size(), 8u);
}

TEST(FrameAllocatorTest, BlocksAreAlignedToTheirSize) {
  for (Placement placement : {Placement::contiguous, Placement::scattered}) {
    FrameAllocator a(Hpa(0x1000), 8_GiB, placement, 3);
    EXPECT_EQ(a.allocate(2_MiB).offset_in(2 << 20), 0u);
    EXPECT_EQ(a.allocate(1_GiB).offset_in(1 << 30), 0u);
    EXPECT_EQ(a.allocate(12_KiB).offset_in(16 << 10), 0u);
    EXPECT_EQ(a.used(), 2_MiB + 1_GiB + 12_KiB);
  }
}

TEST(FrameAllocatorTest, NeverHandsOutAFrameTwiceAndMergesWhatComesBack) {
  for (Placement placement : {Placement::contiguous, Placement::scattered}) {
    FrameAllocator a(Hpa(0x40000000), 64_MiB, placement, 5);
    std::map<std::uint64_t, std::uint64_t> live;  // start -> bytes
    std::mt19937_64 random(9);
    for (int i = 0; i < 20000; ++i) {
      if (random() % 5 < 3) {
        const Bytes bytes(4096 * (1 + random() % 9));
        Hpa at;
        try {
          at = a.allocate(bytes);
        } catch (const base::UserError&) {
          continue;
        }
        ASSERT_GE(at.value(), 0x40000000u);
        ASSERT_LE(at.value() + bytes.value(), 0x40000000u + (64u << 20));
        const auto next = live.lower_bound(at.value());
        if (next != live.end()) {
          ASSERT_LE(at.value() + bytes.value(), next->first);
        }
        if (next != live.begin()) {
          ASSERT_LE(std::prev(next)->first + std::prev(next)->second, at.value());
        }
        live[at.value()] = bytes.value();
      } else if (!live.empty()) {
        auto it = std::next(live.begin(), static_cast<long>(random() % live.size()));
        a.free(Hpa(it->first), Bytes(it->second));
        live.erase(it);
      }
    }
    for (const auto& [at, bytes] : live) a.free(Hpa(at), Bytes(bytes));
    EXPECT_EQ(a.available(), 64_MiB);
    EXPECT_EQ(a.allocate(64_MiB), Hpa(0x40000000)) << "all of it is one block again";
  }
}

TEST(FrameAllocatorTest, SaysWhatWasAskedForWhenItRunsOut) {
  FrameAllocator a(Hpa(0), 8_KiB, Placement::contiguous, 1);
  a.allocate();
  try {
    a.allocate(8_KiB);
    FAIL();
  } catch (const base::UserError& e) {
    EXPECT_STREQ(e.what(), "no free block of 8 KiB left: 4 KiB of 8 KiB free in the memory range at 0x0");
  }
  EXPECT_EQ(a.allocate(), Hpa(0x1000));
}

TEST(FrameAllocatorDeathTest, RefusesAFrameGivenBackTwice) {
  FrameAllocator a(Hpa(0), 1_MiB, Placement::contiguous, 1);
  const Hpa frame = a.allocate();
  a.free(frame);
  EXPECT_DEATH(a.free(frame), "4 KiB at 0x0 is given back but was not handed out");
}

}  // namespace
}  // namespace iommusim::mem
