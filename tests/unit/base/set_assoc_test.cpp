#include "models/base/set_assoc.h"

#include <gtest/gtest.h>

#include <chrono>
#include <list>
#include <map>
#include <unordered_map>

#include "models/base/random/stream.h"

namespace iommusim::base {
namespace {

using Cache = SetAssoc<std::uint64_t, int>;

std::vector<std::uint64_t> keys(const Cache& c) {
  std::vector<std::uint64_t> out;
  c.for_each([&](std::uint64_t k, int) { out.push_back(k); });
  std::sort(out.begin(), out.end());
  return out;
}

TEST(SetAssoc, FindsWhatWasInsertedAndReplacesTheLeastRecentlyUsed) {
  Cache c({4, 0, "lru"});
  for (std::uint64_t k = 1; k <= 4; ++k) EXPECT_FALSE(c.insert(k, static_cast<int>(k) * 10).evicted);
  EXPECT_EQ(*c.find(1), 10);
  EXPECT_EQ(*c.peek(2), 20);  // a peek does not save entry 2
  const auto r = c.insert(5, 50);
  EXPECT_EQ(*r.value, 50);
  EXPECT_EQ(r.evicted->first, 2u);
  EXPECT_EQ(r.evicted->second, 20);
  EXPECT_EQ(c.find(2), nullptr);
  EXPECT_EQ(keys(c), (std::vector<std::uint64_t>{1, 3, 4, 5}));
}

TEST(SetAssoc, APresentKeyIsUpdatedInPlaceAndTouched) {
  Cache c({2, 0});
  c.insert(1, 1);
  c.insert(2, 2);
  const auto r = c.insert(1, 11);
  EXPECT_FALSE(r.evicted);
  EXPECT_EQ(c.size(), 2u);
  EXPECT_EQ(c.insert(3, 3).evicted->first, 2u);
  EXPECT_EQ(*c.peek(1), 11);
}

TEST(SetAssoc, FifoIgnoresHits) {
  Cache c({2, 0, "fifo"});
  c.insert(1, 1);
  c.insert(2, 2);
  c.find(1);
  EXPECT_EQ(c.insert(3, 3).evicted->first, 1u);
}

TEST(SetAssoc, TreePlruPointsAwayFromTheLastUse) {
  Cache c({4, 4, "tree_plru"});
  for (std::uint64_t k = 0; k < 4; ++k) c.insert(k, 0);  // ways 0..3 in order
  // After filling 0..3: root points left, left pair to way 0, right pair to way 2.
  c.find(0);  // root -> right, left pair -> 1
  EXPECT_EQ(c.insert(10, 0).evicted->first, 2u);
  EXPECT_EQ(c.insert(11, 0).evicted->first, 1u);
  EXPECT_EQ(c.insert(12, 0).evicted->first, 3u);
}

TEST(SetAssoc, SrripKeepsWhatWasHitAgainstAScan) {
  Cache c({4, 0, "srrip"});
  for (std::uint64_t k = 0; k < 4; ++k) c.insert(k, 0);
  c.find(2);
  for (std::uint64_t k = 100; k < 103; ++k) EXPECT_NE(c.insert(k, 0).evicted->first, 2u);
  EXPECT_NE(c.peek(2), nullptr);
  EXPECT_EQ(keys(c), (std::vector<std::uint64_t>{2, 100, 101, 102}));
}

TEST(SetAssoc, RandomReplacementComesFromANamedStream) {
  const auto run = [](std::uint64_t seed, const std::string& name) {
    Cache c({8, 0, "random"}, seed, name);
    std::vector<std::uint64_t> evicted;
    for (std::uint64_t k = 0; k < 100; ++k)
      if (const auto r = c.insert(k, 0); r.evicted) evicted.push_back(r.evicted->first);
    return evicted;
  };
  EXPECT_EQ(run(1, "iotlb"), run(1, "iotlb"));
  EXPECT_NE(run(1, "iotlb"), run(2, "iotlb"));
  EXPECT_NE(run(1, "iotlb"), run(1, "llc"));
}

TEST(SetAssoc, AFullCacheMayClearItselfInstead) {
  CacheConfig config{1024, 0, "lru", WhenFull::clear};
  Cache c(config);
  for (std::uint64_t k = 0; k < 1024; ++k) EXPECT_EQ(c.insert(k << 12, 0).cleared, 0u);
  EXPECT_EQ(c.insert(5 << 12, 1).cleared, 0u);  // present: no fill
  const auto r = c.insert(1024 << 12, 7);
  EXPECT_EQ(r.cleared, 1024u);
  EXPECT_FALSE(r.evicted);
  EXPECT_EQ(c.size(), 1u);
  EXPECT_EQ(*c.find(1024 << 12), 7);
  EXPECT_EQ(c.find(5 << 12), nullptr);
}

TEST(SetAssoc, TheIndexChoosesTheSet) {
  Cache c({8, 2});
  EXPECT_EQ(c.sets(), 4u);
  c.insert(0, 0);
  c.insert(4, 0);
  c.insert(1, 0);
  EXPECT_EQ(c.insert(8, 0).evicted->first, 0u);  // 0, 4, 8 share set 0
  EXPECT_EQ(c.size(), 3u);
  Cache odd({6, 2});  // three sets
  for (std::uint64_t k = 0; k < 6; ++k) EXPECT_FALSE(odd.insert(k, 0).evicted);
  EXPECT_EQ(odd.insert(6, 0).evicted->first, 0u);
}

TEST(SetAssoc, FillsStayInTheirWaysButHitAnywhere) {
  for (const char* policy : {"lru", "fifo", "tree_plru", "srrip", "random"}) {
    Cache c({8, 8, policy});
    for (std::uint64_t k = 0; k < 8; ++k) c.insert(k, 0);
    c.insert(3, 33, 0b1);  // present in way 3: stays there
    EXPECT_EQ(*c.peek(3), 33);
    for (std::uint64_t k = 100; k < 150; ++k) {
      const auto r = c.insert(k, 0, 0b11000000);
      EXPECT_TRUE(r.evicted->first == 6 || r.evicted->first == 7 || r.evicted->first >= 100) << policy;
    }
    for (std::uint64_t k = 0; k < 6; ++k) EXPECT_NE(c.peek(k), nullptr) << policy;
    EXPECT_EQ(c.insert(200, 0, 0).value, nullptr);
    EXPECT_EQ(c.size(), 8u);
  }
}

TEST(SetAssoc, ErasedWaysAreFilledFirst) {
  for (const unsigned entries : {16u, 64u, 100u}) {
    Cache c({entries, 0});
    for (std::uint64_t k = 0; k < entries; ++k) c.insert(k, 0);
    EXPECT_TRUE(c.erase(5));
    EXPECT_FALSE(c.erase(5));
    EXPECT_EQ(c.erase_if([](std::uint64_t k, int) { return k % 2 == 0; }), entries / 2);
    for (std::uint64_t k = 0; k < entries / 2 + 1; ++k) EXPECT_FALSE(c.insert(1000 + k, 0).evicted);
    EXPECT_TRUE(c.insert(5000, 0).evicted);
    c.clear();
    EXPECT_EQ(c.size(), 0u);
    EXPECT_EQ(c.find(1), nullptr);
  }
}

TEST(SetAssoc, WithoutEntriesEveryLookupMisses) {
  Cache c({0, 0});
  EXPECT_EQ(c.insert(1, 1).value, nullptr);
  EXPECT_EQ(c.find(1), nullptr);
  EXPECT_FALSE(c.erase(1));
  EXPECT_EQ(c.erase_if([](std::uint64_t, int) { return true; }), 0u);
}

TEST(SetAssoc, RefusesWrongShapesAndPolicies) {
  EXPECT_THROW(Cache({8, 3}), UserError);
  EXPECT_THROW(Cache({8, 16}), UserError);
  EXPECT_THROW(Cache({6, 0, "tree_plru"}), UserError);
  try {
    Cache c({8, 0, "lur"});
    FAIL();
  } catch (const UserError& e) {
    EXPECT_STREQ(e.what(),
                 "unknown replacement policy 'lur'. Did you mean 'lru'? Known: fifo, lru, random, srrip, tree_plru");
  }
}

// A plain model: per set a list in order of use.
TEST(SetAssoc, LruAgreesWithAListForEveryShape) {
  struct Shape {
    unsigned entries, ways;
  };
  for (const Shape s : {Shape{16, 0}, {17, 0}, {64, 4}, {96, 8}, {128, 32}, {1024, 0}, {200, 100}}) {
    Cache c({s.entries, s.ways});
    const unsigned ways = s.ways ? s.ways : s.entries, sets = s.entries / ways;
    std::vector<std::list<std::pair<std::uint64_t, int>>> model(sets);
    RandomStream random(1, "model");
    for (int i = 0; i < 20000; ++i) {
      const std::uint64_t key = random.below(2 * s.entries);
      auto& set = model[key % sets];
      const auto at = std::find_if(set.begin(), set.end(), [&](const auto& e) { return e.first == key; });
      switch (random.below(8)) {
        case 0:
          ASSERT_EQ(c.erase(key), at != set.end());
          if (at != set.end()) set.erase(at);
          break;
        case 1:
        case 2:
        case 3: {
          const auto r = c.insert(key, i);
          if (at != set.end()) {
            set.erase(at);
            ASSERT_FALSE(r.evicted);
          } else if (set.size() == ways) {
            ASSERT_EQ(r.evicted, set.back());
            set.pop_back();
          } else {
            ASSERT_FALSE(r.evicted);
          }
          set.emplace_front(key, i);
          break;
        }
        default:
          int* value = c.find(key);
          ASSERT_EQ(value != nullptr, at != set.end());
          if (value) {
            ASSERT_EQ(*value, at->second);
            set.splice(set.begin(), set, at);
          }
      }
    }
    std::size_t size = 0;
    for (const auto& set : model) size += set.size();
    EXPECT_EQ(c.size(), size);
  }
}

TEST(SetAssoc, AWayIsKeptFreeForAFillUntilItIsReleased) {
  for (const char* policy : {"lru", "fifo", "random", "srrip", "tree_plru"}) {
    for (const unsigned ways : {4u, 128u}) {
      Cache c({2 * ways, ways, policy});
      for (std::uint64_t k = 0; k < 2 * ways; ++k) c.insert(k, 0);
      unsigned held = 0;
      std::size_t evicted = 0;
      for (std::uint64_t i = 0; i < ways; ++i) {  // even keys: one set
        const auto [ok, out] = c.reserve(2 * i);
        held += ok ? 1u : 0u;
        evicted += out ? 1u : 0u;
        if (i + 1 < ways) {
          ASSERT_TRUE(c.insert(1000 + 2 * i, 1).evicted) << "other fills take turns on the ways left";
        }
      }
      EXPECT_EQ(held, ways);
      EXPECT_EQ(evicted, ways);
      EXPECT_FALSE(c.reserve(0).first) << "no way left";
      EXPECT_EQ(c.insert(2, 1).value, nullptr);
      EXPECT_EQ(c.size(), ways) << "the other set is untouched";
      c.release(2);
      EXPECT_NE(c.insert(2, 1).value, nullptr);
      EXPECT_EQ(c.size(), ways + 1);
    }
  }
}

TEST(SetAssoc, AKeyMayBeHeldMoreThanOnceIfFillsDoNotLook) {
  for (const unsigned ways : {4u, 64u}) {
    Cache c({ways, 0});
    c.insert(7, 1);
    c.insert_again(7, 2);
    c.insert_again(7, 3);
    EXPECT_EQ(c.size(), 3u);
    ASSERT_NE(c.find(7), nullptr);
    EXPECT_TRUE(c.erase(7));
    EXPECT_TRUE(c.erase(7));
    EXPECT_TRUE(c.erase(7));
    EXPECT_FALSE(c.erase(7));
    EXPECT_EQ(c.find(7), nullptr);
  }
}

TEST(IndexHash, FoldsTheTwoLowestGroupsOfBits) {
  EXPECT_EQ(index_bits(1), 0u);
  EXPECT_EQ(index_bits(16), 4u);
  EXPECT_EQ(index_bits(17), 5u);
  EXPECT_EQ(index_of(IndexHash::low_bits, 0x1234, 0xff, 4) & 15, 4u);
  EXPECT_EQ(index_of(IndexHash::xor_space, 0x1234, 0x0f, 4) & 15, 0xbu);
  EXPECT_EQ(index_of(IndexHash::xor_fold, 0x1234, 0xff, 4), 7u);
  EXPECT_NE(index_of(IndexHash::mixed, 0x1234, 1, 4), index_of(IndexHash::mixed, 0x1234, 2, 4));
}

TEST(SetAssoc, AFullyAssociativeLookupDoesNotScan) {
  const auto cost = [](unsigned entries) {
    Cache c({entries, 0});
    for (std::uint64_t k = 0; k < entries; ++k) c.insert(k << 12, 1);
    RandomStream random(1, "cost");
    double best = 1e9;
    int sum = 0;
    for (int repeat = 0; repeat < 5; ++repeat) {
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < 20000; ++i) {
        if (int* v = c.find(random.below(2 * entries) << 12))
          sum += *v;
        else
          c.insert(random.below(2 * entries) << 12, 1);
      }
      best = std::min(
          best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / 20000);
    }
    EXPECT_GT(sum, 0);
    return best;
  };
  // A scan would cost 512 times more; cache misses of the machine cost some.
  EXPECT_LT(cost(32768), 30 * cost(64));
}

}  // namespace
}  // namespace iommusim::base
