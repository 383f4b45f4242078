// What a core draws: its tasks, and in them what drivers name.
#include <gmock/gmock.h>

#include "tests/support/recorded_tracks.h"
#include "tests/unit/host/fakes.h"

namespace iommusim::host::test {
namespace {

using ::testing::ElementsAre;

TEST(CoreTracks, ScopesNestInTheirTask) {
  iommusim::test::RecordedTracks tracks;
  Host host;
  host.simulation.context.tracer = &tracks;
  host.run([](CpuCore& c) {
    const CpuCore::Span map(c, "map");
    c.spend(Time::ns(30));
    {
      const CpuCore::Span lock(c, "wait for lock");
      c.spend(Time::ns(5));
    }
    c.read64(Hpa(0x10000));  // 80 ns
  });
  EXPECT_THAT(tracks.slices, ElementsAre("cores/core0 task @0 0-115000", "cores/core0 map @0 0-115000",
                                         "cores/core0 wait for lock @0 30000-35000"));
}

}  // namespace
}  // namespace iommusim::host::test
