// What a remapping unit draws, to the picosecond: lookup 1 + 2 ns, memory 100 ns.
#include <gmock/gmock.h>

#include "tests/support/recorded_tracks.h"
#include "tests/unit/core/fixture.h"

namespace iommusim::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A bench whose requests are DMAs traced under the numbers 1, 2, ...
struct TracedBench : Bench {
  explicit TracedBench(const RemappingUnitConfig& config = defaults(), unsigned levels = 1) : Bench(config, levels) {
    simulation.context.tracer = &tracks;
    requester.prepare = [](std::size_t i, tlm::Payload& p) {
      tlm::dma(p).trace = static_cast<std::uint32_t>(i + 1);
      tlm::dma(p).first = true;
    };
  }
  RecordedTracks tracks;
};

TEST(UnitTracks, AMissIsALookupAndAWalkWithItsReads) {
  TracedBench b;
  b.requester.read(Time::ns(10), 0x3040);
  b.run();
  EXPECT_THAT(
      b.tracks.slices,
      ElementsAre("unit/IOTLB port lookup @1 flow 10000-13000", "unit/walker 0 context walk @1 flow 13000-113000",
                  "unit/walker 0 read context entry @1 13000-113000", "unit/walker 0 page walk @1 flow 113000-213000",
                  "unit/walker 0 read stage 0 level 1 @1 113000-213000"));
}

TEST(UnitTracks, AHitIsALookupAlone) {
  TracedBench b;
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x3040);
  b.run();
  EXPECT_THAT(b.tracks.of("unit/IOTLB port"), Contains("unit/IOTLB port lookup @2 flow 1000000-1003000"));
  EXPECT_EQ(b.tracks.of("unit/walker").size(), 4u) << "those of the first";
}

TEST(UnitTracks, LookupsThatOverlapAreOnTracksBesideEachOther) {
  TracedBench b;
  b.requester.read(Time::ns(10), 0x3000);
  b.requester.read(Time::us(1), 0x3000);
  b.requester.read(Time::us(1) + Time::ns(2), 0x3000);
  b.requester.read(Time::us(1) + Time::ns(4), 0x3000);
  b.run();
  EXPECT_THAT(b.tracks.of("unit/IOTLB port +1"), ElementsAre("unit/IOTLB port +1 lookup @3 flow 1002000-1005000"));
  EXPECT_THAT(b.tracks.of("unit/IOTLB port lookup"), Contains("unit/IOTLB port lookup @4 flow 1004000-1007000"));
}

TEST(UnitTracks, ARequestThatJoinsAWalkIsAMarkInIt) {
  TracedBench b;
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::us(1), 0x3000);
  b.requester.read(Time::us(1) + Time::ns(50), 0x3040);
  b.run();
  EXPECT_THAT(b.tracks.of("unit/walker 0 joined"), ElementsAre("unit/walker 0 joined @3 flow 1053000-1053000"));
}

TEST(UnitTracks, WalksOfRequestsThatAreNotTracedAreLeftOut) {
  TracedBench b;
  b.requester.prepare = nullptr;
  b.requester.read(Time::ns(10), 0x3000);
  b.run();
  EXPECT_THAT(b.tracks.slices, IsEmpty());
}

TEST(UnitTracks, CommandsAreShownFromTheirFetch) {
  auto c = Bench::defaults();
  c.command_latency = Time::ns(5);
  c.register_latency = Time::ns(2);
  TracedBench b(c);
  Command drop;
  drop.kind = Command::Kind::invalidate;
  drop.form = Command::Form::iotlb_global;
  Command wait;
  wait.kind = Command::Kind::wait;
  wait.form = Command::Form::wait;
  wait.write_status = true;
  wait.status_address = Hpa(0x8000);
  b.architecture->commands = {drop, wait};
  b.registers->write(Time::ns(10), 0, base::SourceId(0), 8, 2);
  b.run();
  EXPECT_THAT(b.tracks.of("unit/command queue"),
              ElementsAre("unit/command queue fetch @0 12000-112000",
                          "unit/command queue IOTLB invalidation, global @0 117000-117000",
                          "unit/command queue fetch @0 117000-217000", "unit/command queue wait @0 222000-322000"))
      << "the wait lasts until memory has its status";
}

}  // namespace
}  // namespace iommusim::test
