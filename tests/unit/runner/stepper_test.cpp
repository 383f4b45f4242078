#include "experiments/runner/stepper.h"

#include <gtest/gtest.h>

#include "models/tlm/simulation.h"
#include "models/tlm/timer.h"

namespace iommusim::runner {
namespace {

using base::Time;
using Result = tlm::Scheduler::RunResult;

struct Beat {
  explicit Beat(tlm::Scheduler& scheduler)
      : scheduler_(scheduler), timer_(scheduler, "beat", tlm::delegate<&Beat::fire>(this)) {}
  void fire() {
    ++count;
    if (count == stop_at) scheduler_.stop();
    if (count < last) timer_.arm(scheduler_.now() + Time::ns(7));
  }
  void start() { timer_.arm(scheduler_.now() + Time::ns(7)); }
  std::uint64_t count = 0, last = ~std::uint64_t{0}, stop_at = 0;
  tlm::Scheduler& scheduler_;
  tlm::Timer timer_;
};

TEST(Stepper, ReachesTheLimitExactly) {
  tlm::Simulation simulation;
  Beat beat(simulation.scheduler);
  ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
  beat.start();
  unsigned slices = 0;
  Stepper stepper(simulation.scheduler, [&] { ++slices; });
  EXPECT_EQ(stepper.run_until(Time::us(70)), Result::reached_limit);
  EXPECT_EQ(simulation.scheduler.now(), Time::us(70));
  EXPECT_EQ(beat.count, 9999u) << "what is due at the limit itself has not run";
  EXPECT_GT(slices, 1u);
}

TEST(Stepper, StopsWhereTheSchedulerIsStopped) {
  tlm::Simulation simulation;
  Beat beat(simulation.scheduler);
  ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
  beat.stop_at = 1000;
  beat.start();
  Stepper stepper(simulation.scheduler, [] {});
  EXPECT_EQ(stepper.run_until(Time::ms(1)), Result::stopped);
  EXPECT_EQ(simulation.scheduler.now(), Time::ns(7000));
  EXPECT_EQ(stepper.run_until(Time::us(14)), Result::reached_limit);
}

TEST(Stepper, SaysWhenNothingIsLeft) {
  tlm::Simulation simulation;
  Beat beat(simulation.scheduler);
  ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
  beat.last = 10;
  beat.start();
  Stepper stepper(simulation.scheduler, [] {});
  EXPECT_EQ(stepper.run_until(Time::ms(1)), Result::idle);
}

TEST(Stepper, LooksAtTheConditionEvery10Nanoseconds) {
  tlm::Simulation simulation;
  Beat beat(simulation.scheduler);
  ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
  beat.start();
  Stepper stepper(simulation.scheduler, [] {});
  EXPECT_TRUE(stepper.run_while_not([&] { return beat.count >= 3; }, Time::us(1)));  // the third is at 21 ns
  EXPECT_EQ(simulation.scheduler.now(), Time::ns(30));
  EXPECT_FALSE(stepper.run_while_not([] { return false; }, Time::us(1)));
  EXPECT_EQ(simulation.scheduler.now(), Time::us(1));
}

}  // namespace
}  // namespace iommusim::runner
