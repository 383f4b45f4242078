// Ports against each other and against foreign models, with each legal return of the base protocol, under the protocol
// checker.
#include "models/tlm/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "models/tlm/software_thread.h"
#include "tests/support/foreign_models.h"
#include "tests/support/own_models.h"

namespace iommusim::tlm {
namespace {

using test::ForeignInitiator;
using test::ForeignTarget;
using test::OwnInitiator;
using test::OwnTarget;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

::sc_core::sc_time ns(double n) { return {n, ::sc_core::SC_NS}; }

std::vector<std::uint64_t> times(const OwnInitiator& initiator) {
  std::vector<std::uint64_t> out;
  for (const auto& d : initiator.done) out.push_back(d.at.ps());
  return out;
}
std::vector<std::uint64_t> ps(const std::vector<::sc_core::sc_time>& in) {
  std::vector<std::uint64_t> out;
  for (const auto& t : in) out.push_back(t.value());
  return out;
}

TEST(Ports, CarryARequestAndItsResponseAtTheExactPicosecond) {
  Simulation s;
  OwnInitiator initiator("initiator", s.context);
  ProtocolChecker checker("link");
  OwnTarget target("target", s.context, Time::ps(10007));
  initiator.port.bind(checker.from_initiator);
  checker.to_target.bind(target.port);
  initiator.read(0x40, 8, Time::ps(1000));
  s.scheduler.run_until(Time::ps(11007));
  EXPECT_THAT(initiator.done, IsEmpty());
  s.scheduler.run_until(Time::us(1));
  EXPECT_THAT(times(initiator), ElementsAre(11007u));
  EXPECT_THAT(checker.violations(), IsEmpty());
  EXPECT_EQ(checker.open(), 0u);
}

TEST(Ports, AHeldRequestHoldsThoseBehindIt) {
  Simulation s;
  OwnInitiator initiator("initiator", s.context);
  ProtocolChecker checker("link");
  OwnTarget target("target", s.context, Time::ns(100), Time::ns(30));  // accepts 30 ns after it sees a request
  initiator.port.bind(checker.from_initiator);
  checker.to_target.bind(target.port);
  for (int i = 0; i < 3; ++i) initiator.read(0x40, 8, Time::ns(1));
  s.scheduler.run_until(Time::us(1));
  EXPECT_THAT(target.requests, ElementsAre(Time::ns(1), Time::ns(31), Time::ns(61)));
  EXPECT_THAT(times(initiator), ElementsAre(131000u, 161000u, 191000u));
  EXPECT_THAT(checker.violations(), IsEmpty());
}

TEST(Ports, ARequestSentFromInsideAResponseLeavesInTheSamePicosecondButNotInsideTheCall) {
  Simulation s;
  OwnInitiator initiator("initiator", s.context);
  ProtocolChecker checker("link");
  OwnTarget target("target", s.context, Time::ns(10));
  initiator.port.bind(checker.from_initiator);
  checker.to_target.bind(target.port);
  initiator.again = 2;
  initiator.read(0x40, 8, Time::ns(1));
  s.scheduler.run_until(Time::us(1));
  EXPECT_THAT(times(initiator), ElementsAre(11000u, 21000u, 31000u));
  EXPECT_THAT(checker.violations(), IsEmpty());
}

TEST(Ports, AResponseGivenFromInsideARequestLeavesInTheSamePicosecondButNotInsideTheCall) {
  Simulation s;
  OwnInitiator initiator("initiator", s.context);
  ProtocolChecker checker("link");
  OwnTarget target("target", s.context, Time::ns(10));
  initiator.port.bind(checker.from_initiator);
  checker.to_target.bind(target.port);
  target.answer_in_request = true;
  initiator.read(0x40, 8, Time::ns(1));
  initiator.read(0x80, 8, Time::ns(1));
  s.scheduler.run_until(Time::us(1));
  EXPECT_THAT(times(initiator), ElementsAre(1000u, 1000u));
  EXPECT_THAT(checker.violations(), IsEmpty());
}

struct TargetCase {
  ForeignTarget::Style style;
  double annotation_ns;
  std::vector<std::uint64_t> expected;  // response times of two reads sent at 1 ns, latency 50 ns
};
class AgainstForeignTargets : public ::testing::TestWithParam<TargetCase> {};
INSTANTIATE_TEST_SUITE_P(
    Styles, AgainstForeignTargets,
    ::testing::Values(TargetCase{ForeignTarget::Style::end_request_on_return, 0, {51000, 51000}},
                      // END_REQ is annotated with 4 ns, so the second request waits; BEGIN_RESP is, so each response is
                      // seen 4 ns later.
                      TargetCase{ForeignTarget::Style::end_request_on_return, 4, {55000, 59000}},
                      TargetCase{ForeignTarget::Style::end_request_later, 0, {51000, 57000}},  // accepted after 6 ns
                      TargetCase{ForeignTarget::Style::end_request_later, 4, {55000, 65000}},
                      TargetCase{ForeignTarget::Style::response_stands_for_both, 0, {51000, 101000}},
                      TargetCase{ForeignTarget::Style::response_on_return, 0, {51000, 51000}},
                      TargetCase{ForeignTarget::Style::completed, 0, {51000, 51000}}));

TEST_P(AgainstForeignTargets, AnInitiatorPortTakesEveryLegalReturnAndHonoursAnnotations) {
  Simulation s;
  OwnInitiator initiator("initiator", s.context);
  ProtocolChecker checker("link");
  ForeignTarget target("target", GetParam().style, ns(50), ns(GetParam().annotation_ns), ns(6));
  initiator.port.bind(checker.from_initiator);
  checker.to_target.bind(target.socket);
  initiator.write(0x40, 8, Time::ns(1), 0x1122334455667788);
  initiator.read(0x40, 8, Time::ns(1));
  s.scheduler.run_until(Time::ps(GetParam().expected[0]));
  EXPECT_THAT(initiator.done, IsEmpty()) << "nothing one picosecond earlier";
  s.scheduler.run_until(Time::us(1));
  EXPECT_EQ(times(initiator), GetParam().expected);
  ASSERT_EQ(initiator.done.size(), 2u);
  EXPECT_EQ(initiator.done[1].word, 0x1122334455667788u);
  EXPECT_THAT(checker.violations(), IsEmpty());
  EXPECT_EQ(checker.open(), 0u);
  EXPECT_EQ(s.pool.live(), 0u);
  EXPECT_EQ(target.end_responses, GetParam().style == ForeignTarget::Style::response_on_return ? 1u : 0u);
}

struct InitiatorCase {
  ForeignInitiator::Style style;
  double annotation_ns;
  double request_annotation_ns;
  std::vector<std::uint64_t> expected;  // BEGIN_RESP of two reads sent at 0, latency 50 ns
};
class AgainstForeignInitiators : public ::testing::TestWithParam<InitiatorCase> {};
INSTANTIATE_TEST_SUITE_P(
    Styles, AgainstForeignInitiators,
    ::testing::Values(
        InitiatorCase{ForeignInitiator::Style::completes, 0, 0, {50000, 50000}},
        InitiatorCase{ForeignInitiator::Style::completes, 5, 0, {50000, 55000}},
        InitiatorCase{ForeignInitiator::Style::updates, 0, 0, {50000, 50000}},
        InitiatorCase{ForeignInitiator::Style::updates, 5, 0, {50000, 55000}},
        InitiatorCase{ForeignInitiator::Style::end_response_later, 5, 0, {50000, 55000}},
        // The second request leaves when the first, annotated with 3 ns, is accepted, and is annotated again.
        InitiatorCase{ForeignInitiator::Style::completes, 0, 3, {53000, 56000}}));

TEST_P(AgainstForeignInitiators, ATargetPortKeepsResponsesApartAndHonoursAnnotations) {
  Simulation s;
  ForeignInitiator initiator("initiator", GetParam().style, ns(GetParam().annotation_ns),
                             ns(GetParam().request_annotation_ns));
  ProtocolChecker checker("link");
  OwnTarget target("target", s.context, Time::ns(50));
  initiator.socket.bind(checker.from_initiator);
  checker.to_target.bind(target.port);
  target.port.set_default_requester(base::SourceId(0x18));
  unsigned char data[16] = {};
  initiator.add(::tlm::TLM_READ_COMMAND, 0x40, data, 8);
  initiator.add(::tlm::TLM_READ_COMMAND, 0x48, data + 8, 8);
  initiator.foreign_to = DmaExtension::ID;
  s.scheduler.run_until(Time::us(1));
  EXPECT_EQ(ps(initiator.response_times), GetParam().expected);
  EXPECT_THAT(target.requesters, ElementsAre(base::SourceId(0x18), base::SourceId(0x18)));
  EXPECT_EQ(initiator.extensions_left_behind, 0u);
  EXPECT_EQ(initiator.freed, 2u);
  EXPECT_THAT(checker.violations(), IsEmpty());
  EXPECT_EQ(checker.open(), 0u);
}

// A loosely timed initiator: one blocking read.
struct BlockingCaller : ::sc_core::sc_module {
  BlockingCaller(::sc_core::sc_module_name n, double delay_ns) : sc_module(n), socket("socket"), delay_(ns(delay_ns)) {
    SC_HAS_PROCESS(BlockingCaller);
    SC_THREAD(run);
    payload.set_read();
    payload.set_address(0x40);
    payload.set_data_ptr(data);
    payload.set_data_length(8);
    payload.set_streaming_width(8);
  }
  void run() {
    ::sc_core::sc_time delay = delay_;
    socket->b_transport(payload, delay);
    done = ::sc_core::sc_time_stamp() + delay;
  }
  ::tlm_utils::simple_initiator_socket<BlockingCaller, 64> socket;
  ::tlm::tlm_generic_payload payload;
  unsigned char data[8] = {};
  ::sc_core::sc_time delay_, done;
};

TEST(BlockingTransport, SleepsUntilTheResponseAndHonoursItsAnnotation) {
  Simulation s;
  OwnTarget target("target", s.context, Time::ns(100), Time::ns(30));
  BlockingCaller caller("caller", 5);
  caller.socket.bind(target.port);
  s.scheduler.run_until(Time::us(1));
  EXPECT_EQ(caller.done, ns(135));
  EXPECT_TRUE(caller.payload.is_response_ok());
  EXPECT_EQ(s.pool.live(), 0u);
}

}  // namespace
}  // namespace iommusim::tlm
