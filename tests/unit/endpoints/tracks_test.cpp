// What an engine and its link draw, to the picosecond: 1 ns per byte, requests of 24 bytes, completions of 20, a memory
// of 100 ns.
#include <gmock/gmock.h>

#include "tests/support/recorded_tracks.h"
#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> drawn(std::vector<DmaRequest> list, test::RecordedTracks& tracks, const char* of,
                               const DmaEngineConfig& config = {}) {
  EngineBench bench(config);
  bench.sim.context.tracer = &tracks;
  ListedDmas work;
  work.list = std::move(list);
  bench.engine.drive(work);
  bench.run();
  bench.expect_quiet();
  return tracks.of(of);
}

TEST(Tracks, AReadIsASliceOfItsSlotWithThePartsOfItsLatency) {
  test::RecordedTracks tracks;
  DmaEngineConfig config;
  config.issue_latency = Time::ns(30);
  config.completion_latency = Time::ns(7);
  // 30 ns to issue; 24 ns request; memory 100 ns; 84 ns completion; 7 ns engine.
  EXPECT_THAT(drawn({read_of(high, 64)}, tracks, "engine/", config),
              ElementsAre("engine/slot 0 read 64 @1 flow 0-245000", "engine/slot 0 issue_wait @0 0-30000",
                          "engine/slot 0 from_memory @0 30000-154000", "engine/slot 0 link_down @0 154000-238000",
                          "engine/slot 0 engine @0 238000-245000"));
}

TEST(Tracks, ItsFlowGoesOverTheWiresUpAndDown) {
  test::RecordedTracks tracks;
  EXPECT_THAT(drawn({read_of(high, 64)}, tracks, "links/"),
              ElementsAre("links/link up MRd 64 @1 flow 0-24000", "links/link down CplD 64 @1 flow 124000-208000"));
}

TEST(Tracks, OfSeveralRequestTlpsTheFirstDrawsTheFlow) {
  test::RecordedTracks tracks;
  EXPECT_THAT(drawn({write_of(high, 512)}, tracks, "links/"),
              ElementsAre("links/link up MWr 256 @1 flow 0-280000", "links/link up MWr 256 @1 280000-560000"));
}

TEST(Tracks, DmasThatAreNotTracedLeaveNothing) {
  test::RecordedTracks tracks(2);
  drawn({read_of(high, 64), read_of(high + 4096, 64), read_of(high + 8192, 64)}, tracks, "");
  EXPECT_EQ(tracks.of("links/link up").size(), 2u);
  EXPECT_EQ(tracks.of("engine/slot 0 read").size() + tracks.of("engine/slot 2 read").size(), 2u);
  EXPECT_THAT(tracks.of("engine/slot 1 "), IsEmpty());
}

TEST(Tracks, AnMsiIsShownThoughItBelongsToNoDma) {
  test::RecordedTracks tracks(0);
  EngineBench bench;
  bench.sim.context.tracer = &tracks;
  bench.engine.send_msi(0xfee00000, 0x41);
  bench.run();
  EXPECT_THAT(tracks.slices, ElementsAre("engine/slot 0 MSI @0 0-124000", "links/link up MWr 4 @0 0-24000"));
}

}  // namespace
}  // namespace iommusim::ep
