// A foreign TLM-2.0 model in the place of our DRAM: any legal style of the base protocol, the same picoseconds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/memory/memory_system.h"
#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "tests/support/foreign_models.h"
#include "tests/support/own_models.h"

namespace iommusim::mem {
namespace {

using namespace base::literals;
using test::ForeignTarget;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Style = ForeignTarget::Style;

::sc_core::sc_time sc(Time t) { return tlm::to_sc_time(t); }

struct Bench {
  // `latency` of the foreign model, `annotation` on its END_REQ and BEGIN_RESP, `accept` before END_REQ.
  explicit Bench(Style style, Time latency, Time annotation = Time(), Time accept = Time(),
                 const MemoryConfig& config = with_cache())
      : memory("memory", s.context, config, std::vector<unsigned>{0}, DramModel::external),
        target("target", style, sc(latency), sc(annotation), sc(accept)) {
    device.port.bind(front.from_initiator);
    front.to_target.bind(memory.port());
    memory.backend().bind(back.from_initiator);
    back.to_target.bind(target.socket);
  }
  // 30 ns cache of 4 sets of 4 ways, two of them for DMA writes.
  static MemoryConfig with_cache() {
    MemoryConfig c;
    c.ranges = {{Hpa(0), 64_KiB}};
    c.llc.size = 1_KiB;
    c.llc.ways = 4;
    c.llc.ddio_ways = 2;
    c.llc.latency = 30_ns;
    return c;
  }
  tlm::Simulation s;
  test::OwnInitiator device{"device", s.context};
  tlm::ProtocolChecker front{"front"}, back{"back"};
  MemorySystem memory;
  ForeignTarget target;

