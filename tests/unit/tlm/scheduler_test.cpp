// Order and time of stages, in both implementations of the scheduler.
#include "models/tlm/scheduler.h"

#include <gtest/gtest.h>

#include <memory>
#include <queue>
#include <random>
#include <set>

#include "models/tlm/timer.h"

namespace iommusim::tlm {
namespace {

using Kind = Scheduler::Kind;
using Log = std::vector<std::pair<std::uint64_t, int>>;  // (picoseconds, stage)

// What each stage does is a function of its name and of how often it ran, never of the scheduler: it schedules others
// (or itself) after pseudo-random delays, many of them zero or equal.
struct Script {
  explicit Script(unsigned seed_, int stages_)
      : seed(seed_), stages(stages_), runs(static_cast<std::size_t>(stages_)) {}
  struct Step {
    int stage;
    std::uint64_t delay;
  };
  std::vector<Step> next(int stage) {
    std::mt19937 random(seed * 7919u + static_cast<unsigned>(stage) * 104729u +
                        runs[static_cast<std::size_t>(stage)]++);
    std::vector<Step> steps;
    if (total++ > 3000) return steps;
    const auto count = static_cast<unsigned>(random() % 3);
    static constexpr std::uint64_t delays[] = {0, 0, 1, 1, 2, 7, 64, 1000, 1000, 1u << 20};
    for (unsigned i = 0; i < count; ++i) {
      const int to = static_cast<int>(random() % static_cast<unsigned>(stages));
      steps.push_back({to, delays[random() % 10]});
    }
    return steps;
  }
  std::vector<Step> start() {
    std::vector<Step> steps;
    std::mt19937 random(seed);
    for (int i = 0; i < 40; ++i)
      steps.push_back({static_cast<int>(random() % static_cast<unsigned>(stages)), random() % 100});
    return steps;
  }
  unsigned seed;
  int stages;
  std::vector<unsigned> runs;
  int total = 0;
};

// The script on a Scheduler. `strangers` unrelated stages are added between those of the script, and kept busy.
class Player {
 public:
  Player(Kind kind, const char* name, unsigned seed, int stages, bool strangers)
      : script(seed, stages), scheduler(kind, ::sc_core::sc_module_name(name)) {
    for (int i = 0; i < stages; ++i) {
      if (strangers) stranger();
      stages_.push_back(std::make_unique<Stage>(*this, i));
    }
    if (strangers) stranger();
    for (const auto& s : script.start()) at(s.stage, Time::ps(s.delay));
  }
  Script script;
  Scheduler scheduler;
  Log log;

 private:
  struct Stage {
    Stage(Player& player_, int number_)
        : player(player_),
          number(number_),
          id(player_.scheduler.add_stage(std::to_string(number_), delegate<&Stage::run>(this))) {}
    void run() {
      const Time now = player.scheduler.now();
      player.log.emplace_back(now.ps(), number);
      for (const auto& s : player.script.next(number)) player.at(s.stage, now + Time::ps(s.delay));
    }
    Player& player;
    int number;
    StageId id;
  };
  struct Stranger {
    explicit Stranger(Scheduler& s) : scheduler(s), id(s.add_stage("stranger", delegate<&Stranger::run>(this))) {}
    void run() {
      if (++runs < 500) scheduler.schedule(id, scheduler.now() + Time::ps(runs % 3));
    }
    Scheduler& scheduler;
    StageId id;
    unsigned runs = 0;
  };
  void stranger() {
    strangers_.push_back(std::make_unique<Stranger>(scheduler));
    scheduler.schedule(strangers_.back()->id, Time::ps(strangers_.size()));
  }
  void at(int stage, Time t) { scheduler.schedule(stages_[static_cast<std::size_t>(stage)]->id, t); }
  std::vector<std::unique_ptr<Stage>> stages_;
  std::vector<std::unique_ptr<Stranger>> strangers_;
};

// The rule itself, in the plainest form.
Log oracle(unsigned seed, int stages) {
  Script script(seed, stages);
  std::multiset<std::pair<std::uint64_t, int>> pending;
  for (const auto& s : script.start()) pending.emplace(s.delay, s.stage);
  Log log;
  while (!pending.empty()) {
    const auto [now, stage] = *pending.begin();
    pending.erase(pending.begin());
    log.emplace_back(now, stage);
    for (const auto& s : script.next(stage)) pending.emplace(now + s.delay, s.stage);
  }
  return log;
}

class Schedules : public ::testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Random, Schedules, ::testing::Range(1u, 21u));

TEST_P(Schedules, RunInTheSameOrderUnderBothImplementationsAndWithStrangersPresent) {
  const int stages = 1 + static_cast<int>(GetParam() % 13);
  Player wheel(Kind::wheel, "wheel", GetParam(), stages, false);
  Player events(Kind::stage_events, "events", GetParam(), stages, false);
  Player crowded_wheel(Kind::wheel, "crowded_wheel", GetParam(), stages, true);
  Player crowded_events(Kind::stage_events, "crowded_events", GetParam(), stages, true);
  EXPECT_EQ(wheel.scheduler.run_until(Time::ms(1)), Scheduler::RunResult::idle);
  const Log expected = oracle(GetParam(), stages);
  ASSERT_GE(expected.size(), 40u);
  EXPECT_EQ(wheel.log, expected);
  EXPECT_EQ(events.log, expected);
  EXPECT_EQ(crowded_wheel.log, expected);
  EXPECT_EQ(crowded_events.log, expected);
}

struct Recorder {
  explicit Recorder(Scheduler& s) : scheduler(s), id(s.add_stage("recorder", delegate<&Recorder::run>(this))) {}
  void run() { times.push_back(scheduler.now().ps()); }
  Scheduler& scheduler;
  StageId id;
  std::vector<std::uint64_t> times;
};

TEST(RunWindow, EndsBeforeWhatIsPendingAtItsLimit) {
  Scheduler scheduler;
  Recorder r(scheduler);
  scheduler.schedule(r.id, Time::ps(100));
  EXPECT_EQ(scheduler.run_until(Time::ps(100)), Scheduler::RunResult::reached_limit);
  EXPECT_EQ(scheduler.now(), Time::ps(100));
  EXPECT_TRUE(r.times.empty());
  EXPECT_EQ(scheduler.run_until(Time::ps(101)), Scheduler::RunResult::idle);
  EXPECT_EQ(r.times, std::vector<std::uint64_t>{100});
}

TEST(RunWindow, EndsWithTheLastEventWhenNothingIsLeftToHappen) {
  Scheduler scheduler;
  Recorder r(scheduler);
  scheduler.schedule(r.id, Time::ps(10));
  EXPECT_EQ(scheduler.run_until(Time::ns(5)), Scheduler::RunResult::idle);
  EXPECT_EQ(r.times, std::vector<std::uint64_t>{10});
  EXPECT_EQ(scheduler.now(), Time::ps(10));
  EXPECT_EQ(scheduler.run_until(Time::ns(6)), Scheduler::RunResult::idle);
}

TEST(RunWindow, CanBeInsertedIntoBetweenWindows) {
  Scheduler scheduler;
  Recorder r(scheduler);
  scheduler.schedule(r.id, Time::ns(100));
  scheduler.run_until(Time::ns(10));
  scheduler.schedule(r.id, Time::ns(20));  // earlier than what the wheel is armed for
  scheduler.schedule(r.id, Time::ns(10));  // the present
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(r.times, (std::vector<std::uint64_t>{10000, 20000, 100000}));
}

struct Stopper {
  explicit Stopper(Scheduler& s) : scheduler(s), id(s.add_stage("stopper", delegate<&Stopper::run>(this))) {}
  void run() { scheduler.stop(); }
  Scheduler& scheduler;
  StageId id;
};

class BothKinds : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, BothKinds, ::testing::Values(Kind::wheel, Kind::stage_events));

