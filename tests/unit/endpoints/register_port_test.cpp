#include "models/endpoints/register_port.h"

#include <gtest/gtest.h>

#include <vector>

#include "models/tlm/module.h"
#include "models/tlm/simulation.h"
#include "tests/support/requester.h"

namespace iommusim::ep {
namespace {

using base::Time;

class Device : public tlm::Module, private RegisterPort::Device {
 public:
  struct Write {
    std::uint64_t offset, value;
    unsigned bytes;
    Time at;
  };
  Device(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context), registers("bar", context, *this, Time::ns(40)) {
    registers.place(base::Hpa(0xf0000000), 0x1000);
  }
  RegisterPort registers;
  std::vector<Write> writes;
  std::uint64_t value = 0x1122334455667788;

 private:
  void write_register(std::uint64_t offset, std::uint64_t v, unsigned bytes) override {
    writes.push_back({offset, v, bytes, now()});
  }
  std::uint64_t read_register(std::uint64_t, unsigned) override { return value; }
};

struct Bench {
  Bench() { cpu.port.bind(device.registers.port); }
  void run() { sim.scheduler.run_until(Time::ms(1)); }
  tlm::Simulation sim;
  Device device{"device", sim.context};
  test::Requester cpu{"cpu", sim.context};
};

TEST(RegisterPort, ADoorbellReachesTheDeviceOnArrival) {
  Bench b;
  b.cpu.write(Time::ns(10), 0xf0000008, base::SourceId(0), 4, 0xabcd1234);
  b.run();
  ASSERT_EQ(1u, b.device.writes.size());
  EXPECT_EQ(8u, b.device.writes[0].offset);
  EXPECT_EQ(0xabcd1234u, b.device.writes[0].value);
  EXPECT_EQ(4u, b.device.writes[0].bytes);
  EXPECT_EQ(Time::ns(10), b.device.writes[0].at);
  EXPECT_TRUE(b.cpu.sent[0].ok);
}

TEST(RegisterPort, AReadIsAnsweredAfterItsLatency) {
  Bench b;
  b.cpu.read(Time::ns(10), 0xf0000ff8, base::SourceId(0), 8);
  b.run();
  EXPECT_EQ(0x1122334455667788u, b.cpu.sent[0].value);
  EXPECT_EQ(Time::ns(50), b.cpu.sent[0].answered_at);
}

TEST(RegisterPort, AccessesOutsideOrAskewAreUnsupported) {
  Bench b;
  b.cpu.read(Time::ns(1), 0xf0001000, base::SourceId(0), 8);    // beyond the end
  b.cpu.read(Time::ns(2), 0xeffffff8, base::SourceId(0), 8);    // before the start
  b.cpu.read(Time::ns(3), 0xf0000004, base::SourceId(0), 8);    // not aligned
  b.cpu.write(Time::ns(4), 0xf0000000, base::SourceId(0), 16);  // no register is so wide
  b.run();
  for (const auto& access : b.cpu.sent) {
    EXPECT_TRUE(access.answered);
    EXPECT_FALSE(access.ok);
    EXPECT_EQ(tlm::CompletionStatus::unsupported_request, access.fields.status);
  }
  EXPECT_EQ(~std::uint64_t{0}, b.cpu.sent[0].value);
  EXPECT_TRUE(b.device.writes.empty());
}

}  // namespace
}  // namespace iommusim::ep