  std::vector<std::uint64_t> run() {
    s.scheduler.run_until(1_ms);
    EXPECT_THAT(front.violations(), IsEmpty());
    EXPECT_THAT(back.violations(), IsEmpty());
    EXPECT_EQ(front.open() + back.open(), 0u);
    EXPECT_EQ(s.pool.live(), 0u) << s.pool.leak_report();
    std::vector<std::uint64_t> out;
    for (const auto& d : device.done) out.push_back(d.at.ps());
    return out;
  }
  std::vector<std::uint64_t> asked() const {
    std::vector<std::uint64_t> out;
    for (const auto& t : target.request_times) out.push_back(tlm::from_sc_time(t).ps());
    return out;
  }
};

TEST(Backend, AMissTakesTheForeignLatencyAndTheWayThroughTheCache) {
  Bench b(Style::end_request_on_return, 40_ns);
  b.device.read(0x1000, 64, 1_ns);
  b.s.scheduler.run_until(71_ns);
  EXPECT_THAT(b.device.done, IsEmpty());
  EXPECT_THAT(b.run(), ElementsAre(71000u));
  EXPECT_THAT(b.asked(), ElementsAre(1000u));
}

TEST(Backend, AResponseByCallAnnotatedWithADelayCountsFromTheEndOfTheDelay) {
  Bench b(Style::end_request_on_return, 40_ns, 7_ps);
  b.device.read(0x1000, 64, 1_ns);
  EXPECT_THAT(b.run(), ElementsAre(71007u));
}

TEST(Backend, AcceptedRequestsLeaveOneAfterTheOther) {
  Bench b(Style::end_request_later, 40_ns, Time(), 3_ns);
  b.device.read(0x1000, 128, 1_ns);  // two lines, the second 3 ns later
  EXPECT_THAT(b.run(), ElementsAre(74000u));
  EXPECT_THAT(b.asked(), ElementsAre(1000u, 4000u));
}

TEST(Backend, AResponseWithoutEndOfRequestStandsForBoth) {
  Bench b(Style::response_stands_for_both, 40_ns);
  b.device.read(0x1000, 64, 1_ns);
  b.device.read(0x2000, 64, 1_ns);  // goes out when the first is answered
  EXPECT_THAT(b.run(), ElementsAre(71000u, 111000u));
  EXPECT_THAT(b.asked(), ElementsAre(1000u, 41000u));
}

TEST(Backend, AResponseOnTheReturnPathComesAfterItsAnnotation) {
  Bench b(Style::response_on_return, 40_ns);
  b.device.read(0x1000, 64, 1_ns);
  EXPECT_THAT(b.run(), ElementsAre(71000u));
  EXPECT_EQ(b.target.end_responses, 1u);
}

TEST(Backend, ACompletedCallComesAfterItsAnnotation) {
  Bench b(Style::completed, 40_ns);
  b.device.read(0x1000, 64, 1_ns);
  b.device.read(0x2000, 256, 200_ns);
  EXPECT_THAT(b.run(), ElementsAre(71000u, 270000u));
  EXPECT_EQ(b.target.request_times.size(), 5u);
}

TEST(Backend, WhatTheCacheServesNeverAsksTheModel) {
  Bench b(Style::end_request_on_return, 40_ns);
  b.device.write(0x1000, 64, 0_ns);
  b.device.read(0x1000, 64, 100_ns);
  EXPECT_THAT(b.run(), ElementsAre(30000u, 130000u));
  EXPECT_THAT(b.asked(), IsEmpty());
}

TEST(Backend, AWriteBackIsATransactionNobodyWaitsFor) {
  Bench b(Style::end_request_on_return, 40_ns);
  for (unsigned i = 0; i < 3; ++i)
    b.device.write(0x100 * i, 64, 0_ns);  // one set, two ways: the third evicts the first
  EXPECT_THAT(b.run(), ElementsAre(30000u, 30000u, 30000u));
  EXPECT_THAT(b.asked(), ElementsAre(0u));
}

TEST(Backend, AWritePastTheCacheIsDoneWhenTheModelAnswers) {
  MemoryConfig c = Bench::with_cache();
  c.llc.ddio_ways = 0;
  Bench b(Style::end_request_on_return, 40_ns, Time(), Time(), c);
  b.device.write(0x1000, 64, 1_ns, 0xabcdef);
  b.device.read(0x1000, 8, 200_ns);
  EXPECT_THAT(b.run(), ElementsAre(71000u, 270000u));
  EXPECT_EQ(b.device.done[1].word, 0xabcdefu) << "contents are ours";
}

TEST(Backend, EachNodeHasItsOwn) {
  MemoryConfig c = Bench::with_cache();
  c.nodes = 2;
  c.ranges = {{Hpa(0), 32_KiB, 0}, {Hpa(0x8000), 32_KiB, 1}};
  tlm::Simulation s;
  test::OwnInitiator device("device", s.context);
  MemorySystem memory("memory", s.context, c, std::vector<unsigned>{0}, DramModel::external);
  ForeignTarget near("near", Style::completed, sc(40_ns)), far("far", Style::completed, sc(50_ns));
  device.port.bind(memory.port());
  memory.backend(0).bind(near.socket);
  memory.backend(1).bind(far.socket);
  device.read(0x1000, 64, 0_ns);
  device.read(0x9000, 64, 1000_ns);
  s.scheduler.run_until(1_ms);
  ASSERT_EQ(device.done.size(), 2u);
  EXPECT_EQ(device.done[0].at, 70_ns);
  EXPECT_EQ(device.done[1].at, 1173_ns);
  EXPECT_EQ(near.request_times.size(), 1u);
  EXPECT_EQ(far.request_times.size(), 1u);
}

// Refuses every other transaction.
class Refusing : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  Refusing(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context), port("port", context, static_cast<tlm::TargetPort::Owner&>(*this)) {}
  tlm::TargetPort port;

 private:
  bool request(tlm::TargetPort&, tlm::Payload& payload) override {
    payload.set_response_status(++count_ % 2 == 0 ? ::tlm::TLM_GENERIC_ERROR_RESPONSE : ::tlm::TLM_OK_RESPONSE);
    port.respond(payload);
    return true;
  }
  unsigned debug(tlm::TargetPort&, tlm::Payload&) override { return 0; }
  unsigned count_ = 0;
};

TEST(Backend, AnErrorOfTheModelReachesTheRequester) {
  tlm::Simulation s;
  test::OwnInitiator device("device", s.context);
  MemorySystem memory("memory", s.context, Bench::with_cache(), std::vector<unsigned>{0}, DramModel::external);
  Refusing target("target", s.context);
  device.port.bind(memory.port());
  memory.backend().bind(target.port);
  device.read(0x1000, 64, 0_ns);
  device.read(0x2000, 64, 100_ns);
  device.read(0x3000, 128, 200_ns);
  s.scheduler.run_until(1_ms);
  ASSERT_EQ(device.done.size(), 3u);
  EXPECT_EQ(device.done[0].status, ::tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(device.done[1].status, ::tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(device.done[2].status, ::tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(s.stats.to_json(s.scheduler.now())["memory"]["dram"]["errors"]["value"], 2u);
}

}  // namespace
}  // namespace iommusim::mem
