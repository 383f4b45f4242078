// The checker sees each breach that is planted, and none where there is none (ports_test.cpp).
#include "models/tlm/protocol_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "models/tlm/payload_pool.h"

namespace iommusim::tlm {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::tlm::tlm_phase;
using ::tlm::tlm_sync_enum;

// Both ends of a link, doing what the test says.
struct Ends : ::sc_core::sc_module, ::tlm::tlm_fw_transport_if<>, ::tlm::tlm_bw_transport_if<> {
  explicit Ends(::sc_core::sc_module_name n) : sc_module(n), out("out"), in("in"), link("link") {
    out.bind(static_cast<::tlm::tlm_bw_transport_if<>&>(*this));
    in.bind(static_cast<::tlm::tlm_fw_transport_if<>&>(*this));
    out.bind(link.from_initiator);
    link.to_target.bind(in);
    SC_HAS_PROCESS(Ends);
    SC_THREAD(run);
  }
  void run() { script(); }
  ::tlm::tlm_initiator_socket<64> out;
  ::tlm::tlm_target_socket<64> in;
  ProtocolChecker link;
  std::function<void()> script;
  std::function<tlm_sync_enum(Payload&, tlm_phase&, ::sc_core::sc_time&)> on_forward, on_backward;

  tlm_sync_enum forward(Payload& p, tlm_phase phase, double delay_ns = 0) {
    ::sc_core::sc_time delay(delay_ns, ::sc_core::SC_NS);
    return out->nb_transport_fw(p, phase, delay);
  }
  tlm_sync_enum backward(Payload& p, tlm_phase phase, double delay_ns = 0) {
    ::sc_core::sc_time delay(delay_ns, ::sc_core::SC_NS);
    return in->nb_transport_bw(p, phase, delay);
  }
  tlm_sync_enum nb_transport_fw(Payload& p, tlm_phase& phase, ::sc_core::sc_time& delay) override {
    return on_forward ? on_forward(p, phase, delay) : ::tlm::TLM_ACCEPTED;
  }
  tlm_sync_enum nb_transport_bw(Payload& p, tlm_phase& phase, ::sc_core::sc_time& delay) override {
    return on_backward ? on_backward(p, phase, delay) : ::tlm::TLM_ACCEPTED;
  }
  void b_transport(Payload&, ::sc_core::sc_time&) override {}
  bool get_direct_mem_ptr(Payload&, ::tlm::tlm_dmi&) override { return false; }
  unsigned transport_dbg(Payload&) override { return 0; }
  void invalidate_direct_mem_ptr(::sc_dt::uint64, ::sc_dt::uint64) override {}
};

class Checker : public ::testing::Test {
 protected:
  Payload& read() {
    Payload& p = pool.acquire();
    pool.use_buffer(p, 64);
    p.set_read();
    return p;
  }
  void answer(Payload& p) { p.set_response_status(::tlm::TLM_OK_RESPONSE); }
  void expect(const char* breach) {
    ::sc_core::sc_start(::sc_core::sc_time(1, ::sc_core::SC_US), ::sc_core::SC_RUN_TO_TIME);
    EXPECT_THAT(ends.link.violations(), Contains(HasSubstr(breach)));
    EXPECT_EQ(ends.link.violations().size(), 1u);
  }
  PayloadPool pool;
  Ends ends{"ends"};
};

TEST_F(Checker, SeesARequestBeforeTheLastOneEnded) {
  ends.script = [this] {
    ends.forward(read(), ::tlm::BEGIN_REQ);
    ends.forward(read(), ::tlm::BEGIN_REQ);
  };
  expect("request exclusion");
}

TEST_F(Checker, SeesAResponseBeforeTheLastOneEnded) {
  ends.script = [this] {
    Payload &a = read(), &b = read();
    for (Payload* p : {&a, &b}) {
      ends.forward(*p, ::tlm::BEGIN_REQ);
      ends.backward(*p, ::tlm::END_REQ);
      answer(*p);
    }
    ends.backward(a, ::tlm::BEGIN_RESP);
    ends.backward(b, ::tlm::BEGIN_RESP);
  };
  expect("response exclusion");
}

TEST_F(Checker, SeesAResponseToNothing) {
  ends.script = [this] { ends.backward(read(), ::tlm::BEGIN_RESP); };
  expect("BEGIN_RESP for a transaction that is not in progress");
}

TEST_F(Checker, SeesARequestEndedTwice) {
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ);
    ends.backward(p, ::tlm::END_REQ);
    ends.backward(p, ::tlm::END_REQ);
  };
  expect("END_REQ for a request that has already ended");
}