TEST_P(BothKinds, StopEndsTheRunBeforeTheNextStageOfTheSameInstantAndItCanGoOn) {
  Scheduler scheduler(GetParam());
  Recorder before(scheduler);
  Stopper stopper(scheduler);
  Recorder after(scheduler);
  for (StageId id : {after.id, stopper.id, before.id}) scheduler.schedule(id, Time::ps(50));
  EXPECT_EQ(scheduler.run_until(Time::ns(1)), Scheduler::RunResult::stopped);
  EXPECT_EQ(scheduler.now(), Time::ps(50));
  EXPECT_EQ(before.times.size(), 1u);
  EXPECT_TRUE(after.times.empty());
  EXPECT_EQ(scheduler.run_until(Time::ns(1)), Scheduler::RunResult::idle);
  EXPECT_EQ(after.times, std::vector<std::uint64_t>{50});
}

TEST(Wheel, SpendsOneKernelEventOnAllStagesOfOnePicosecond) {
  Scheduler scheduler;
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (int i = 0; i < 100; ++i) {
    recorders.push_back(std::make_unique<Recorder>(scheduler));
    scheduler.schedule(recorders.back()->id, Time::ns(1));
    scheduler.schedule(recorders.back()->id, Time::ns(2));
  }
  scheduler.run_until(Time::us(1));
  EXPECT_EQ(scheduler.kernel_events(), 2u);
  EXPECT_EQ(scheduler.dispatches(), 200u);
}

TEST(SchedulerDeathTest, RefusesThePastNamingTheStage) {
  Scheduler scheduler;
  Recorder r(scheduler);
  scheduler.schedule(r.id, Time::ps(10));
  scheduler.run_until(Time::ps(20));
  EXPECT_DEATH(scheduler.schedule(r.id, Time::ps(9)), "recorder.*10 ps.*scheduled for 9 ps, which is past");
}

TEST(RadixHeapTest, GivesEachEntryAtItsTimeWhateverTheMixOfDistances) {
  RadixHeap heap;
  std::multimap<std::uint64_t, std::uint32_t> reference;
  std::mt19937_64 random(7);
  std::uint64_t now = 0;
  std::uint32_t number = 0;
  for (int round = 0; round < 20000; ++round) {
    const auto inserts = static_cast<unsigned>(random() % 3);
    for (unsigned i = 0; i < inserts; ++i) {
      const std::uint64_t at = now + 1 + (random() >> (20 + random() % 44));
      heap.push(at, number);
      reference.emplace(at, number++);
    }
    if (reference.empty()) continue;
    ASSERT_EQ(heap.min(), reference.begin()->first);
    now = heap.min();
    std::multiset<std::uint32_t> got, expected;
    heap.take(now, [&](std::uint32_t v) { got.insert(v); });
    for (auto it = reference.begin(); it != reference.end() && it->first == now; it = reference.erase(it))
      expected.insert(it->second);
    ASSERT_EQ(got, expected);
  }
}

}  // namespace
}  // namespace iommusim::tlm
