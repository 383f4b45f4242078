// What holds whatever the configuration: every request of a random stream ends, and so does every wait command among
// them; writes of a requester reach memory in order, reads never before an earlier write, and in order where the unit
// keeps them so.
#include <map>
#include <set>

#include "models/base/random/stream.h"
#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

constexpr unsigned kRequests = 500, kRounds = 30;
constexpr std::uint64_t kStatus = 0x8000;

RemappingUnitConfig any_config(base::RandomStream& r) {
  const auto below = [&r](unsigned n) { return static_cast<unsigned>(r.below(n)); };
  RemappingUnitConfig c = Bench::defaults();
  c.service = below(2) != 0 ? Service::in_order : Service::out_of_order;
  c.read_order = below(2) != 0 ? ReadOrder::arrival : ReadOrder::any;
  if (c.service == Service::in_order) {
    if (c.read_order == ReadOrder::arrival) c.read_window = below(4);
    if (below(3) == 0) c.walker_pool.miss_queue = 1 + below(3);
  } else {
    if (below(2) != 0) c.walker_pool.order = WalkerOrder::fair;
  }
  if (below(2) != 0) {
    c.iotlb.per_port.entries = 2;
    if (below(2) != 0) c.iotlb.per_port.lookup_interval = Time::ns(2);
  }
  if (below(2) != 0) c.lookup_interval = Time::ns(3);
  c.walkers = 1 + below(4);
  if (below(3) == 0) c.walker_pool.per_requester = 1 + below(2);
  if (below(3) == 0) c.walker_pool.merges_per_miss = 1 + below(2);
  if (below(4) == 0) c.prefetch.kind = PrefetchConfig::Kind::next_page;
  if (below(2) != 0) c.prefetch.into = PrefetchConfig::Into::buffer;
  c.merge_misses = below(4) != 0;
  c.iotlb.reserve_on_miss = below(3) == 0;
  static_cast<UnitCacheConfig&>(c.iotlb) = UnitCacheConfig(4, 0);
  c.context_cache = UnitCacheConfig(1 + below(3), 0);
  if (below(2) != 0) c.walk_step_latency = Time::ns(50);
  return c;
}

class RandomOrders : public ::testing::TestWithParam<unsigned> {
 protected:
  base::RandomStream random{GetParam(), "orders"};
  RemappingUnitConfig config = any_config(random);
  Bench b{config, 1 + static_cast<unsigned>(random.below(3)), std::make_unique<FakeArchitecture>(), 2};
};
INSTANTIATE_TEST_SUITE_P(Configurations, RandomOrders, ::testing::Range(0u, 120u));

TEST_P(RandomOrders, HoldAndEverythingEnds) {
  b.set_context(40, 9, false);
  b.set_context(48, 1, false);
  const unsigned sources[] = {8, 40, 48, 16};
  struct Sent {
    unsigned source;
    bool write;
  };
  std::vector<Sent> sent;
  Time at = Time::ns(10);
  for (unsigned i = 0; i < kRequests; ++i) {  // each is told by its address within the page
    at += Time::ns(random.below(20));
    const Sent s{sources[random.below(4)], random.below(3) == 0};
    const std::uint64_t address = (s.source == 16 ? 0x50000000 : 0x1000 * (8 + random.below(10))) + 8 * i;
    Requester& requester = s.source == 40 ? *b.other : b.requester;
    if (s.write) {
      requester.write(at, address, SourceId(s.source), 8);
    } else {
      requester.read(at, address, SourceId(s.source), 8);
    }
    sent.push_back(s);
  }
  for (unsigned i = 0; i < kRounds; ++i) {
    Command drop, wait;
    drop.kind = Command::Kind::invalidate;
    drop.scope.caches = CacheSet().with(CacheKind::iotlb).with(CacheKind::walk).with(CacheKind::context);
    if (random.below(2) != 0) {
      drop.scope.space = Match::exactly(1);
      drop.scope.address = Match{0x1000 * (8 + random.below(10)), ~std::uint64_t{0xfff}};
    }
    wait.kind = Command::Kind::wait;
    wait.write_status = true;
    wait.status_address = Hpa(kStatus);
    wait.status = i + 1;
    wait.order_reads = random.below(2) != 0;
    wait.order_writes = random.below(2) != 0;
    b.architecture->commands.push_back(drop);
    b.architecture->commands.push_back(wait);
    b.registers->write(Time::ns(100 + 170 * i), 0, SourceId(0), 8, 2 * (i + 1));
  }
  b.run(Time::ms(3));

  EXPECT_EQ(b.requester.order.size() + b.other->order.size(), kRequests);
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
  EXPECT_EQ(b.memory.word(kStatus) & 0xffffffff, kRounds);
  std::map<unsigned, unsigned> last_write, last_read;  // by source
  std::map<unsigned, std::set<unsigned>> in_memory;
  for (const auto& a : b.memory.accesses) {
    if (a.traffic != tlm::Traffic::dma) continue;
    const unsigned i = static_cast<unsigned>(a.address & 0xfff) / 8, source = sent[i].source;
    if (sent[i].write) {
      EXPECT_GE(i, last_write[source]);
      last_write[source] = i;
    } else {
      if (config.read_order == ReadOrder::arrival) {
        EXPECT_GE(i, last_read[source]);
      }
      last_read[source] = i;
      for (unsigned j = 0; j < i; ++j) {
        if (sent[j].write && sent[j].source == source) {
          EXPECT_EQ(in_memory[source].count(j), 1u) << "read " << i << " has passed write " << j;
        }
      }
    }
    in_memory[source].insert(i);
  }
}

}  // namespace
}  // namespace iommusim::test
