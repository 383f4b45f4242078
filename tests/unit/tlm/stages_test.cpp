// DelayLine, TimedQueue, Timer, SlotPool, ThreadWaiter: exact picoseconds, and nothing one picosecond earlier.
#include <gtest/gtest.h>

#include "models/tlm/delay_line.h"
#include "models/tlm/slot_pool.h"
#include "models/tlm/software_thread.h"
#include "models/tlm/timed_queue.h"
#include "models/tlm/timer.h"

namespace iommusim::tlm {
namespace {

using Seen = std::vector<std::pair<std::uint64_t, int>>;

struct Sink {
  explicit Sink(Scheduler& s) : scheduler(s) {}
  void take(int item) { seen.emplace_back(scheduler.now().ps(), item); }
  void tick() { take(-1); }
  Scheduler& scheduler;
  Seen seen;
};

class Stages : public ::testing::TestWithParam<Scheduler::Kind> {
 protected:
  Scheduler scheduler{GetParam()};
  Sink sink{scheduler};
};
INSTANTIATE_TEST_SUITE_P(Kinds, Stages, ::testing::Values(Scheduler::Kind::wheel, Scheduler::Kind::stage_events));

TEST_P(Stages, ADelayLineDeliversAtTheExactPicosecondAndNotOneEarlier) {
  DelayLine<int> line(scheduler, "line", delegate<&Sink::take>(&sink));
  line.push(1, Time::ps(1001));
  line.push(2, Time::ps(1001));
  line.push(3, Time::ps(4000));
  scheduler.run_until(Time::ps(1001));
  EXPECT_TRUE(sink.seen.empty());
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(sink.seen, (Seen{{1001, 1}, {1001, 2}, {4000, 3}}));
  EXPECT_EQ(scheduler.dispatches(), 3u);
}

TEST(DelayLineDeathTest, RefusesAnItemThatWouldOvertake) {
  Scheduler scheduler;
  Sink sink(scheduler);
  DelayLine<int> line(scheduler, "uplink", delegate<&Sink::take>(&sink));
  line.push(1, Time::ps(100));
  EXPECT_DEATH(line.push(2, Time::ps(99)), "uplink.*before its predecessor");
}

TEST_P(Stages, ATimedQueueDeliversByTimeThenByOrderOfInsertion) {
  TimedQueue<int> queue(scheduler, "queue", delegate<&Sink::take>(&sink));
  queue.push(1, Time::ps(500));
  queue.push(2, Time::ps(300));
  queue.push(3, Time::ps(300));
  queue.push(4, Time::ps(100));
  queue.push(5, Time::ps(500));
  scheduler.run_until(Time::ps(100));
  EXPECT_TRUE(sink.seen.empty());
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(sink.seen, (Seen{{100, 4}, {300, 2}, {300, 3}, {500, 1}, {500, 5}}));
  EXPECT_EQ(scheduler.dispatches(), 5u) << "no wake-up finds nothing to do";
}

struct Feeder {
  Feeder(Scheduler& s, TimedQueue<int>*& q) : scheduler(s), queue(q) {}
  void take(int item) {
    seen.emplace_back(scheduler.now().ps(), item);
    if (item < 5) queue->push(item + 1, scheduler.now() + Time::ps(item % 2 == 0 ? 0 : 10));
  }
  Scheduler& scheduler;
  TimedQueue<int>*& queue;
  Seen seen;
};

TEST_P(Stages, ATimedQueueTakesNewItemsWhileItDelivers) {
  TimedQueue<int>* pointer = nullptr;
  Feeder feeder(scheduler, pointer);
  TimedQueue<int> queue(scheduler, "queue", delegate<&Feeder::take>(&feeder));
  pointer = &queue;
  queue.push(1, Time::ps(5));
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(feeder.seen, (Seen{{5, 1}, {15, 2}, {15, 3}, {25, 4}, {25, 5}}));
}

TEST_P(Stages, ATimerFiresOnceAtItsTime) {
  Timer timer(scheduler, "timer", delegate<&Sink::tick>(&sink));
  timer.arm(Time::ps(70));
  scheduler.run_until(Time::ps(70));
  EXPECT_TRUE(sink.seen.empty());
  EXPECT_TRUE(timer.armed());
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(sink.seen, (Seen{{70, -1}}));
  EXPECT_FALSE(timer.armed());
}

TEST_P(Stages, ATimerCanBeMovedEitherWayAndWithdrawn) {
  Timer timer(scheduler, "timer", delegate<&Sink::tick>(&sink));
  timer.arm(Time::ps(70));
  timer.arm(Time::ps(30));
  timer.arm(Time::ps(90));
  scheduler.run_until(Time::ps(100));
  EXPECT_EQ(sink.seen, (Seen{{90, -1}}));
  timer.arm(Time::ps(200));
  timer.cancel();
  scheduler.run_until(Time::ps(150));
  timer.arm(Time::ps(250));
  timer.arm(Time::ps(160));
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(sink.seen, (Seen{{90, -1}, {160, -1}}));
}

TEST_P(Stages, AWithdrawnTimerDoesNotFire) {
  Timer timer(scheduler, "timer", delegate<&Sink::tick>(&sink));
  timer.arm(Time::ps(70));
  timer.cancel();
  scheduler.run_until(Time::us(1));
  EXPECT_TRUE(sink.seen.empty());
}

TEST(SlotPoolTest, RefusesWhenEverySlotIsInUseAndWeighsOccupancyByTime) {
  Scheduler scheduler;
  SlotPool<int> pool(scheduler, 2);
  const auto a = pool.acquire();
  const auto b = pool.acquire();
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  EXPECT_FALSE(pool.acquire());
  EXPECT_TRUE(pool.full());
  EXPECT_EQ(pool.refused().value(), 1u);
  ::sc_core::sc_start(::sc_core::sc_time(30, ::sc_core::SC_NS), ::sc_core::SC_RUN_TO_TIME);
  pool.release(*a);
  ::sc_core::sc_start(::sc_core::sc_time(70, ::sc_core::SC_NS), ::sc_core::SC_RUN_TO_TIME);
  EXPECT_EQ(pool.in_use(), 1u);
  EXPECT_DOUBLE_EQ(pool.occupancy().mean(Time::ns(100)), 1.3);
  EXPECT_EQ(pool.acquire(), a) << "the slot freed last is given out first";
}

TEST(SlotPoolTest, WithoutLimitNeverRefusesAndKeepsReferences) {
  Scheduler scheduler;
  SlotPool<int> pool(scheduler, SlotPool<int>::kUnlimited);
  const auto first = pool.acquire();
  int& contents = pool[*first];
  contents = 42;
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(pool.acquire());
  EXPECT_EQ(&contents, &pool[*first]);
  EXPECT_FALSE(pool.full());
}

// Two threads and a hardware stage, all due at the same picoseconds: order must be that of elaboration.
struct Software : ::sc_core::sc_module {
  Software(::sc_core::sc_module_name n, Scheduler& s, std::vector<std::string>& l)
      : sc_module(n), scheduler(s), log(l), waiter(s, std::string(n)) {
    SC_HAS_PROCESS(Software);
    SC_THREAD(run);
  }
  void run() {
    for (int i = 1; i <= 3; ++i) {
      waiter.wait_until(Time::ps(100 * static_cast<unsigned>(i)));
      log.push_back(std::to_string(scheduler.now().ps()) + " " + name());
    }
    waiter.wait_woken();
    log.push_back(std::to_string(scheduler.now().ps()) + " " + name() + " woken");
  }
  Scheduler& scheduler;
  std::vector<std::string>& log;
  ThreadWaiter waiter;
};

struct Hardware {
  Hardware(Scheduler& s, std::vector<std::string>& l)
      : scheduler(s), log(l), stage(s.add_stage("hw", delegate<&Hardware::run>(this))) {}
  void run() {
    log.push_back(std::to_string(scheduler.now().ps()) + " hw");
    if (scheduler.now() == Time::ps(400) && wakes != nullptr) wakes->waiter.wake();
  }
  Scheduler& scheduler;
  std::vector<std::string>& log;
  StageId stage;
  Software* wakes = nullptr;
};

TEST_P(Stages, ThreadsWakeAtTheirPlaceAmongTheStages) {
  std::vector<std::string> log;
  Software a("a", scheduler, log);
  Hardware hardware(scheduler, log);
  Software b("b", scheduler, log);
  hardware.wakes = &a;
  for (unsigned t : {300u, 100u, 200u, 400u}) scheduler.schedule(hardware.stage, Time::ps(t));
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(log, (std::vector<std::string>{"100 a", "100 hw", "100 b", "200 a", "200 hw", "200 b", "300 a", "300 hw",
                                           "300 b", "400 hw", "400 a woken"}));
}

}  // namespace
}  // namespace iommusim::tlm
