// The IOTLB of every shape against a plain std::map: a hit always equals what the tables say now, and a cache that is
// large enough forgets nothing it was not told to.
#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "models/base/random/stream.h"
#include "models/iommu/core/caches.h"

namespace iommusim::iommu {
namespace {

struct Shape {
  const char* name;
  RemappingUnitConfig config;
  bool forgets;  ///< it may miss what was filled and not invalidated
};
void PrintTo(const Shape& s, std::ostream* out) { *out << s.name; }

Shape shape(const char* name, bool forgets, void (*change)(RemappingUnitConfig&)) {
  Shape s{name, {}, forgets};
  change(s.config);
  return s;
}

std::vector<Shape> shapes() {
  using By = PartitionConfig::By;
  using base::IndexHash;
  using Config = RemappingUnitConfig;
  return {
      shape("unbounded", false, [](Config& c) { c.iotlb.entries = 8192; }),
      shape("unbounded_split", false,
            [](Config& c) {
              c.iotlb.split = IotlbConfig::Split::by_size;
              c.iotlb.entries = c.iotlb.size_2m.entries = c.iotlb.size_1g.entries = 4096;
            }),
      shape("unbounded_by_domain", false,
            [](Config& c) {
              c.iotlb.entries = 8 * 4096;
              c.iotlb.partition = {By::domain, 8};
            }),
      shape("small", true, [](Config& c) { c.iotlb.entries = 16; }),
      shape("sets_low_bits", true,
            [](Config& c) { c.iotlb = base::CacheConfig(64, 4), c.iotlb.index = IndexHash::low_bits; }),
      shape("sets_xor_fold_plru", true,
            [](Config& c) { c.iotlb = base::CacheConfig(64, 4, "tree_plru"), c.iotlb.index = IndexHash::xor_fold; }),
      shape("sets_mixed_odd", true,
            [](Config& c) { c.iotlb = base::CacheConfig(60, 4, "srrip"), c.iotlb.index = IndexHash::mixed; }),
      shape("random_sets", true, [](Config& c) { c.iotlb = base::CacheConfig(128, 64, "random"); }),
      shape("fifo_split", true,
            [](Config& c) {
              c.iotlb = base::CacheConfig(32, 8, "fifo");
              c.iotlb.split = IotlbConfig::Split::by_size;
            }),
      shape("clears", true, [](Config& c) { c.iotlb = base::CacheConfig(32, 0, "lru", base::WhenFull::clear); }),
      shape("by_device", true,
            [](Config& c) {
              c.iotlb.partition = {By::device, 4};
            }),
      shape("by_pasid", true,
            [](Config& c) {
              c.iotlb.partition = {By::pasid, 16};
            }),
      shape("duplicates", true,
            [](Config& c) {
              c.iotlb.entries = 64;
              c.iotlb.duplicate_fills = true;
            }),
      shape("duplicates_in_sets", true,
            [](Config& c) {
              c.iotlb = base::CacheConfig(64, 8);
              c.iotlb.duplicate_fills = true;
            }),
      shape("reserves", true,
            [](Config& c) {
              c.iotlb.entries = 24;
              c.iotlb.reserve_on_miss = true;
            }),
      shape("reserves_in_sets", true,
            [](Config& c) {
              c.iotlb = base::CacheConfig(32, 4, "random");
              c.iotlb.reserve_on_miss = true;
            }),
      shape("reserves_wide_srrip", true,
            [](Config& c) {
              c.iotlb = base::CacheConfig(80, 0, "srrip");
              c.iotlb.reserve_on_miss = true;
            }),
      shape("two_levels", true,
            [](Config& c) {
              c.iotlb.entries = 64;
              c.iotlb.per_port.entries = 8;
            }),
  };
}

/// Four spaces of 32 slots of 1 GiB; a slot is mapped by 8 pages of one size at a time, or by one of 1 GiB.
class Tables {
 public:
  static constexpr unsigned kSpaces = 4, kSlots = 32, kPages = 8;
  struct Slot {
    std::uint8_t size = 12;
    std::uint64_t version = 0;
  };
  Slot& slot(unsigned space, unsigned slot) { return slots_[space * kSlots + slot]; }
  static std::uint64_t address(const Slot& s, unsigned slot, unsigned page) {
    return (std::uint64_t{slot} << 30) + (s.size == 30 ? page * 0x1234567u : std::uint64_t{page} << s.size) + 0x123;
  }
  static std::uint64_t output(const Slot& s, unsigned page) {
    return s.version * kPages * (1u << 30) + (s.size == 30 ? 0 : std::uint64_t{page} << 30);
  }

 private:
  std::array<Slot, kSpaces * kSlots> slots_;
};

class RandomIotlb : public ::testing::TestWithParam<Shape> {
 protected:
  using Held = std::map<std::tuple<Space, std::uint64_t, unsigned>, int>;  // space, base, size: the model

