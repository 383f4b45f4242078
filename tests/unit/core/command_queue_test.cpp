// The command queue by itself: fetches, searches, tags and time-outs of device invalidations, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "models/iommu/core/command_engine.h"
#include "models/tlm/module.h"
#include "models/tlm/simulation.h"
#include "models/tlm/timed_queue.h"
#include "tests/support/fixed_memory.h"
#include "tests/unit/core/fake_architecture.h"

namespace iommusim::test {
namespace {

using base::Time;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Command of(Command::Kind kind) {
  Command c;
  c.kind = kind;
  return c;
}
Command device_invalidation(unsigned device) {
  Command c = of(Command::Kind::device_tlb);
  c.message.device = SourceId(device);
  return c;
}
Command status_write(std::uint64_t address) {
  Command c = of(Command::Kind::wait);
  c.write_status = true;
  c.status_address = Hpa(address);
  return c;
}

struct Host : tlm::Module, private tlm::InitiatorPort::Owner {
  Host(::sc_core::sc_module_name name, tlm::Context& context) : Module(name, context), port("port", context, *this) {}
  void response(tlm::InitiatorPort&, tlm::Payload& payload) override { engine->response(payload); }
  tlm::InitiatorPort port;
  CommandEngine* engine = nullptr;
};

// A queue over a memory of 100 ns; decoding takes 5 ns.
class CommandQueue : public ::testing::Test, public CommandEngine::Owner {
 protected:
  CommandQueue() {
    config.command_latency = Time::ns(5);
    host.port.bind(memory.port());
  }
  void make() {
    engine = std::make_unique<CommandEngine>(simulation.context, "unit", config, architecture, host.port, *this);
    host.engine = engine.get();
    engine->register_stats(simulation.stats.group("queue"));
  }
  /// The queue holds `commands`; software moves the tail behind the last at `at`.
  void submit(std::vector<Command> commands, Time at = Time::ns(10)) {
    architecture.commands = std::move(commands);
    if (engine == nullptr) make();
    this->at(at, [this] { move_tail(); });
  }
  /// Calls `action` at a time not past.
  void at(Time when, std::function<void()> action) { actions_.push(std::move(action), when); }
  void move_tail() {
    architecture.tail = architecture.commands.size();
    engine->kick();
  }
  void run(Time until = Time::ms(1)) { simulation.scheduler.run_until(until); }
  std::vector<std::pair<std::uint64_t, unsigned>> reads() const {
    std::vector<std::pair<std::uint64_t, unsigned>> found;
    for (const auto& a : memory.accesses) {
      if (!a.write) found.emplace_back(a.address, a.bytes);
    }
    return found;
  }
  static constexpr std::uint64_t kQueue = 0x3000;

  void invalidate(const InvalidationScope&) override { dropped.push_back(now()); }
  Time invalidation_time(const InvalidationScope&) const override { return search; }
  bool send(const DeviceMessage& m, std::uint8_t tag) override {
    sent.push_back(m.device.value() << 8 | tag);
    return answered;
  }
  bool begin_drain(const Command&) override { return inside; }
  void apply(const Effects&) override {}
  std::uint64_t now() const { return simulation.context.scheduler.now().ps() / 1000; }

  tlm::Simulation simulation;
  Host host{"host", simulation.context};
  FixedMemory memory{"memory", simulation.context, Time::ns(100)};
  RemappingUnitConfig config;
  FakeArchitecture architecture;
  std::unique_ptr<CommandEngine> engine;
  Time search;
  bool answered = true, inside = false;
  std::vector<std::uint64_t> dropped;  ///< when, in ns
  std::vector<std::uint32_t> sent;     ///< device << 8 | tag

