#include "models/pcie/acs.h"

#include <gtest/gtest.h>

#include "tests/support/fabric.h"

namespace iommusim::pcie {
namespace {

using base::AddressType;
using base::Time;
using test::Fabric;
using test::FabricSpec;
using test::switch_of;
using tlm::CompletionStatus;

constexpr std::uint64_t high = Fabric::kMemory;

AcsConfig redirecting() {
  AcsConfig c;
  c.p2p_request_redirect = true;
  return c;
}

// Three devices behind a switch, itself behind another if `levels` is 2; each downstream port with the services given.
struct Bench : private AcsObserver {
  explicit Bench(const AcsConfig& acs, unsigned levels = 1, const RootComplexConfig& rc = {})
      : fabric(sim, "", rc, {tree(acs, levels)}) {
    for (auto& s : fabric.switches) s->observe_acs(this);
    fabric.rc.observe_acs(this);
    for (auto& leaf : fabric.leaves) {
      leaf.dma->prepare = [this](std::size_t, tlm::Payload& p) {
        if (prepare) prepare(p);
      };
    }
  }
  ~Bench() {
    EXPECT_TRUE(fabric.drained()) << fabric.holding();
    EXPECT_EQ("", fabric.lost());
    EXPECT_EQ("", sim.pool.leak_report());
  }
  static FabricSpec tree(const AcsConfig& acs, unsigned levels) {
    SwitchConfig c;
    c.mode = ForwardMode::store_and_forward;
    FabricSpec t = switch_of({FabricSpec(), FabricSpec(), FabricSpec()}, c);
    for (auto& port : t.ports) port.acs = acs;
    if (levels == 2) {
      t = switch_of({t}, c);
      t.ports[0].acs = acs;
    }
    return t;
  }
  void run() { sim.scheduler.run_until(Time::ms(1)); }
  test::Requester& dma(unsigned i) { return *fabric.leaves[i].dma; }
  std::uint64_t window(unsigned i) const { return fabric.leaves[i].window; }
  base::SourceId source(unsigned i) const { return fabric.leaves[i].source(); }
  std::uint64_t through_root() { return fabric.links.back()->up_stats().requests.value(); }
  std::size_t seen_by(unsigned i) { return fabric.leaves[i].registers->accesses.size(); }

  void violation(const Acs&, unsigned port, AcsViolation what, const tlm::Payload& request) override {
    log.push_back({port, what, request.get_address()});
  }
  struct Logged {
    unsigned port;
    AcsViolation what;
    std::uint64_t address;
  };
  std::vector<Logged> log;
  std::function<void(tlm::Payload&)> prepare;
  tlm::Simulation sim;
  Fabric fabric;
};

// Section 6.12.4: a violation ends a non-posted request as completer abort, and drops a posted one.
void expect_violation(Bench& b, AcsViolation what, std::uint64_t address, base::SourceId source) {
  b.dma(1).read(Time::ns(0), address, source);
  b.dma(1).write(Time::ns(0), address, source);
  b.run();
  EXPECT_EQ(CompletionStatus::completer_abort, b.dma(1).sent[0].fields.status);
  EXPECT_FALSE(b.dma(1).sent[0].ok);
  EXPECT_TRUE(b.dma(1).sent[1].answered);
  EXPECT_EQ(0u, b.fabric.memory.accesses.size() + b.seen_by(0) + b.seen_by(2));
  EXPECT_EQ(2u, b.fabric.switches.back()->acs(1).violations(what));
  ASSERT_EQ(2u, b.log.size());
  EXPECT_EQ(1u, b.log[0].port);
  EXPECT_EQ(what, b.log[0].what);
  EXPECT_EQ(address, b.log[0].address);
}

TEST(AcsSourceValidation, RefusesARequesterOfAnotherPort) {
  AcsConfig c;
  c.source_validation = true;
  Bench b(c);
  expect_violation(b, AcsViolation::source, high, b.source(0));
}

TEST(AcsSourceValidation, LetsTheDeviceItselfPass) {
  AcsConfig c;
  c.source_validation = true;
  Bench b(c);
  b.dma(1).read(Time::ns(0), high, b.source(1));
  b.run();
  EXPECT_TRUE(b.dma(1).sent[0].ok);
}

TEST(AcsSourceValidation, OffMeansThatAnyRequesterPasses) {
  Bench b(AcsConfig{});
  b.dma(1).read(Time::ns(0), high, b.source(0));
  b.run();
  EXPECT_TRUE(b.dma(1).sent[0].ok);
}

class AcsTranslationBlocking : public ::testing::TestWithParam<AddressType> {};
TEST_P(AcsTranslationBlocking, RefusesAllButUntranslatedRequests) {
  AcsConfig c;
  c.translation_blocking = true;
  c.direct_translated_p2p = true;  // blocking comes first
  Bench b(c);
  b.prepare = [](tlm::Payload& p) { tlm::dma(p).at = GetParam(); };
  if (GetParam() == AddressType::untranslated) {
    b.dma(1).read(Time::ns(0), high, b.source(1));
    b.run();
    EXPECT_TRUE(b.dma(1).sent[0].ok);
  } else {
    expect_violation(b, AcsViolation::translation, high, b.source(1));
  }
}
INSTANTIATE_TEST_SUITE_P(Types, AcsTranslationBlocking,
                         ::testing::Values(AddressType::untranslated, AddressType::translation_request,
                                           AddressType::translated));

TEST(AcsRequestRedirect, SendsPeerRequestsByTheRootComplex) {
  Bench b(redirecting());
  b.fabric.leaves[2].registers->set_word(b.window(2), 42);
  b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);
  b.run();
  EXPECT_EQ(42u, b.dma(1).sent[0].value);
  EXPECT_EQ(1u, b.through_root());
  // Two links up and two down, 20 bytes of read and 28 of completion each, three times the switch and the register.
  EXPECT_EQ(Time::ns(4 * 25 + 4 * 33 + 4 * 100 + 10), b.dma(1).sent[0].answered_at);
}

TEST(AcsRequestRedirect, WritesGoThatWayToo) {
  Bench b(redirecting());
  b.dma(1).write(Time::ns(0), b.window(2), b.source(1), 64, 7);
  b.run();
  ASSERT_EQ(1u, b.seen_by(2));
  EXPECT_EQ(7u, b.fabric.leaves[2].registers->accesses[0].data);
  EXPECT_EQ(Time::ns(4 * 89 + 200), b.fabric.leaves[2].registers->accesses[0].at);
  EXPECT_EQ(1u, b.through_root());
}

TEST(AcsRequestRedirect, ANestedSwitchPassesThemOnIfItForwardsUpstream) {
  AcsConfig c = redirecting();
  c.upstream_forwarding = true;
  Bench b(c, 2);
  b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);
  b.run();
  EXPECT_TRUE(b.dma(1).sent[0].ok);
  EXPECT_EQ(1u, b.through_root());
}

