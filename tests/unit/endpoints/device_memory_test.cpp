#include "models/endpoints/device_memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "models/endpoints/register_port.h"
#include "models/tlm/module.h"
#include "models/tlm/simulation.h"
#include "tests/support/requester.h"

namespace iommusim::ep {
namespace {

using base::Time;
constexpr std::uint64_t kRegisters = 0xf0000000, kMemory = 0x38'0000'0000;

class Board : public tlm::Module, private RegisterPort::Device {
 public:
  Board(::sc_core::sc_module_name name, tlm::Context& context, const DeviceMemoryConfig& memory)
      : Module(name, context), registers("bar", context, *this, Time::ns(40)) {
    registers.place(base::Hpa(kRegisters), 0x1000);
    registers.place_memory(base::Hpa(kMemory), memory);
  }
  RegisterPort registers;

 private:
  void write_register(std::uint64_t, std::uint64_t, unsigned) override {}
  std::uint64_t read_register(std::uint64_t, unsigned) override { return 7; }
};

DeviceMemoryConfig config() {
  DeviceMemoryConfig c;
  c.size = base::Bytes(65536);
  c.latency = Time::ns(100);
  c.bandwidth = base::Bandwidth::bits_per_second(64'000'000'000);  // 125 ps per byte
  return c;
}

struct Bench {
  Bench() { cpu.port.bind(board.registers.port); }
  ~Bench() { EXPECT_EQ("", sim.pool.leak_report()); }
  void run() { sim.scheduler.run_until(Time::ms(1)); }
  tlm::Simulation sim;
  Board board{"board", sim.context, config()};
  test::Requester cpu{"cpu", sim.context};
};

TEST(DeviceMemory, AnswersRequestsOfAnySize) {
  Bench b;
  b.cpu.write(Time::ns(0), kMemory + 0x1000, base::SourceId(0), 4096, 0x12345678);
  b.cpu.read(Time::ns(1), kMemory + 0x1000, base::SourceId(0), 17);
  b.run();
  EXPECT_EQ(Time::ps(4096 * 125) + Time::ns(100), b.cpu.sent[0].answered_at);
  EXPECT_EQ(Time::ps((4096 + 17) * 125) + Time::ns(100), b.cpu.sent[1].answered_at) << "behind the write at the port";
  EXPECT_EQ(0x12345678u, b.cpu.sent[1].value) << "and so it reads what that wrote";
}

TEST(DeviceMemory, AnIdlePortStartsAtOnce) {
  Bench b;
  b.cpu.read(Time::ns(0), kMemory, base::SourceId(0), 64);
  b.cpu.read(Time::ps(1000001), kMemory, base::SourceId(0), 64);
  b.run();
  EXPECT_EQ(Time::ns(108), b.cpu.sent[0].answered_at);
  EXPECT_EQ(Time::ps(1000001) + Time::ns(108), b.cpu.sent[1].answered_at);
}

TEST(DeviceMemory, EndsWhereItsSizeSays) {
  Bench b;
  b.cpu.read(Time::ns(0), kMemory + 65536 - 64, base::SourceId(0), 64);
  b.cpu.read(Time::ns(0), kMemory + 65536 - 32, base::SourceId(0), 64);
  b.run();
  EXPECT_TRUE(b.cpu.sent[0].ok);
  EXPECT_FALSE(b.cpu.sent[1].ok);
}

TEST(DeviceMemory, LeavesTheRegistersAsTheyAre) {
  Bench b;
  b.cpu.read(Time::ns(0), kRegisters, base::SourceId(0), 4);
  b.cpu.read(Time::ns(0), kRegisters, base::SourceId(0), 64);
  b.run();
  EXPECT_EQ(7u, b.cpu.sent[0].value);
  EXPECT_EQ(Time::ns(40), b.cpu.sent[0].answered_at);
  EXPECT_FALSE(b.cpu.sent[1].ok) << "registers are 1 to 8 bytes";
}

}  // namespace
}  // namespace iommusim::ep