 private:
  void act(std::function<void()> action) { action(); }
  tlm::TimedQueue<std::function<void()>> actions_{simulation.scheduler, "actions",
                                                  tlm::delegate<&CommandQueue::act>(this)};
};

using Kind = Command::Kind;

TEST_F(CommandQueue, FetchesEntriesOneByOneByDefault) {
  submit({of(Kind::invalidate), of(Kind::invalidate)});
  run();
  EXPECT_THAT(reads(), ElementsAre(std::pair(kQueue, 16u), std::pair(kQueue + 16, 16u)));
  EXPECT_THAT(dropped, ElementsAre(10 + 100 + 5, 10 + 2 * (100 + 5)));
}

TEST_F(CommandQueue, FetchesALineOfEntriesAtOnceAndDecodesThemOneAtATime) {
  config.command_queue.fetch_batch = 4;
  submit(std::vector<Command>(5, of(Kind::invalidate)));
  run();
  EXPECT_THAT(reads(), ElementsAre(std::pair(kQueue, 64u), std::pair(kQueue + 64, 16u))) << "never past the tail";
  EXPECT_THAT(dropped, ElementsAre(115, 120, 125, 130, 130 + 105));
  EXPECT_EQ(engine->fetches.value(), 2u);
  EXPECT_EQ(engine->dropped.value(), 0u);
}

TEST_F(CommandQueue, ABatchHandsEachEntryItsOwnBytes) {
  config.command_queue.fetch_batch = 4;
  for (unsigned i = 0; i < 6; ++i) memory.set_word(kQueue + 8 * i, 100 + i);
  submit(std::vector<Command>(3, of(Kind::nothing)));
  run();
  ASSERT_EQ(architecture.taken.size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(architecture.taken[i][0], 100 + 2 * i);
    EXPECT_EQ(architecture.taken[i][1], 101 + 2 * i);
    EXPECT_EQ(architecture.taken[i][2], 0u);
  }
}

TEST_F(CommandQueue, ABatchEndsWithItsLineAndWithTheConfiguredNumber) {
  config.command_queue.fetch_batch = 3;
  architecture.head = architecture.tail = 3;
  submit(std::vector<Command>(9, of(Kind::invalidate)));
  run();
  EXPECT_THAT(reads(), ElementsAre(std::pair(kQueue + 48, 16u), std::pair(kQueue + 64, 48u),
                                   std::pair(kQueue + 112, 16u), std::pair(kQueue + 128, 16u)));
}

TEST_F(CommandQueue, ABatchIsDroppedWhenTheQueueIsTurnedOffAndFetchedAgainWhenItIsOn) {
  config.command_queue.fetch_batch = 4;
  submit(std::vector<Command>(4, of(Kind::invalidate)));
  run(Time::ns(117));  // the first is done, the second being decoded
  (void)architecture.write_register(16, 8, 0);
  engine->registers_written();
  run(Time::ns(200));
  EXPECT_THAT(dropped, ElementsAre(115));
  EXPECT_EQ(engine->dropped.value(), 3u);
  EXPECT_TRUE(engine->idle());
  at(Time::ns(200), [this] {
    (void)architecture.write_register(16, 8, 1);
    engine->kick();
  });
  run();
  EXPECT_THAT(reads(), ElementsAre(std::pair(kQueue, 64u), std::pair(kQueue, 64u)));
  EXPECT_THAT(dropped, ElementsAre(115, 305, 310, 315, 320));
}

TEST_F(CommandQueue, TurnedOffAndOnDuringAFetchDiscardsWhatItBrings) {
  config.command_queue.fetch_batch = 2;
  submit({of(Kind::invalidate), of(Kind::invalidate)});
  run(Time::ns(50));
  (void)architecture.write_register(16, 8, 0);
  engine->registers_written();
  (void)architecture.write_register(16, 8, 1);
  engine->registers_written();
  engine->kick();
  run();
  EXPECT_THAT(dropped, ElementsAre(10 + 105 + 105, 10 + 105 + 110));
}

TEST_F(CommandQueue, AnIllegalCommandStopsTheQueueAndWhatWasFetchedBehindItIsFetchedAnew) {
  config.command_queue.fetch_batch = 4;
  submit({of(Kind::invalidate), of(Kind::illegal), of(Kind::invalidate)});
  run(Time::us(1));
  EXPECT_THAT(dropped, ElementsAre(115));
  EXPECT_TRUE(engine->idle());
  at(Time::us(1), [this] {
    architecture.commands[1] = of(Kind::invalidate);
    architecture.stopped = false;
    engine->kick();
  });
  run();
  EXPECT_THAT(reads(), ElementsAre(std::pair(kQueue, 48u), std::pair(kQueue + 16, 32u)));
  EXPECT_THAT(dropped, ElementsAre(115, 1105, 1110));
}

TEST_F(CommandQueue, AFetchThatMemoryRefusesStopsTheQueue) {
  memory.limit = kQueue + 16;
  submit({of(Kind::invalidate), of(Kind::invalidate)});
  run();
  EXPECT_THAT(dropped, ElementsAre(115));
  EXPECT_TRUE(architecture.stopped);
  EXPECT_TRUE(engine->idle());
}

TEST_F(CommandQueue, AnInvalidationTakesEffectWhenItsSearchEnds) {
  search = Time::ns(40);
  Command both = of(Kind::invalidate);
  both.also.emplace();
  submit({of(Kind::invalidate), both, of(Kind::wait)});
  run();
  EXPECT_THAT(dropped, ElementsAre(10 + 105 + 40, 155 + 105 + 80, 155 + 105 + 80));
  EXPECT_EQ(engine->latency.min(), Time::ns(145).ps());
  EXPECT_EQ(engine->latency.max(), Time::ns(185).ps());
  EXPECT_EQ(engine->wait_latency.max(), Time::ns(145 + 185 + 105).ps()) << "from the tail write";
}

TEST_F(CommandQueue, DepthCountsWhatIsSubmittedAndNotDone) {
  submit({of(Kind::nothing), of(Kind::nothing)});
  run(Time::ns(220));
  const auto depth = simulation.stats.to_json(simulation.scheduler.now())["queue"]["depth"];
  EXPECT_EQ(depth["max"], 2);
  // Two for 105 ns, one for 105 ns, none before and after.
  EXPECT_DOUBLE_EQ(depth["mean"].get<double>(), (2 * 105 + 105) / 220.0);
}

TEST_F(CommandQueue, AWaitHoldsUntilEveryDeviceHasAnswered) {
  submit({device_invalidation(8), device_invalidation(9), of(Kind::wait)});
  run(Time::us(1));
  EXPECT_THAT(sent, ElementsAre(8u << 8, 9u << 8 | 1));
  EXPECT_THAT(architecture.waits, IsEmpty());
  EXPECT_FALSE(engine->invalidation_completed(SourceId(9), false, 1, 1)) << "that tag is another device's";
  EXPECT_TRUE(engine->invalidation_completed(SourceId(8), false, 1, 2));
  EXPECT_TRUE(engine->invalidation_completed(SourceId(9), false, 2, 1));
  EXPECT_THAT(architecture.waits, IsEmpty()) << "the first device answers in two messages";
  EXPECT_TRUE(engine->invalidation_completed(SourceId(8), false, 1, 2));
  EXPECT_THAT(architecture.waits, ElementsAre(WaitEnd::done));
}

TEST_F(CommandQueue, TheThirtyThirdRequestWaitsForATag) {
  std::vector<Command> commands(33, device_invalidation(8));
  commands.push_back(of(Kind::invalidate));
  submit(commands);
  run(Time::us(10));
  EXPECT_EQ(sent.size(), 32u);
  EXPECT_THAT(dropped, IsEmpty()) << "commands behind it wait too";
  at(Time::us(10), [this] { engine->invalidation_completed(SourceId(8), false, 1u << 17, 1); });
  run();
  EXPECT_EQ(sent.size(), 33u);
  EXPECT_EQ(sent.back() & 0xff, 17u);
  EXPECT_THAT(dropped, ElementsAre(10000 + 105));
}

TEST_F(CommandQueue, ADeviceThatDoesNotAnswerInTimeEndsTheWaitWithAnError) {
  config.command_queue.device_timeout = Time::us(5);
  submit({device_invalidation(8), device_invalidation(9), of(Kind::wait), of(Kind::wait)});
  run(Time::us(1));
  engine->invalidation_completed(SourceId(8), false, 1, 1);
  // The second request went out at 220 ns.
  run(Time::ns(5220));
  EXPECT_THAT(architecture.waits, IsEmpty());
  run(Time::ns(5220) + Time::ps(1));
  EXPECT_THAT(architecture.waits, ElementsAre(WaitEnd::device_timeout));
  run(Time::us(6));
  EXPECT_THAT(architecture.waits, ElementsAre(WaitEnd::device_timeout, WaitEnd::done));
  EXPECT_FALSE(engine->invalidation_completed(SourceId(9), false, 2, 1)) << "too late";
  EXPECT_EQ(simulation.stats.to_json(simulation.scheduler.now())["queue"]["device"]["timeouts"]["value"], 1);
}

TEST_F(CommandQueue, ARequestNobodyTakesIsNotWaitedFor) {
  answered = false;
  submit({device_invalidation(8), of(Kind::wait)});
  run();
  EXPECT_THAT(architecture.waits, ElementsAre(WaitEnd::done));
}

TEST_F(CommandQueue, AStatusWriteThatMemoryRefusesEndsTheWaitWithAnError) {
  memory.limit = 0x8000;
  submit({status_write(0x8000), status_write(0x7000)});
  run();
  EXPECT_THAT(architecture.waits, ElementsAre(WaitEnd::write_fault, WaitEnd::done));
}

TEST_F(CommandQueue, AWaitHoldsUntilTheUnitHasDrained) {
  inside = true;
  submit({of(Kind::wait)});
  run(Time::us(1));
  EXPECT_THAT(architecture.waits, IsEmpty());
  engine->drained();
  EXPECT_THAT(architecture.waits, ElementsAre(WaitEnd::done));
}

}  // namespace
}  // namespace iommusim::test
