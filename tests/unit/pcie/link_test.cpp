#include "models/pcie/link.h"

#include <gtest/gtest.h>

#include "models/pcie/device.h"
#include "models/pcie/root_complex.h"
#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/requester.h"

namespace iommusim::pcie {
namespace {

using base::Time;
using test::FixedMemory;
using test::Requester;

// 1 ns per byte, no data-link share: Gen1 has 4 ns per byte and lane.
LinkConfig nanosecond_per_byte() {
  LinkConfig c;
  c.generation = 1;
  c.width = 4;
  c.ack_interval = c.fc_interval = c.skip_interval = base::Bytes(0);
  c.propagation = Time::ns(5);
  return c;
}

constexpr std::uint64_t high = std::uint64_t{1} << 32;  // 24-byte request headers

struct Bench {
  explicit Bench(const LinkConfig& config, const RootComplexConfig& rc_config = {})
      : rc("rc", sim.context, rc_config, 1),
        board("board", sim.context, {}),
        link("link", sim.context, config, rc.root_port(0), board.link_port),
        memory("memory", sim.context, Time::ns(100)),
        device("device", sim.context, Time::ns(10)) {
    endpoint.port.bind(up_probe.from_initiator);
    up_probe.to_target.bind(board.from_function());
    rc.to_host(0).bind(memory.port());
    cpu.port.bind(down_probe.from_initiator);
    down_probe.to_target.bind(rc.from_cpu);
    rc.add_window(base::Hpa(0), 0x10000, 0);
    board.add_window(base::Hpa(0), 0x10000);
    board.to_function().bind(device.port());
  }
  ~Bench() {
    EXPECT_TRUE(up_probe.violations().empty());
    EXPECT_TRUE(down_probe.violations().empty());
    EXPECT_EQ("", sim.pool.leak_report());
  }
  void run() { sim.scheduler.run_until(Time::ms(1)); }