TEST_F(Checker, SeesTheSameTransactionBegunTwice) {
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ);
    ends.backward(p, ::tlm::END_REQ);
    ends.forward(p, ::tlm::BEGIN_REQ);
  };
  expect("BEGIN_REQ for a transaction that is still in progress");
}

TEST_F(Checker, SeesEndRespWithoutBeginResp) {
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ);
    ends.forward(p, ::tlm::END_RESP);
  };
  expect("END_RESP without BEGIN_RESP");
}

TEST_F(Checker, SeesAPhaseOnTheWrongPath) {
  ends.script = [this] { ends.forward(read(), ::tlm::BEGIN_RESP); };
  expect("BEGIN_RESP on the forward path");
}

TEST_F(Checker, SeesABackwardCallFromInsideAForwardCall) {
  ends.on_forward = [this](Payload& p, tlm_phase&, ::sc_core::sc_time&) {
    ends.backward(p, ::tlm::END_REQ);
    return ::tlm::TLM_ACCEPTED;
  };
  ends.script = [this] { ends.forward(read(), ::tlm::BEGIN_REQ); };
  expect("a backward call from inside a forward call");
}

TEST_F(Checker, SeesAForwardCallFromInsideABackwardCall) {
  ends.on_backward = [this](Payload&, tlm_phase&, ::sc_core::sc_time&) {
    ends.forward(read(), ::tlm::BEGIN_REQ);
    return ::tlm::TLM_COMPLETED;
  };
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ);
    answer(p);
    ends.backward(p, ::tlm::BEGIN_RESP);
  };
  expect("a forward call from inside a backward call");
}

TEST_F(Checker, SeesAnUpdateToAPhaseThatCannotFollow) {
  ends.on_forward = [](Payload&, tlm_phase& phase, ::sc_core::sc_time&) {
    phase = ::tlm::END_RESP;
    return ::tlm::TLM_UPDATED;
  };
  ends.script = [this] { ends.forward(read(), ::tlm::BEGIN_REQ); };
  expect("BEGIN_REQ returned TLM_UPDATED with phase END_RESP");
}

TEST_F(Checker, SeesTimeRunBackward) {
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ, 10);
    ends.backward(p, ::tlm::END_REQ, 9);
  };
  expect("a time before the previous phase");
}

TEST_F(Checker, SeesAnAttributeChanged) {
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ);
    p.set_data_length(32);
    answer(p);
    ends.backward(p, ::tlm::BEGIN_RESP);
  };
  expect("the data length changed");
}

TEST_F(Checker, SeesAResponseWithoutStatus) {
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ);
    ends.backward(p, ::tlm::BEGIN_RESP);
  };
  expect("incomplete status");
}

TEST_F(Checker, SeesANullDataPointer) {
  ends.script = [this] {
    Payload& p = read();
    p.set_data_ptr(nullptr);
    ends.forward(p, ::tlm::BEGIN_REQ);
  };
  expect("null data pointer");
}

TEST_F(Checker, SeesAPayloadWithoutMemoryManager) {
  static Payload bare;
  bare.set_read();
  static unsigned char data[8];
  bare.set_data_ptr(data);
  bare.set_data_length(8);
  bare.set_streaming_width(8);
  ends.script = [this] { ends.forward(bare, ::tlm::BEGIN_REQ); };
  expect("without memory manager");
}

TEST_F(Checker, AcceptsACompleteTransactionOfAllFourPhases) {
  ends.script = [this] {
    Payload& p = read();
    ends.forward(p, ::tlm::BEGIN_REQ);
    ends.backward(p, ::tlm::END_REQ, 2);
    answer(p);
    ends.backward(p, ::tlm::BEGIN_RESP, 5);
    ends.forward(p, ::tlm::END_RESP, 6);
  };
  ::sc_core::sc_start(::sc_core::sc_time(1, ::sc_core::SC_US), ::sc_core::SC_RUN_TO_TIME);
  EXPECT_TRUE(ends.link.violations().empty());
  EXPECT_EQ(ends.link.open(), 0u);
  EXPECT_EQ(ends.link.requests(), 1u);
}

}  // namespace
}  // namespace iommusim::tlm