TEST(AcsUpstreamForwarding, WithoutItAPortRefusesRequestsToItsOwnSide) {
  Bench b(redirecting(), 2);
  b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);
  b.dma(1).write(Time::ns(0), b.window(2), b.source(1), 8);
  b.run();
  EXPECT_EQ(CompletionStatus::unsupported_request, b.dma(1).sent[0].fields.status);
  EXPECT_EQ(0u, b.seen_by(2));
  EXPECT_EQ(0u, b.through_root());
}

TEST(AcsDirectTranslatedP2p, SparesTranslatedRequestsTheDetour) {
  AcsConfig c = redirecting();
  c.direct_translated_p2p = true;
  c.p2p_egress_control = true;
  c.egress_blocked = {0, 1, 2};
  Bench b(c);
  b.prepare = [](tlm::Payload& p) { tlm::dma(p).at = AddressType::translated; };
  b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);
  b.run();
  EXPECT_EQ(0u, b.through_root());
  b.prepare = nullptr;
  b.dma(1).read(b.sim.scheduler.now(), b.window(2), b.source(1), 8);
  b.sim.scheduler.run_until(Time::ms(2));
  EXPECT_EQ(1u, b.through_root()) << "untranslated ones take it";
  EXPECT_TRUE(b.dma(1).sent[0].ok && b.dma(1).sent[1].ok);
}

TEST(AcsEgressControl, AloneItRefusesWhatTheVectorBars) {
  AcsConfig c;
  c.p2p_egress_control = true;
  c.egress_blocked = {2};
  Bench b(c);
  expect_violation(b, AcsViolation::egress, b.window(2), b.source(1));
}

TEST(AcsEgressControl, OtherPeersAreReachedDirectly) {
  AcsConfig c = redirecting();  // does not count for peers that the vector does not bar
  c.p2p_egress_control = true;
  c.egress_blocked = {2};
  Bench b(c);
  b.dma(1).read(Time::ns(0), b.window(0), b.source(1), 8);
  b.run();
  EXPECT_TRUE(b.dma(1).sent[0].ok);
  EXPECT_EQ(0u, b.through_root());
}

TEST(AcsEgressControl, WithRedirectBarredPeersAreReachedByTheRootComplex) {
  AcsConfig c = redirecting();
  c.p2p_egress_control = true;
  c.egress_blocked = {2};
  Bench b(c);
  b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);
  b.run();
  EXPECT_TRUE(b.dma(1).sent[0].ok);
  EXPECT_EQ(1u, b.through_root());
  EXPECT_TRUE(b.log.empty());
}

AcsConfig completions_redirected() {
  AcsConfig c;
  c.p2p_completion_redirect = c.upstream_forwarding = true;
  return c;
}

class AcsCompletionRedirect : public ::testing::TestWithParam<unsigned> {};

