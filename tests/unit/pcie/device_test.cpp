#include "models/pcie/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/bdf.h"
#include "models/pcie/messages.h"
#include "tests/unit/pcie/device_bench.h"

namespace iommusim::pcie {
namespace {

using base::Time;
using ::testing::ElementsAre;
using tlm::CompletionStatus;

DeviceConfig functions(unsigned n, unsigned vfs = 0) {
  DeviceConfig c;
  c.functions.assign(n, FunctionConfig{});
  c.functions[0].sriov.vfs = vfs;
  return c;
}

std::vector<unsigned> order_at_memory(const DeviceBench& b) {
  std::vector<unsigned> who;
  for (const auto& a : b.memory.accesses) who.push_back(static_cast<unsigned>(a.address >> 20 & 0xff));
  return who;
}

void each_writes(DeviceBench& b, unsigned times) {
  for (unsigned f = 0; f < b.device.functions(); ++f) {
    for (unsigned i = 0; i < times; ++i) b.functions[f]->write(Time::ns(0), high + (f << 20) + 64 * i);
  }
}

TEST(Device, FunctionsTakeTurnsOnTheLink) {
  DeviceBench b(functions(3));
  each_writes(b, 3);
  b.run();
  EXPECT_THAT(order_at_memory(b), ElementsAre(0, 0, 1, 2, 0, 1, 2, 1, 2)) << "the first found the link idle";
  EXPECT_EQ(Time::ns(9 * 88), b.memory.accesses.back().at);
}

TEST(Device, AFunctionOfDoubleWeightHasDoubleTheTurns) {
  DeviceConfig c = functions(2);
  c.functions[1].weight = 2;
  DeviceBench b(c);
  each_writes(b, 8);
  b.run();
  const auto order = order_at_memory(b);
  // The first TLP found the link idle; of the next nine, six are the second function's.
  EXPECT_EQ(6, std::count(order.begin() + 1, order.begin() + 10, 1u));
}

TEST(Device, VirtualFunctionsTakeTurnsToo) {
  DeviceBench b(functions(1, 2));
  each_writes(b, 2);
  b.run();
  EXPECT_THAT(order_at_memory(b), ElementsAre(0, 0, 1, 2, 1, 2)) << "the first found the link idle";
}

TEST(Device, AnswersAConfigurationReadInTheTimeOfItsTwoPackets) {
  DeviceConfig c = functions(2);
  c.functions[1].device_id = 0x4711;
  DeviceBench b(c);
  b.cpu.read(Time::ns(0), b.config_at(1, cfg::vendor_id), base::SourceId(0), 4);
  b.run();
  EXPECT_EQ(0x47111234u, b.cpu.sent[0].value);
  EXPECT_EQ(Time::ns(20 + 24), b.cpu.sent[0].answered_at);  // CfgRd: 12 + 8; CplD: 12 + 4 + 8
  EXPECT_EQ(1u, b.device.function_stats(1).config_reads.value());
}

TEST(Device, TakesItsTimeForConfigurationRequests) {
  DeviceConfig c = functions(1);
  c.config_latency = Time::ps(123456);
  DeviceBench b(c);
  b.cpu.write(Time::ns(0), b.config_at(0, cfg::command), base::SourceId(0), 2, 0);
  b.run();
  EXPECT_EQ(Time::ps(24000 + 123456 + 20000), b.cpu.sent[0].answered_at) << "CfgWr with a doubleword; Cpl without data";
  EXPECT_FALSE(b.device.config_space(0).bus_master_enabled());
}

TEST(Device, AnAbsentFunctionIsUnsupportedAndReadsAsAllOnes) {
  DeviceBench b;
  b.cpu.read(Time::ns(0), ecam_address(ecam, base::make_bdf(1, 0, 3), 0).value(), base::SourceId(0), 4);
  b.run();
  EXPECT_FALSE(b.cpu.sent[0].ok);
  EXPECT_EQ(CompletionStatus::unsupported_request, b.cpu.sent[0].fields.status);
  EXPECT_EQ(0xffffffffu, b.cpu.sent[0].value);
  EXPECT_EQ(Time::ns(20 + 20), b.cpu.sent[0].answered_at);
}

TEST(Device, AConfigurationAccessAcrossDoublewordsNeverLeavesTheRootComplex) {
  DeviceBench b;
  b.cpu.read(Time::ns(0), b.config_at(0, 0), base::SourceId(0), 8);
  b.cpu.read(Time::ns(0), b.config_at(0, 2), base::SourceId(0), 4);
  b.run();
  EXPECT_FALSE(b.cpu.sent[0].ok);
  EXPECT_FALSE(b.cpu.sent[1].ok);
  EXPECT_EQ(0u, b.link.down_stats().requests.value());
}

TEST(Device, WithoutMemorySpaceEnableItsRegistersAreUnsupported) {
  DeviceBench b(functions(2));
  b.device.write_config(0, cfg::command, 2, cfg::bus_master_enable);
  for (unsigned i = 0; i < 2; ++i) b.cpu.read(Time::ns(0), b.bar(i).value(), base::SourceId(0), 4);
  b.run();
  EXPECT_EQ(CompletionStatus::unsupported_request, b.cpu.sent[0].fields.status);
  EXPECT_EQ(0xffffffffu, b.cpu.sent[0].value);
  EXPECT_TRUE(b.cpu.sent[1].ok) << "the other function's";
}

TEST(Device, AWindowAnswersWhileItsBaseAddressRegisterHoldsTheAddress) {
  DeviceBench b;
  b.device.write_config(0, cfg::bar0, 4, 0xf0000000);
  b.cpu.read(Time::ns(0), b.bar(0).value(), base::SourceId(0), 4);
  b.run(Time::us(1));
  EXPECT_FALSE(b.cpu.sent[0].ok);
  b.device.write_config(0, cfg::bar0, 4, static_cast<std::uint32_t>(b.bar(0).value()));
  b.cpu.read(Time::us(1), b.bar(0).value(), base::SourceId(0), 4);
  b.run();
  EXPECT_TRUE(b.cpu.sent[1].ok);
}

TEST(Device, WithoutBusMasterEnableMemoryRequestsWaitUntilItIsSet) {
  DeviceBench b(functions(2));
  b.device.write_config(0, cfg::command, 2, cfg::memory_space_enable);
  b.functions[0]->write(Time::ns(0), high);
  b.functions[0]->read(Time::ns(1), high);
  b.functions[1]->write(Time::ns(2), high + (1 << 20));
  b.cpu.write(Time::ns(1000), b.config_at(0, cfg::command), base::SourceId(0), 2,
              cfg::memory_space_enable | cfg::bus_master_enable);
  b.run();
  EXPECT_EQ(2u, b.device.function_stats(0).held.value());
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(high + (1 << 20), b.memory.accesses[0].address) << "the other function's is not held";
  // The configuration write is there at 1024 ns; its completion is behind what had been held.
  EXPECT_EQ(Time::ns(1024 + 88), b.memory.accesses[1].at);
  EXPECT_EQ(Time::ns(1024 + 88 + 24), b.memory.accesses[2].at);
}

TEST(Device, AFunctionInResetIsAbsentUntilTheResetIsOver) {
  DeviceConfig c = functions(2);
  c.reset_time = Time::us(10);
  DeviceBench b(c);
  b.cpu.write(Time::ns(0), b.config_at(0, cfg::device_control), base::SourceId(0), 2, cfg::initiate_flr);  // at 24 ns
  const Time over = Time::ns(24) + Time::us(10);
  b.cpu.read(over - Time::ns(20) - Time::ps(1), b.config_at(0, cfg::command), base::SourceId(0), 4);
  b.cpu.read(over - Time::ns(20), b.config_at(1, cfg::command), base::SourceId(0), 2);
  b.cpu.read(over + Time::ns(100), b.config_at(0, cfg::command), base::SourceId(0), 2);
  b.run();
  EXPECT_TRUE(b.cpu.sent[0].ok);
  EXPECT_EQ(0xffffffffu, b.cpu.sent[1].value) << "one picosecond too early";
  EXPECT_TRUE(b.cpu.sent[2].ok) << "the other function goes on";
  EXPECT_TRUE(b.cpu.sent[3].ok);
  EXPECT_EQ(0u, b.cpu.sent[3].value) << "bus mastering and memory space are off";
  EXPECT_EQ(1u, b.device.function_stats(0).resets.value());
}

TEST(Device, AFunctionIsThereAtTheVeryEndOfItsReset) {
  DeviceConfig c = functions(1);
  c.reset_time = Time::us(10);
  DeviceBench b(c);
  b.cpu.write(Time::ns(0), b.config_at(0, cfg::device_control), base::SourceId(0), 2, cfg::initiate_flr);
  b.cpu.read(Time::ns(24) + Time::us(10) - Time::ns(20) + Time::ps(1), b.config_at(0, cfg::vendor_id),
             base::SourceId(0), 4);
  b.run();
  EXPECT_EQ(0x00011234u, b.cpu.sent[1].value);
}

TEST(Device, AResetDiscardsWhatWaitedForBusMasterEnable) {
  DeviceConfig c = functions(1);
  DeviceBench b(c);
  b.device.write_config(0, cfg::command, 2, 0);
  b.functions[0]->read(Time::ns(1), high);
  b.run(Time::ns(10));
  b.device.reset_function(0);
  b.run();
  EXPECT_EQ(CompletionStatus::function_reset, b.functions[0]->sent[0].fields.status);
  EXPECT_EQ(1u, b.device.function_stats(0).dropped.value());
  EXPECT_TRUE(b.memory.accesses.empty());
}

TEST(Device, VirtualFunctionsGoWithVfEnable) {
  DeviceBench b(functions(1, 2));
  EXPECT_TRUE(b.device.present(1) && b.device.present(2));
  EXPECT_TRUE(b.device.controls(1).bus_master);
  b.device.write_config(0, cfg::sriov_control, 2, 0);
  EXPECT_FALSE(b.device.present(1) || b.device.present(2));
  b.device.write_config(0, cfg::sriov_num_vfs, 2, 1);
  b.device.write_config(0, cfg::sriov_control, 2, cfg::vf_enable | cfg::vf_memory_space_enable);
  EXPECT_TRUE(b.device.present(1));
  EXPECT_FALSE(b.device.present(2));
  EXPECT_FALSE(b.device.controls(1).bus_master) << "it comes back as after reset";
  b.cpu.read(Time::ns(0), b.config_at(1, cfg::command), base::SourceId(0), 2);
  b.cpu.read(Time::ns(0), b.config_at(2, cfg::command), base::SourceId(0), 2);
  b.cpu.read(Time::ns(0), b.bar(1).value(), base::SourceId(0), 4);
  b.cpu.read(Time::ns(0), b.bar(2).value(), base::SourceId(0), 4);
  b.run();
  EXPECT_TRUE(b.cpu.sent[0].ok);
  EXPECT_FALSE(b.cpu.sent[1].ok);
  EXPECT_TRUE(b.cpu.sent[2].ok);
  EXPECT_FALSE(b.cpu.sent[3].ok);
}

TEST(Device, AResetOfThePhysicalFunctionEndsItsVirtualOnes) {
  DeviceBench b(functions(2, 1));  // functions 0 and 1, and 2, the first's virtual one
  b.device.reset_function(0);
  EXPECT_FALSE(b.device.present(0) || b.device.present(2));
  EXPECT_TRUE(b.device.present(1));
  b.run();
  EXPECT_TRUE(b.device.present(0));
  EXPECT_FALSE(b.device.present(2)) << "VF Enable is off";
}

TEST(Device, AResetOfAVirtualFunctionIsItsOwn) {
  DeviceBench b(functions(1, 2));
  b.device.write_config(1, cfg::device_control, 2, cfg::initiate_flr);
  EXPECT_FALSE(b.device.present(1));
  EXPECT_TRUE(b.device.present(0) && b.device.present(2));
  b.run();
  EXPECT_TRUE(b.device.present(1));
}

TEST(Device, AVirtualFunctionObeysThePhysicalOnesSizes) {
  DeviceBench b(functions(1, 1));
  b.device.write_config(0, cfg::device_control, 2, 3u << 12 | 1u << 5);  // MRRS 1024, MPS 256, nothing else
  const RequesterControls c = b.device.controls(1);
  EXPECT_EQ(base::Bytes(1024), c.mrrs);
  EXPECT_EQ(base::Bytes(256), c.mps);
  EXPECT_FALSE(c.relaxed_ordering);
}

TEST(Device, AFunctionWithoutRegistersOrEngineIsUnsupported) {
  tlm::Simulation sim;
  RootComplex rc("rc", sim.context, {}, 1);
  Device device("device", sim.context, {}, functions(1, 2), bdf);
  Link link("link", sim.context, nanosecond_per_byte(), rc.root_port(0), device.link_port);
  test::FixedMemory memory("memory", sim.context, Time::ns(100));
  test::Requester cpu("cpu", sim.context);
  rc.to_host(0).bind(memory.port());
  cpu.port.bind(rc.from_cpu);
  rc.add_window(bars, 0x10000, 0);
  device.add_window(bars, 0x10000, 1);
  cpu.read(Time::ns(0), bars.value(), base::SourceId(0), 4);
  sim.scheduler.run_until(Time::us(1));
  EXPECT_EQ(CompletionStatus::unsupported_request, cpu.sent[0].fields.status);
}

struct Told final : FunctionListener {
  std::vector<std::string> list;
  void controls_changed(const RequesterControls& c) override { list.push_back(c.bus_master ? "master" : "no master"); }
  void function_reset() override { list.push_back("reset"); }
};

TEST(Device, TellsWhoListens) {
  DeviceConfig c = functions(1, 1);
  c.reset_time = Time::us(1);
  DeviceBench b(c);
  Told pf, vf;
  b.device.attach(0, pf);
  b.device.attach(1, vf);
  b.device.reset_function(0);
  b.run();
  EXPECT_THAT(pf.list, ElementsAre("master", "reset", "no master", "no master"));
  EXPECT_THAT(vf.list, ElementsAre("master", "reset", "no master"));
}

struct Sink final : MessageSink {
  std::vector<MessageTlp> list;
  void message(const tlm::Payload& payload) override { list.push_back(message_of(payload)); }
};

TEST(Device, DeliversMessagesToTheFunctionTheyAreFor) {
  DeviceBench b(functions(1, 2));
  Sink sink;
  b.device.set_message_sink(2, sink);
  for (const unsigned f : {2u, 1u}) {
    MessageTlp m = message_of(InvalidateRequest{0x12340000, 16, false, 7}, b.device.routing_id(f));
    m.has_pasid = true;
    m.prefix.pasid = base::Pasid(0x54321);
    fill(b.sim.pool, b.unit.make(Time::ns(0)), m, base::SourceId(0));
  }
  b.run();
  ASSERT_EQ(1u, sink.list.size());
  const MessageTlp& m = sink.list[0];
  EXPECT_EQ(tlm::Message::invalidate_request, m.kind);
  EXPECT_EQ(base::Pasid(0x54321), m.prefix.pasid);
  const InvalidateRequest r = decode_invalidate_request(m.data, m.tag);
  EXPECT_EQ(0x12340000u, r.address);
  EXPECT_EQ(16, r.size_log2);
  EXPECT_EQ(7, r.itag);
  EXPECT_EQ(1u, b.device.function_stats(2).messages.value());
  // Each of 16 + 8 + 4 + 8 bytes.
  EXPECT_THAT(b.unit.answered, ElementsAre(Time::ns(36), Time::ns(72)));
}

}  // namespace
}  // namespace iommusim::pcie
