// What the CPU's own traffic to a device takes, from the core through root complex and link and back: hand-computed.
#include <gtest/gtest.h>

#include "models/base/bdf.h"
#include "models/host/cpu_core.h"
#include "models/pcie/device.h"
#include "models/pcie/ecam.h"
#include "models/pcie/link.h"
#include "models/pcie/root_complex.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"

namespace iommusim {
namespace {

using base::Hpa;
using base::Time;
using host::CpuCore;

constexpr Hpa bar(0x80000000), ecam(0xe0000000);
const base::Bdf bdf = base::make_bdf(2, 0, 0);

pcie::LinkConfig nanosecond_per_byte() {
  pcie::LinkConfig c;
  c.generation = 1;
  c.width = 4;
  c.ack_interval = c.fc_interval = c.skip_interval = base::Bytes(0);
  c.propagation = Time::ns(5);
  return c;
}

pcie::RootComplexConfig root_complex() {
  pcie::RootComplexConfig c;
  c.mmio_request_latency = Time::ns(50);
  c.mmio_completion_latency = Time::ns(60);
  return c;
}

struct Machine {
  Machine()
      : core("core", sim.context, {}),
        rc("rc", sim.context, root_complex(), 1),
        device("device", sim.context, {}, pcie::DeviceConfig{}, bdf),
        link("link", sim.context, nanosecond_per_byte(), rc.root_port(0), device.link_port),
        memory("memory", sim.context, Time::ns(100)),
        registers("registers", sim.context, Time::ns(10)) {
    core.port.bind(rc.from_cpu);
    rc.to_host(0).bind(memory.port());
    rc.set_buses(2, 2, 0);
    rc.set_ecam(ecam, 256 * pcie::kEcamBusBytes);
    rc.add_window(bar, 0x10000, 0);
    device.add_window(bar, 0x10000);
    device.to_function().bind(registers.port());
  }
  void run(const CpuCore::Task& task) {
    core.submit(task);
    sim.scheduler.run_until(Time::ms(200));
    EXPECT_TRUE(core.idle());
    EXPECT_EQ("", sim.pool.leak_report());
  }
  tlm::Simulation sim;
  CpuCore core;
  pcie::RootComplex rc;
  pcie::Device device;
  pcie::Link link;
  test::FixedMemory memory, registers;
};

TEST(CpuToDevice, AnMmioReadIsARoundTrip) {
  Machine m;
  m.run([](CpuCore& c) {
    c.mmio_read(bar, 4);
    // MRd 12 + 8, CplD 12 + 8 + 4, each with 5 ns of wire; the register takes 10.
    EXPECT_EQ(Time::ns(50 + 20 + 5 + 10 + 24 + 5 + 60), c.now());
  });
}

TEST(CpuToDevice, AReadOfALineCostsItsBytesOnTheWayBack) {
  Machine m;
  m.run([](CpuCore& c) {
    std::array<unsigned char, 64> data{};
    c.mmio_read(bar, data.data(), 64);
    EXPECT_EQ(Time::ns(50 + 20 + 5 + 10 + 84 + 5 + 60), c.now());
  });
}

TEST(CpuToDevice, ADoorbellIsThereAfterOneWay) {
  Machine m;
  m.run([](CpuCore& c) {
    c.mmio_write(bar, 1, 4);
    EXPECT_EQ(Time(), c.now()) << "posted";
  });
  EXPECT_EQ(Time::ns(50 + 24 + 5), m.registers.accesses[0].at);
}

TEST(CpuToDevice, AReadPushesTheWritesBeforeIt) {
  Machine m;
  m.run([](CpuCore& c) {
    for (unsigned i = 0; i < 3; ++i) c.mmio_write(bar + 8 * i, i, 8);
    c.mmio_read(bar, 4);
    // Three writes of 12 + 8 + 8 bytes are on the wire first.
    EXPECT_EQ(Time::ns(50 + 3 * 28 + 20 + 5 + 10 + 24 + 5 + 60), c.now());
  });
  EXPECT_FALSE(m.registers.accesses.back().write);
}

TEST(CpuToDevice, CombiningALineSavesSevenHeaders) {
  const std::array<unsigned char, 64> data{};
  Machine m;
  m.run([&](CpuCore& c) {
    for (unsigned i = 0; i < 64; i += 8) c.wc_write(bar + i, data.data() + i, 8);
    for (unsigned i = 0; i < 64; i += 8) c.mmio_write(bar + 0x1000 + i, 0, 8);
  });
  ASSERT_EQ(9u, m.registers.accesses.size());
  EXPECT_EQ(Time::ns(50 + 84 + 5), m.registers.accesses[0].at);
  EXPECT_EQ(64u, m.registers.accesses[0].bytes);
  EXPECT_EQ(Time::ns(50 + 84 + 8 * 28 + 5), m.registers.accesses[8].at);
}

TEST(CpuToDevice, ConfigurationAccessesAreRoundTripsBothWays) {
  Machine m;
  m.run([](CpuCore& c) {
    EXPECT_EQ(0x00011234u, c.config_read(pcie::ecam_address(ecam, bdf, 0), 4));
    const Time read = Time::ns(50 + 20 + 5 + 24 + 5 + 60);  // CfgRd 12 + 8, CplD 12 + 8 + 4
    EXPECT_EQ(read, c.now());
    EXPECT_TRUE(c.config_write(pcie::ecam_address(ecam, bdf, pcie::cfg::command), 6, 2));
    EXPECT_EQ(read + Time::ns(50 + 24 + 5 + 20 + 5 + 60), c.now());  // CfgWr 12 + 8 + 4, Cpl 12 + 8
  });
}

TEST(CpuToDevice, AnAbsentFunctionReadsAsAllOnes) {
  Machine m;
  m.run([](CpuCore& c) {
    EXPECT_EQ(0xffffffffu, c.config_read(pcie::ecam_address(ecam, base::make_bdf(2, 0, 1), 0), 4));
    EXPECT_EQ(Time::ns(50 + 20 + 5 + 20 + 5 + 60), c.now()) << "the device says unsupported";
    EXPECT_EQ(0xffffu, c.config_read(pcie::ecam_address(ecam, base::make_bdf(9, 0, 0), 0), 2));
    EXPECT_EQ(Time::ns(160 + 50 + 60), c.now()) << "no bus 9: the root complex says so";
  });
}

TEST(CpuToDevice, SoftwareResetsAFunctionAndWaitsForItAsLinuxDoes) {
  Machine m;
  m.run([](CpuCore& c) {
    using namespace pcie::cfg;
    const auto reg = [](std::uint16_t offset) { return pcie::ecam_address(ecam, bdf, offset); };
    const std::uint32_t control = c.config_read(reg(device_control), 2);
    EXPECT_TRUE(c.config_write(reg(device_control), control | initiate_flr, 2));
    const Time start = c.now();
    EXPECT_EQ(0xffffffffu, c.config_read(reg(command), 4));
    while (c.config_read(reg(command), 4) == 0xffffffff) c.spend(Time::ms(1));
    EXPECT_GT(c.now() - start, Time::ms(99));
    EXPECT_LT(c.now() - start, Time::ms(102));
    EXPECT_EQ(0u, c.config_read(reg(command), 2));
    EXPECT_EQ(0xffffffffu, c.mmio_read(bar, 4)) << "its registers do not answer until software restores them";
    c.config_write(reg(bar0), static_cast<std::uint32_t>(bar.value()), 4);
    c.config_write(reg(command), memory_space_enable | bus_master_enable, 2);
    EXPECT_EQ(0u, c.mmio_read(bar, 4));
  });
}

}  // namespace
}  // namespace iommusim