TEST_P(AcsCompletionRedirect, SendsThemByTheRootComplexAndBack) {
  const unsigned levels = GetParam();
  Bench b(completions_redirected(), levels);
  for (unsigned n = 0; n < 64; ++n) b.fabric.leaves[2].registers->set_word(b.window(2) + 8 * n, 1000 + n);
  b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);
  b.run();
  EXPECT_EQ(1000u, b.dma(1).sent[0].value);
  EXPECT_EQ(0u, b.through_root());
  EXPECT_EQ(1u, b.fabric.rc.port_stats(0).reflected.value());
  // The request goes directly; its completion takes both links of each level up and down.
  EXPECT_EQ(Time::ns(2 * 25 + 100 + 10 + (2 + 2 * levels) * 33 + 2 * levels * 100), b.dma(1).sent[0].answered_at);
}

TEST_P(AcsCompletionRedirect, AllPartsOfManyReadsFindBack) {
  Bench b(completions_redirected(), GetParam());
  for (unsigned n = 0; n < 8; ++n) {
    for (unsigned i = 0; i < 3; ++i) {
      b.fabric.leaves[(i + 1) % 3].registers->set_word(b.window((i + 1) % 3) + 4096 * n, 100 * i + n);
      b.dma(i).read(Time::ns(n), b.window((i + 1) % 3) + 4096 * n, b.source(i), 1024);
    }
  }
  b.run();
  for (unsigned n = 0; n < 8; ++n) {
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(100 * i + n, b.dma(i).sent[n].value);
  }
  EXPECT_EQ(3u * 8u * 4u, b.fabric.rc.port_stats(0).reflected.value());
}

TEST_P(AcsCompletionRedirect, ExceptThoseOfRelaxedOrdering) {
  Bench b(completions_redirected(), GetParam());
  b.dma(1).add({Time::ns(0), b.window(2), false, 0, b.source(1), 8, true});
  b.run();
  EXPECT_TRUE(b.dma(1).sent[0].ok);
  EXPECT_EQ(0u, b.fabric.rc.port_stats(0).reflected.value());
}
INSTANTIATE_TEST_SUITE_P(Levels, AcsCompletionRedirect, ::testing::Values(1u, 2u));

// Device 2 writes to memory, then answers device 1's read: the write is visible before the data arrive.
TEST(AcsCompletionRedirect, ARedirectedCompletionDoesNotPassPostedRequestsBeforeIt) {
  Bench b(completions_redirected());
  b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);  // at device 2 at 150, answered at 160
  b.dma(2).write(Time::ns(60), high, b.source(2));          // 60 to 148 on the link: just before
  b.run();
  const Time at_memory = b.fabric.memory.accesses[0].at;
  EXPECT_EQ(Time::ns(60 + 2 * 93 + 100), at_memory);
  // 100 ns later it is visible; only then does the completion turn round.
  EXPECT_EQ(at_memory + Time::ns(100 + 33 + 100 + 33), b.dma(1).sent[0].answered_at);
}

TEST(RootPortAcs, ChecksSourcesAndTranslatedRequests) {
  RootComplexConfig rc;
  rc.acs.source_validation = rc.acs.translation_blocking = true;
  Bench b(AcsConfig{}, 1, rc);
  b.dma(0).read(Time::ns(0), high, b.source(0));
  b.dma(1).read(Time::ns(0), high, base::make_source_id(0, base::make_bdf(0x40, 0, 0)));
  b.dma(1).write(Time::ns(0), high, base::make_source_id(0, base::make_bdf(0x40, 0, 0)));
  b.run();
  EXPECT_TRUE(b.dma(0).sent[0].ok);
  EXPECT_EQ(CompletionStatus::completer_abort, b.dma(1).sent[0].fields.status);
  EXPECT_EQ(2u, b.fabric.rc.acs(0).violations(AcsViolation::source));
  b.prepare = [](tlm::Payload& p) { tlm::dma(p).at = AddressType::translated; };
  b.dma(2).read(b.sim.scheduler.now(), high, b.source(2));
  b.sim.scheduler.run_until(Time::ms(2));
  EXPECT_EQ(CompletionStatus::completer_abort, b.dma(2).sent[0].fields.status);
  EXPECT_EQ(1u, b.fabric.rc.acs(0).violations(AcsViolation::translation));
  EXPECT_EQ(1u, b.fabric.memory.accesses.size());
}

TEST(AcsConfiguration, IsolationIsWhatLinuxSetsUp) {
  const AcsConfig c = AcsConfig::isolating();
  EXPECT_TRUE(c.source_validation && c.p2p_request_redirect && c.p2p_completion_redirect && c.upstream_forwarding);
  EXPECT_FALSE(c.translation_blocking || c.p2p_egress_control || c.direct_translated_p2p);
}

using AcsDeathTest = ::testing::Test;
TEST(AcsDeathTest, ARedirectedCompletionWithoutUpstreamForwardingAboveIsAnErrorOfOurs) {
  AcsConfig c;
  c.p2p_completion_redirect = true;
  EXPECT_DEATH(
      {
        Bench b(c, 2);
        b.dma(1).read(Time::ns(0), b.window(2), b.source(1), 8);
        b.run();
      },
      "upstream forwarding");
}

}  // namespace
}  // namespace iommusim::pcie
