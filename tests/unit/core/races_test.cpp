// Invalidations against requests in flight, at random times: once a wait command has ended, no request may still be
// resolved by what the commands before it have dropped.
#include <gmock/gmock.h>

#include "models/base/random/stream.h"
#include "tests/unit/core/full_architecture.h"

namespace iommusim::test {
namespace {

constexpr unsigned kRounds = 300;
constexpr std::uint64_t kStatus = 0x8000;

/// Software changes one structure round by round, invalidates what caches may hold of it, and waits; a device reads all
/// the time, with and without a PASID.
class Races : public UnitObserver {
 public:
  explicit Races(const RemappingUnitConfig& config) : b(config, 2) {
    b.unit->observe(this);
    b.set_context(40, 9, false);
    for (std::uint64_t page = 3; page < 6; ++page) b.map(page, 0x40000000, 3);
    base::RandomStream random(7, "races");
    for (Time at = Time::ns(10); at < Time::ns(kRoundTime * (kRounds + 1)); at += Time::ns(random.below(400))) {
      const std::uint64_t address = 0x3000 + 0x1000 * random.below(3);
      switch (random.below(6)) {
        case 0: b.requester.read(at, address, base::SourceId(40)); break;  // displaces the context of source 8
        case 1: b.requester.write(at, address); break;
        case 2: b.read_as(at, address, 2); break;
        case 3: b.read_as(at, address, 1); break;
        default: b.requester.read(at, address);
      }
    }
  }

  /// `change(round)` writes memory; `dropped` names what it makes stale.
  void run(const std::function<void(unsigned)>& change, const InvalidationScope& dropped) {
    change(0);
    for (unsigned round = 1; round <= kRounds; ++round) {
      Command invalidate, wait;
      invalidate.kind = Command::Kind::invalidate;
      invalidate.scope = dropped;
      wait.kind = Command::Kind::wait;
      wait.write_status = true;
      wait.status_address = Hpa(kStatus);
      wait.status = round;
      b.architecture->commands.push_back(invalidate);
      b.architecture->commands.push_back(wait);
      b.registers->write(Time::ns(kRoundTime * round), 0, base::SourceId(0), 8, 2 * round);
    }
    for (unsigned round = 1; round <= kRounds; ++round) {
      b.run(Time::ns(kRoundTime * round));
      change(round);
    }
    b.run(Time::ms(10));
    EXPECT_EQ(b.memory.word(kStatus) & 0xffffffff, kRounds) << "all waits have ended";
    EXPECT_GT(checked, 500u);
    EXPECT_GT(hits, 20u) << "caches are on";
    EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
  }

  FullBench b;
  std::function<std::optional<std::uint64_t>(const Request&, const Context&, const Outcome&)> round_seen;
  unsigned checked = 0, hits = 0;

 private:
  static constexpr unsigned kRoundTime = 6000;  // ns

  void resolved(const Request& r, const Context& c, const Outcome& o, base::Time at) override {
    const auto seen = round_seen(r, c, o);
    if (!seen) return;
    ++checked;
    if (o.iotlb_hit) ++hits;
    const std::uint64_t ended = b.memory.word(kStatus) & 0xffffffff;
    EXPECT_GE(*seen, ended) << "at " << at.ps() << " ps";
  }
};

InvalidationScope scope(CacheSet caches) {
  InvalidationScope s;
  s.caches = caches;
  return s;
}
const CacheSet kContexts = CacheSet().with(CacheKind::context).with(CacheKind::process);

/// Caches are so small that there is always something to walk for. A walk's last step comes 500 ns after what it rests
/// on was read: long enough for a change, its invalidation and the end of a wait in between.
std::vector<RemappingUnitConfig> configs() {
  RemappingUnitConfig plain = Bench::defaults();
  plain.walk_step_latency = Time::ns(500);
  plain.walkers = 4;
  plain.context_cache = plain.process_cache = UnitCacheConfig(1, 0);
  static_cast<UnitCacheConfig&>(plain.iotlb) = UnitCacheConfig(2, 0);
  RemappingUnitConfig aside = plain, two = plain;
  aside.service = Service::out_of_order;
  aside.walkers = 2;
  static_cast<UnitCacheConfig&>(two.iotlb.per_port) = UnitCacheConfig(2, 0);
  return {plain, aside, two};
}

class RacesOf : public ::testing::TestWithParam<unsigned> {
 protected:
  Races races{configs()[GetParam()]};
  FullBench& b = races.b;
};
INSTANTIATE_TEST_SUITE_P(Unit, RacesOf, ::testing::Values(0u, 1u, 2u));

TEST_P(RacesOf, DeviceContextsWithTheRequestsThatUseThem) {
  races.round_seen = [](const Request& r, const Context& c, const Outcome&) -> std::optional<std::uint64_t> {
    if (r.has_pasid || r.source != SourceId(8)) return std::nullopt;
    return c.domain.value();
  };
  races.run([this](unsigned round) { b.memory.set_word(0x1000 + 8 * 8, 1u | 4u | round << 16); }, scope(kContexts));
}

TEST_P(RacesOf, ProcessContextsWithTheRequestsThatUseThem) {
  races.round_seen = [](const Request& r, const Context& c, const Outcome&) -> std::optional<std::uint64_t> {
    if (!r.has_pasid || r.pasid != Pasid(1)) return std::nullopt;
    return c.domain.value();
  };
  InvalidationScope one = scope(CacheSet().with(CacheKind::process));
  one.source = Match::exactly(std::uint64_t{8} << 20 | 1);
  races.run([this](unsigned round) { b.memory.set_word(0x4000 + 8, 1u | round << 16); }, one);
}

TEST_P(RacesOf, PagesWithTheRequestsThatUseThem) {
  races.round_seen = [](const Request& r, const Context&, const Outcome& o) -> std::optional<std::uint64_t> {
    if (r.address >> 12 != 4 || r.source != SourceId(8)) return std::nullopt;
    return (o.address - 0x40000000) >> 12;
  };
  InvalidationScope page = scope(CacheSet().with(CacheKind::iotlb).with(CacheKind::walk));
  page.space = Match::exactly(1);
  page.address = Match{0x4000, ~std::uint64_t{0xfff}};
  races.run([this](unsigned round) { b.map(4, 0x40000000 + 4096 * round, 3); }, page);
}

}  // namespace
}  // namespace iommusim::test