  static InvalidationScope covering(base::RandomStream& random, Space space, std::uint64_t slot) {
    InvalidationScope s;
    s.caches = CacheSet().with(CacheKind::iotlb);
    switch (random.below(5)) {
      case 0: return s;                                   // global
      case 1: s.space = Match::exactly(space); return s;  // a space
      case 2:
        s.address = {slot << 30, ~std::uint64_t{0} << 30};  // a range of all spaces
        return s;
      case 3:
        s.space = {space & 1, 1};  // every second space
        s.address = {slot << 30, ~std::uint64_t{0} << 31};
        return s;
      default:
        s.space = Match::exactly(space);  // the slot exactly
        s.address = {slot << 30, ~std::uint64_t{0} << 30};
        return s;
    }
  }
  static void drop(Held& held, const InvalidationScope& s) {
    for (auto it = held.begin(); it != held.end();) {
      const auto& [space, base, size] = it->first;
      it = s.selects(RangeTag{space, base, static_cast<std::uint8_t>(size), 0, 0}) ? held.erase(it) : std::next(it);
    }
  }
};

TEST_P(RandomIotlb, NeverAnswersWhatTheTablesNoLongerSay) {
  Caches caches(GetParam().config, 7, "unit", 2);
  base::RandomStream random(11, GetParam().name);
  Tables tables;
  Held held;
  std::uint64_t version = 1, hits = 0, exact = 0;
  std::array<Reservation, 6> walks;
  for (int i = 0; i < 60'000; ++i) {
    const auto space = static_cast<unsigned>(random.below(Tables::kSpaces));
    const auto slot = static_cast<unsigned>(random.below(Tables::kSlots));
    const auto page = static_cast<unsigned>(random.below(Tables::kPages));
    const auto port = static_cast<unsigned>(random.below(2));
    const Tenant tenant{base::SourceId(space << 8), base::DomainId(space), base::Pasid(space + 100)};
    Tables::Slot& s = tables.slot(space, slot);
    const std::uint64_t address = Tables::address(s, slot, page);
    const RangeTag tag = range_around(space, address, s.size);
    const auto action = random.below(100);
    if (action < 2) {  // software maps the slot anew
      static const std::uint8_t kSizes[] = {12, 13, 16, 21, 22, 25, 30};
      s = {kSizes[random.below(7)], version++};
      const InvalidationScope scope = covering(random, space, slot);
      caches.invalidate(scope);
      drop(held, scope);
    } else if (action < 6) {  // one page is named
      InvalidationScope scope;
      scope.caches = CacheSet().with(CacheKind::iotlb);
      scope.space = Match::exactly(space);
      scope.address = {tag.base, ~std::uint64_t{0} << 12};
      const std::uint64_t dropped = caches.invalidate(scope);
      exact += dropped;
      drop(held, scope);
      ASSERT_EQ(caches.invalidate(scope), 0u) << "nothing is left";
    } else if (action < 12) {
      Reservation& walk = walks[random.below(walks.size())];
      walk.held ? caches.release(walk) : caches.reserve(walk, space, address, tenant);
    } else {
      const Translation* found = caches.two_levels() ? caches.find_first_level(port, space, address, tenant) : nullptr;
      if (found == nullptr) found = caches.find_translation(space, address, tenant);
      const bool model = held.count({space, tag.base, s.size}) != 0;
      if (found != nullptr) {
        ++hits;
        ASSERT_TRUE(model) << "it was invalidated, or never filled";
        ASSERT_EQ(found->output.value(), Tables::output(s, page));
        ASSERT_EQ(found->size_log2, s.size);
      } else if (!GetParam().forgets) {
        ASSERT_FALSE(model) << "forgotten";
      }
      if (found == nullptr || GetParam().config.iotlb.duplicate_fills) {
        Translation t;
        t.output = Hpa(Tables::output(s, page));
        t.size_log2 = s.size;
        t.rights = kReadWrite;
        caches.fill_translation(tag, t, tenant);
        if (caches.two_levels()) caches.fill_first_level(port, tag, t, tenant);
        held[{space, tag.base, s.size}] = 1;
      }
    }
    if (!GetParam().forgets) {
      ASSERT_EQ(caches.iotlb_entries(), held.size());
    }
  }
  EXPECT_GT(hits, 1000u);
  EXPECT_GT(exact, 10u);
  InvalidationScope all;
  all.caches = CacheSet().with(CacheKind::iotlb);
  caches.invalidate(all);
  EXPECT_EQ(caches.iotlb_entries(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, RandomIotlb, ::testing::ValuesIn(shapes()),
                         [](const auto& s) { return std::string(s.param.name); });

}  // namespace
}  // namespace iommusim::iommu