  tlm::Simulation sim;
  RootComplex rc;
  Device board;
  Link link;
  FixedMemory memory, device;
  Requester endpoint{"endpoint", sim.context}, cpu{"cpu", sim.context};
  tlm::ProtocolChecker up_probe{"up_probe"}, down_probe{"down_probe"};
};

TEST(Link, ARequestArrivesAfterItsLastByteAndThePropagation) {
  Bench b(nanosecond_per_byte());
  b.endpoint.read(Time::ns(1), high);
  b.run();
  ASSERT_EQ(1u, b.memory.accesses.size());
  EXPECT_EQ(Time::ns(1 + 24 + 5), b.memory.accesses[0].at);
  // Back: 100 ns of memory, one completion of 20 + 64 bytes, propagation.
  EXPECT_EQ(Time::ns(30 + 100 + 84 + 5), b.endpoint.sent[0].answered_at);
}

TEST(Link, StampsWhenTheFirstByteLeavesEachWay) {
  Bench b(nanosecond_per_byte());
  b.endpoint.write(Time::ns(0), high);  // 88 bytes keep the link busy until 88 ns
  b.endpoint.read(Time::ns(1), high);
  b.run();
  const auto& stamp = b.endpoint.sent[1].fields.stamp;
  EXPECT_EQ(Time::ns(88), stamp[tlm::DmaFields::link_up_start]);
  EXPECT_EQ(Time::ns(88 + 24 + 5 + 100), stamp[tlm::DmaFields::link_down_start]);
}

TEST(Link, WritesCarryTheirPayloadAndTheirResponseCostsNothing) {
  Bench b(nanosecond_per_byte());
  b.endpoint.write(Time::ns(0), high, base::SourceId(8), 256);
  b.run();
  EXPECT_EQ(Time::ns(24 + 256 + 5), b.memory.accesses[0].at);
  EXPECT_EQ(Time::ns(285 + 100), b.endpoint.sent[0].answered_at);
  EXPECT_EQ(0u, b.link.down_stats().wire_bytes.value());
}

TEST(Link, CompletionsAndCpuRequestsShareTheDirectionTheyGo) {
  Bench b(nanosecond_per_byte());
  b.endpoint.read(Time::ns(0), high);                           // completion ready at 24 + 5 + 100 = 129
  b.cpu.write(Time::ns(128), 0x1000, base::SourceId(0), 4, 1);  // 20 + 4 bytes from 128 to 152
  b.run();
  EXPECT_EQ(Time::ns(128 + 24 + 5), b.device.accesses[0].at);
  EXPECT_EQ(Time::ns(152 + 84 + 5), b.endpoint.sent[0].answered_at);
}

TEST(Link, CompletionsOfRegisterReadsShareTheUpwardDirectionWithDma) {
  Bench b(nanosecond_per_byte());
  b.cpu.read(Time::ns(0), 0x1000, base::SourceId(0), 4);  // at the device at 20 + 5, ready at 35
  b.endpoint.write(Time::ns(34), high);                   // 88 bytes from 34 to 122
  b.run();
  EXPECT_EQ(Time::ns(122 + 24 + 5), b.cpu.sent[0].answered_at);
}

TEST(Link, TheTwoDirectionsDoNotWaitForEachOther) {
  Bench b(nanosecond_per_byte());
  b.endpoint.write(Time::ns(0), high, base::SourceId(8), 256);
  b.cpu.write(Time::ns(0), 0x1000, base::SourceId(0), 4, 1);
  b.run();
  EXPECT_EQ(Time::ns(285), b.memory.accesses[0].at);
  EXPECT_EQ(Time::ns(29), b.device.accesses[0].at);
}

TEST(Link, AnUnalignedReadPaysForItsExtraCompletion) {
  Bench b(nanosecond_per_byte());
  b.endpoint.read(Time::ns(0), high + 62);
  b.run();
  // 24 + 5 up, 100 memory, 2 x 20 + 4 + 64 bytes down (tlp_test), 5.
  EXPECT_EQ(Time::ns(29 + 100 + 108 + 5), b.endpoint.sent[0].answered_at);
  EXPECT_EQ(2u, b.link.down_stats().completions.value());
}

TEST(Link, AFailedReadComesBackAsACompletionWithoutData) {
  Bench b(nanosecond_per_byte());
  b.memory.limit = high;
  b.endpoint.read(Time::ns(0), high);
  b.run();
  EXPECT_EQ(Time::ns(29 + 100 + 20 + 5), b.endpoint.sent[0].answered_at);
  EXPECT_EQ(0u, b.link.down_stats().payload_bytes.value());
}

TEST(Link, CountsTlpsAndBytesAtBothEnds) {
  Bench b(nanosecond_per_byte());
  b.endpoint.read(Time::ns(0), high, base::SourceId(8), 512);
  b.endpoint.write(Time::ns(0), high, base::SourceId(8), 100);
  b.run();
  EXPECT_EQ(2u, b.link.up_stats().requests.value());
  EXPECT_EQ(100u, b.link.up_stats().payload_bytes.value());
  EXPECT_EQ(24u + 124u, b.link.up_stats().wire_bytes.value());
  EXPECT_EQ(2u, b.link.down_stats().completions.value());
  EXPECT_EQ(512u, b.link.down_stats().payload_bytes.value());
  EXPECT_EQ(552u, b.link.down_stats().wire_bytes.value());
}

TEST(Link, DebugAccessReachesTheFarEnd) {
  Bench b(nanosecond_per_byte());
  b.memory.set_word(0x1000, 42);
  tlm::Payload& p = b.sim.pool.acquire();
  unsigned char* data = b.sim.pool.use_buffer(p, 8);
  p.set_command(::tlm::TLM_READ_COMMAND);
  p.set_address(0x1000);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  EXPECT_EQ(8u, b.endpoint.port.debug(p));
  EXPECT_EQ(42, data[0]);
  p.release();
}

TEST(Link, APostedWriteWaitsForCreditsAndNothingPassesIt) {
  RootComplexConfig rc;
  rc.buffer.posted.headers = 2;
  LinkConfig c = nanosecond_per_byte();
  c.credit_latency = Time::ns(40);
  Bench b(c, rc);
  for (unsigned i = 0; i < 3; ++i) b.endpoint.write(Time::ns(i), high + 64 * i);
  b.endpoint.read(Time::ns(3), high);
  b.run();
  // The first is visible at 88 + 5 + 100; the sender knows 40 + 5 later, and the third takes 88 + 5 from there.
  ASSERT_EQ(4u, b.memory.accesses.size());
  EXPECT_EQ(Time::ns(193 + 45 + 88 + 5), b.memory.accesses[2].at);
  EXPECT_EQ(Time::ns(193 + 45 + 88 + 24 + 5), b.memory.accesses[3].at);
  EXPECT_FALSE(b.memory.accesses[3].write) << "a read never passes a posted write";
  EXPECT_EQ(1u, b.link.up_stats().credit_stalls[0].value());
  EXPECT_EQ(Time::ns(193 + 45 - 176).ps(), b.link.up_stats().credit_wait.max());
}

TEST(Link, DataCreditsLimitToo) {
  RootComplexConfig rc;
  rc.buffer.posted.data = base::Bytes(256);
  Bench b(nanosecond_per_byte(), rc);
  b.endpoint.write(Time::ns(0), high, base::SourceId(8), 192);
  b.endpoint.write(Time::ns(1), high + 0x1000, base::SourceId(8), 128);
  b.run();
  const Time visible = Time::ns(24 + 192 + 5 + 100);
  EXPECT_EQ(visible + Time::ns(40 + 5 + 24 + 128 + 5), b.memory.accesses[1].at);
}

}  // namespace
}  // namespace iommusim::pcie
