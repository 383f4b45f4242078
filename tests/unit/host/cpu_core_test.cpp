#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/error.h"
#include "tests/unit/host/fakes.h"

namespace iommusim::host::test {
namespace {

using ::testing::ElementsAre;
constexpr Hpa kBuffer(0x10000);

TEST(CpuCore, ReadTakesOneRoundTripAndReturnsWhatMemoryHolds) {
  Host host;
  host.machine.memory.write64(kBuffer + 8, 0x1122334455667788);
  std::uint64_t value = 0;
  EXPECT_EQ(host.run([&](CpuCore& c) { value = c.read64(kBuffer + 8); }), Time::ps(80000));
  EXPECT_EQ(value, 0x1122334455667788u);
}

TEST(CpuCore, ReadsDependOnEachOther) {
  Host host;
  EXPECT_EQ(host.run([](CpuCore& c) { c.read64(kBuffer), c.read64(kBuffer + 64); }), Time::ps(160000));
}

TEST(CpuCore, LongReadIsCutAtLines) {
  Host host;
  std::vector<unsigned char> in(130, 7), out(130);
  host.machine.memory.write(kBuffer + 60, in.data(), in.size());
  // 4 bytes, 64, 62
  EXPECT_EQ(host.run([&](CpuCore& c) { c.read(kBuffer + 60, out.data(), out.size()); }), Time::ps(3 * 80000));
  EXPECT_EQ(in, out);
}

TEST(CpuCore, BufferedWritesOverlapUntilTheFence) {
  Host host;
  Time issued;
  EXPECT_EQ(host.run([&](CpuCore& c) {
    for (unsigned i = 0; i < 10; ++i) c.write64(kBuffer + 8 * i, i + 1);
    issued = c.now();
    c.fence();
  }),
            Time::ps(50000));
  EXPECT_EQ(issued, Time());
  EXPECT_EQ(host.machine.memory.read64(kBuffer + 72), 10u);
}

TEST(CpuCore, WriteBeyondTheBuffersWaitsForTheFirstToFinish) {
  CpuCoreConfig config;
  config.write_buffers = 2;
  Host host(1, config);
  Time third;
  EXPECT_EQ(host.run([&](CpuCore& c) {
    c.write64(kBuffer, 1), c.write64(kBuffer + 8, 1), c.write64(kBuffer + 16, 1);
    third = c.now();
  }),
            Time::ps(100000));
  EXPECT_EQ(third, Time::ps(50000));
}

TEST(CpuCore, WithoutBuffersEachWriteIsWaitedFor) {
  CpuCoreConfig config;
  config.write_buffers = 0;
  Host host(1, config);
  EXPECT_EQ(host.run([](CpuCore& c) { c.write64(kBuffer, 1), c.write64(kBuffer + 8, 1); }), Time::ps(100000));
}

TEST(CpuCore, ReadOfABufferedWriteWaitsForItAndOnlyForIt) {
  Host host;
  std::uint64_t same = 0;
  EXPECT_EQ(host.run([&](CpuCore& c) {
    c.write64(kBuffer, 5);
    same = c.read64(kBuffer);
  }),
            Time::ps(130000));
  EXPECT_EQ(same, 5u);
  EXPECT_EQ(host.run([](CpuCore& c) { c.write64(kBuffer, 6), c.read64(kBuffer + 8); }), Time::ps(80000));
}

TEST(CpuCore, MmioWriteFollowsEarlierWritesAndReturnsWhenAccepted) {
  Host host;
  Time returned;
  host.run([&](CpuCore& c) {
    c.write64(kBuffer, 1);
    c.mmio_write(Hpa(kRegisters + 0x18), 1, 4);
    returned = c.now();
  });
  EXPECT_EQ(returned, Time::ps(60000));
  EXPECT_TRUE(host.machine.register_writes.empty());  // it is posted: 200 ns from the core
  host.go_on(Time::ps(190001));
  EXPECT_THAT(host.machine.register_writes, ElementsAre("24=1"));
  EXPECT_EQ(host.simulation.pool.live(), 0u);
}

TEST(CpuCore, MmioReadWaitsForItsCompletion) {
  Host host;
  std::uint64_t value = 1;
  EXPECT_EQ(host.run([&](CpuCore& c) { value = c.mmio_read(Hpa(kRegisters + 0x80), 8); }), Time::ps(200000));
  EXPECT_EQ(value, 0u);
}

TEST(CpuCore, MmioReadThatNobodyAnswersIsAllOnes) {
  Host host;
  std::uint64_t value = 0;
  host.run([&](CpuCore& c) { value = c.mmio_read(Hpa(0x40), 4); });
  EXPECT_EQ(value, 0xffffffffu);
}

TEST(CpuCore, PollLooksAgainAfterTheInterval) {
  Host host(2);
  std::uint32_t one = 1;
  // Visible at 100 + 50 = 150 ns. Looks end at 80, 80+47+80 = 207.
  host.core[1]->submit([&](CpuCore& c) { c.spend(Time::ns(100)), c.write(kBuffer, &one, 4); });
  bool found = false;
  EXPECT_EQ(host.run([&](CpuCore& c) { found = c.poll32(kBuffer, 1); }), Time::ps(207000));
  EXPECT_TRUE(found);
}

TEST(CpuCore, PollGivesUpAtTheEndOfTheFirstLookAfterItsTimeout) {
  Host host;
  bool found = true;
  EXPECT_EQ(host.run([&](CpuCore& c) { found = c.poll32(kBuffer, 1, Time::ps(207001)); }), Time::ps(334000));
  EXPECT_FALSE(found);
  EXPECT_EQ(host.run([&](CpuCore& c) { c.poll32(kBuffer, 1, Time::ps(207000)); }), Time::ps(207000));
}

TEST(CpuCore, TasksRunInTheOrderOfTheirSubmission) {
  Host host;
  std::vector<std::string> log;
  for (const char* name : {"a", "b"}) {
    host.core[0]->submit([&, name](CpuCore& c) {
      log.push_back(name + std::to_string(c.now().ps()));
      c.read64(kBuffer);
    });
  }
  host.run([&](CpuCore& c) { log.push_back("c" + std::to_string(c.now().ps())); });
  EXPECT_THAT(log, ElementsAre("a0", "b80000", "c160000"));
  EXPECT_EQ(host.core[0]->tasks_done(), 3u);
}

TEST(CpuCore, CostsAreSpentBeforeWhatTheyBelongTo) {
  CpuCoreConfig config;
  config.task_cost = Time::ns(3);
  config.access_cost = Time::ns(2);
  config.mmio_cost = Time::ns(7);
  Host host(1, config);
  EXPECT_EQ(host.run([](CpuCore& c) {
    c.read64(kBuffer);                       // 3 + 2 + 80
    c.mmio_read(Hpa(kRegisters + 0x80), 8);  // 7 + 200
  }),
            Time::ps(292000));
}

TEST(CpuCore, IsIdleWhileATaskWaitsForAnInterrupt) {
  CpuCoreConfig config;
  config.interrupt_cost = Time::ns(4);
  Host host(1, config);
  const iommu::InterruptMessage message = host.interrupts.connect(*host.core[0]);
  Time woken;
  host.core[0]->submit([&](CpuCore& c) {
    c.spend(Time::ns(20));
    c.wait_for_interrupt(InterruptRegion::vector(message));
    woken = c.now();
  });
  host.go_on(Time::ns(50));
  host.send_message(message.address, message.data);  // delivered after 5 ns
  host.go_on(Time::ns(50));
  EXPECT_EQ(woken, Time::ps(59000));
  EXPECT_DOUBLE_EQ(host.core[0]->utilisation(), 0.24);
}

TEST(CpuCore, InterruptThatNobodyWaitsForIsRemembered) {
  Host host;
  host.core[0]->raise(40);
  EXPECT_EQ(host.run([](CpuCore& c) { c.wait_for_interrupt(40); }), Time());
}

TEST(CpuCore, UserErrorOfATaskStopsTheRunAndComesOut) {
  Host host;
  host.core[0]->submit([](CpuCore& c) {
    c.spend(Time::ns(1));
    throw base::UserError("memory is full");
  });
  EXPECT_EQ(host.simulation.scheduler.run_until(Time::ms(1)), tlm::Scheduler::RunResult::stopped);
  EXPECT_EQ(host.now(), Time::ns(1));
  EXPECT_THROW(host.core[0]->rethrow_failure(), base::UserError);
}

class LockBetweenCores : public ::testing::TestWithParam<tlm::Scheduler::Kind> {};

TEST_P(LockBetweenCores, IsServedInOrderOfArrivalWithAHandOverThatGrowsWithTheSpinners) {
  Host host(3, {}, {}, GetParam());
  Lock lock({Time::ns(10), Time::ns(3)});
  std::vector<std::string> log;
  for (unsigned n : {2u, 0u, 1u}) {  // arrival at the same time: cores by number
    host.core[n]->submit([&, n](CpuCore& c) {
      Lock::Guard guard(lock, c);
      log.push_back(std::to_string(n) + "@" + std::to_string(c.now().ps()));
      c.spend(Time::ns(100));
      c.write64(kBuffer + 64 * n, 1);  // the release waits for it: 50 ns
    });
  }
  host.go_on(Time::us(1));
  // 150 + 10 + 3 x 1 spinner left; 150 + 10
  EXPECT_THAT(log, ElementsAre("0@0", "1@163000", "2@323000"));
  EXPECT_EQ(lock.contended(), 2u);
  EXPECT_DOUBLE_EQ(host.core[2]->utilisation(), 0.473);  // spinning occupies the core
}
INSTANTIATE_TEST_SUITE_P(Schedulers, LockBetweenCores,
                         ::testing::Values(tlm::Scheduler::Kind::wheel, tlm::Scheduler::Kind::stage_events));

TEST(InterruptRegion, DeliversToTheReceiverOfAddressAndDataAndCountsTheRest) {
  Host host(2);
  Time handled;
  const auto a = host.interrupts.connect(*host.core[0]);
  const auto b = host.interrupts.connect(*host.core[1], [&](Time t) { handled = t; });
  const auto c = host.interrupts.connect(*host.core[1]);
  EXPECT_EQ(a.address, 0xfee00000u);
  EXPECT_EQ(b.address, 0xfee01000u);
  EXPECT_EQ(b.data, 0x30u);
  EXPECT_EQ(c.data, 0x31u);
  host.send_message(b.address, b.data);
  host.go_on(Time::ns(5));
  EXPECT_EQ(host.interrupts.delivered(b), 0u);
  host.go_on(Time::ps(1));
  EXPECT_EQ(handled, Time::ps(5000));
  EXPECT_EQ(host.interrupts.last_delivery(b), Time::ps(5000));
  host.send_message(b.address, 0x99);
  host.send_message(b.address, b.data, 8);
  host.go_on(Time::ns(10));
  EXPECT_EQ(host.interrupts.delivered(), 1u);
  EXPECT_EQ(host.interrupts.delivered(b), 1u);
  EXPECT_EQ(host.interrupts.delivered(a), 0u);
  EXPECT_EQ(host.interrupts.spurious(), 1u);
  EXPECT_THAT(host.device.ok, ElementsAre(true, true, false));
  EXPECT_EQ(host.simulation.pool.live(), 0u);
}

TEST(InterruptRegion, RunsOutOfVectorsWithAnExplanation) {
  Host host;
  for (unsigned v = 0x30; v <= 0xeb; ++v) host.interrupts.connect(*host.core[0]);
  EXPECT_THROW(host.interrupts.connect(*host.core[0]), base::UserError);
}

}  // namespace
}  // namespace iommusim::host::test
