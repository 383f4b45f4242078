#include "models/pcie/root_complex.h"

#include <gtest/gtest.h>

#include <memory>

#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/requester.h"

namespace iommusim::pcie {
namespace {

using base::Time;
using test::FixedMemory;
using test::Requester;

// Devices on two root ports, a CPU, memory of 100 ns behind either port; checkers on the sockets of port 0.
struct Bench {
  explicit Bench(const RootComplexConfig& config)
      : rc("rc", sim.context, config, 2),
        memory("memory", sim.context, Time::ns(100), 2),
        registers("registers", sim.context, Time::ns(7), 2) {
    dev0.port.bind(link_probe.from_initiator);
    link_probe.to_target.bind(rc.root_port(0).rx);
    dev1.port.bind(rc.root_port(1).rx);
    rc.to_host(0).bind(host_probe.from_initiator);
    host_probe.to_target.bind(memory.port(0));
    rc.to_host(1).bind(memory.port(1));
    cpu.port.bind(rc.from_cpu);
    rc.root_port(0).tx.bind(registers.port(0));
    rc.root_port(1).tx.bind(registers.port(1));
    rc.add_window(base::Hpa(0xf0001000), 0x1000, 1);
    rc.add_window(base::Hpa(0xf0000000), 0x1000, 0);
  }
  ~Bench() {
    EXPECT_TRUE(link_probe.violations().empty());
    EXPECT_TRUE(host_probe.violations().empty());
    EXPECT_EQ("", sim.pool.leak_report());
  }
  void run(Time until = Time::ms(1)) { sim.scheduler.run_until(until); }

  tlm::Simulation sim;
  RootComplex rc;
  FixedMemory memory, registers;
  Requester dev0{"dev0", sim.context}, dev1{"dev1", sim.context}, cpu{"cpu", sim.context};
  tlm::ProtocolChecker link_probe{"link_probe"}, host_probe{"host_probe"};
};

RootComplexConfig latencies() {
  RootComplexConfig c;
  c.request_latency = Time::ns(50);
  c.completion_latency = Time::ns(30);
  c.mmio_request_latency = Time::ns(11);
  c.mmio_completion_latency = Time::ns(13);
  return c;
}

TEST(RootComplex, AReadTakesTheLatencyOfBothWaysAndMemory) {
  Bench b(latencies());
  b.dev0.read(Time::ns(10), 0x1000);
  b.run();
  ASSERT_EQ(1u, b.memory.accesses.size());
  EXPECT_EQ(Time::ns(60), b.memory.accesses[0].at);
  EXPECT_EQ(Time::ns(190), b.dev0.sent[0].answered_at);
}

TEST(RootComplex, RequestsLeaveByTheHostSocketOfTheirPort) {
  Bench b(latencies());
  b.dev0.read(Time::ns(1), 0x1000);
  b.dev1.read(Time::ns(1), 0x2000);
  b.run();
  EXPECT_EQ(1u, b.host_probe.requests());
  EXPECT_EQ(1u, b.rc.port_stats(0).reads.value());
  EXPECT_EQ(1u, b.rc.port_stats(1).reads.value());
  EXPECT_TRUE(b.dev0.sent[0].ok && b.dev1.sent[0].ok);
}

TEST(RootComplex, AWritesResponseIsBookkeepingAndTakesNoTimeBack) {
  Bench b(latencies());
  b.dev0.write(Time::ns(10), 0x1000);
  b.run();
  EXPECT_EQ(Time::ns(160), b.dev0.sent[0].answered_at);
}

TEST(RootComplex, AMemoryErrorBecomesACompletionStatus) {
  Bench b(latencies());
  b.memory.limit = 0x10000;
  b.dev0.read(Time::ns(1), 0x20000);
  b.run();
  EXPECT_EQ(tlm::CompletionStatus::unsupported_request, b.dev0.sent[0].fields.status);
  EXPECT_EQ(1u, b.rc.port_stats(0).errors.value());
}

TEST(RootComplex, CpuAccessesGoDownThePortWhoseWindowHoldsThem) {
  Bench b(latencies());
  b.registers.set_word(0xf0001008, 0x1122334455667788);
  b.cpu.read(Time::ns(5), 0xf0001008, base::SourceId(0), 8);
  b.run();
  EXPECT_EQ(Time::ns(5 + 11 + 7 + 13), b.cpu.sent[0].answered_at);
  EXPECT_EQ(0x1122334455667788u, b.cpu.sent[0].value);
}

TEST(RootComplex, AnAddressOfNobodyReadsAllOnes) {
  Bench b(latencies());
  b.cpu.read(Time::ns(5), 0xf0002000, base::SourceId(0), 8);
  b.cpu.read(Time::ns(5), 0xf0000000, base::SourceId(0), 8);  // a valid one right behind it
  b.cpu.write(Time::ns(6), 0xefffffff, base::SourceId(0), 1, 1);
  b.run();
  EXPECT_EQ(~std::uint64_t{0}, b.cpu.sent[0].value);
  EXPECT_FALSE(b.cpu.sent[0].ok);
  EXPECT_EQ(Time::ns(5 + 11 + 13), b.cpu.sent[0].answered_at);
  EXPECT_TRUE(b.cpu.sent[1].ok);
  EXPECT_TRUE(b.cpu.sent[2].answered);
}

using RootComplexDeathTest = ::testing::Test;
TEST(RootComplexDeathTest, OverlappingWindowsAreAnErrorOfOurs) {
  Bench b(latencies());
  EXPECT_DEATH(b.rc.add_window(base::Hpa(0xf0001800), 0x1000, 0), "rc.*overlaps");
}

}  // namespace
}  // namespace iommusim::pcie
