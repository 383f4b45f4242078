// Freedom from deadlock: random trees of root ports, switches, bridges and devices with random traffic in every
// direction and receive buffers down to the smallest that the specification allows (PCIe 5.0 table 2-45) always drain,
// with every request answered once and every TLP counted alike at both ends of its link.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <memory>
#include <random>

#include "tests/support/fabric.h"

namespace iommusim::test {
namespace {

using base::Bytes;
using base::Time;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(engine_() % n); }
  unsigned between(unsigned low, unsigned high) { return low + below(high - low + 1); }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return *(values.begin() + below(static_cast<unsigned>(values.size())));
  }

 private:
  std::mt19937_64 engine_;
};

/// One random fabric with its traffic.
class Case {
 public:
  Case(tlm::Simulation& sim, std::uint64_t seed) : dice_(seed), name_(fmt::format("f{}_", seed)) {
    mps_ = dice_.one_of({128u, 256u});
    channels_ = dice_.one_of({1u, 1u, 2u, 3u});
    tight_ = dice_.chance(60);
    policy_ = dice_.below(6);
    unsigned devices = dice_.between(1, 12);
    std::vector<FabricSpec> trees;
    const unsigned roots = dice_.between(1, 2);
    for (unsigned i = 0; i < roots; ++i) trees.push_back(node(0, devices));
    pcie::RootComplexConfig rc;
    rc.buffer = buffer();
    rc.request_latency = Time::ns(dice_.below(100));
    rc.completion_latency = Time::ns(dice_.below(100));
    rc.mmio_request_latency = Time::ns(dice_.below(100));
    rc.acs.source_validation = dice_.chance(20);
    fabric_ = std::make_unique<Fabric>(sim, name_, rc, trees, Time::ns(dice_.between(1, 400)),
                                       Time::ns(dice_.between(0, 300)));
    for (auto& leaf : fabric_->leaves) dma_traffic(leaf);
    host_traffic();
  }

  void expect_drained() const {
    EXPECT_TRUE(fabric_->drained()) << name_ << "\n" << fabric_->holding();
    EXPECT_EQ("", fabric_->lost()) << name_;
    for (const auto& leaf : fabric_->leaves) {
      EXPECT_EQ(leaf.dma->sent.size(), leaf.dma->order.size()) << name_;
      requests += leaf.dma->sent.size();
    }
    EXPECT_EQ(fabric_->cpu.sent.size(), fabric_->cpu.order.size()) << name_;
    EXPECT_EQ(fabric_->unit.sent.size(), fabric_->unit.order.size()) << name_;
    requests += fabric_->cpu.sent.size() + fabric_->unit.sent.size();
    for (const auto& link : fabric_->links) {
      for (const auto* d : {&link->up_stats(), &link->down_stats()}) {
        for (const auto& stalls : d->credit_stalls) credit_stalls += stalls.value();
      }
    }
    for (const auto& s : fabric_->switches) switches += s->downstream_ports() > 0;
  }

  // What the cases have exercised, all together.
  static inline std::uint64_t requests = 0, credit_stalls = 0, switches = 0;

 private:
  pcie::ReceiveBuffer buffer() {
    if (tight_ && dice_.chance(80)) return {{1, Bytes(mps_)}, {1, Bytes(16)}, {1, Bytes(mps_)}};
    const auto of = [&](std::uint64_t bytes) {
      return pcie::ClassBuffer{dice_.between(1, 6), Bytes(bytes * dice_.between(1, 4))};
    };
    return {of(mps_), of(16), of(mps_)};
  }

  pcie::LinkConfig link() {
    pcie::LinkConfig c;
    c.generation = dice_.between(1, 5);
    c.width = dice_.one_of({1u, 2u, 4u, 8u, 16u});
    c.mps = Bytes(mps_);
    c.virtual_channels = channels_;
    c.propagation = Time::ns(dice_.below(50));
    c.credit_latency = Time::ns(dice_.below(200));
    c.interleaved_reads = dice_.between(1, 4);
    return c;
  }

  pcie::AcsConfig acs() {
    pcie::AcsConfig c;
    if (policy_ == 1) return pcie::AcsConfig::isolating();
    c.p2p_request_redirect = policy_ == 2 || (policy_ == 4 && dice_.chance(50));
    c.p2p_completion_redirect = policy_ == 3 || policy_ == 4;
    c.upstream_forwarding = policy_ == 2 || policy_ == 3 || policy_ == 4;
    c.direct_translated_p2p = policy_ == 4;
    c.p2p_egress_control = policy_ == 5;
    for (unsigned i = 0; i < 4; ++i) {
      if (dice_.chance(40)) c.egress_blocked.push_back(i);
    }
    c.source_validation = dice_.chance(10);
    c.translation_blocking = dice_.chance(10);
    return c;
  }

  FabricSpec node(unsigned depth, unsigned& devices) {
    FabricSpec s;
    s.link = link();
    s.buffer = buffer();
    if (depth < 3 && devices > 1 && dice_.chance(depth == 0 ? 85 : 35)) {
      s.kind = FabricSpec::pcie_switch;
      s.switch_config.mode = dice_.one_of({pcie::ForwardMode::cut_through, pcie::ForwardMode::store_and_forward});
      s.switch_config.latency = Time::ns(dice_.below(200));
      s.switch_config.buffer = buffer();
      s.switch_config.upstream_weight = dice_.between(1, 4);
      const unsigned children = dice_.between(1, 5);
      for (unsigned i = 0; i < children; ++i) {
        s.below.push_back(node(depth + 1, devices));
        pcie::SwitchPortConfig port;
        port.acs = acs();
        port.weight = dice_.between(1, 4);
        s.ports.push_back(port);
      }
    } else if (dice_.chance(15)) {
      s.kind = FabricSpec::bridge;
      s.bridged = dice_.between(1, 3);
      s.bridge_config.buffer = buffer();
      devices -= std::min(devices, s.bridged);
    } else {
      devices -= std::min(devices, 1u);
    }
    return s;
  }

  // Attributes and kinds that the requester has no member for.
  enum Kind { plain, compare_and_swap, message, configuration };
  struct Extra {
    Kind kind = plain;
    std::uint8_t traffic_class = 0;
    bool id_ordering = false, translated = false;
    base::Bdf target;
  };
  void add(Requester& r, std::vector<Extra>& extras, Requester::Sent sent, Extra extra) {
    r.add(sent);
    extras.push_back(extra);
  }
  void use(Requester& r, std::shared_ptr<std::vector<Extra>> extras) {
    r.prepare = [extras](std::size_t i, tlm::Payload& p) {
      const Extra& e = (*extras)[i];
      tlm::DmaExtension& x = tlm::dma(p);
      x.traffic_class = e.traffic_class;
      x.id_ordering = e.id_ordering;
      if (e.translated) x.at = base::AddressType::translated;
      x.compare_and_swap = e.kind == compare_and_swap;
      x.target = e.target;
      if (e.kind == configuration) x.space = tlm::AddressSpace::configuration;
      if (e.kind == message) {
        p.set_command(::tlm::TLM_IGNORE_COMMAND);
        p.set_data_length(p.get_data_length() < 8 ? 0 : 8);
        x.message = tlm::Message::invalidate_completion;
      }
    };
  }
  Extra attributes() {
    Extra e;
    e.traffic_class = static_cast<std::uint8_t>(dice_.chance(60) ? 0 : dice_.below(8));
    e.id_ordering = dice_.chance(15);
    e.translated = dice_.chance(15);
    return e;
  }

  void dma_traffic(Fabric::Leaf& leaf) {
    auto extras = std::make_shared<std::vector<Extra>>();
    const unsigned count = dice_.between(5, 40);
    const Time gap = Time::ns(dice_.one_of({0u, 1u, 20u, 200u}));
    Time at;
    for (unsigned n = 0; n < count; ++n) {
      Requester::Sent s{at, 0, dice_.chance(50), n, leaf.source(), 0};
      Extra e = attributes();
      s.relaxed = dice_.chance(20);
      s.bytes = s.write ? dice_.between(1, mps_) : dice_.one_of({1u, 4u, 64u, 200u, 512u, 1024u});
      const std::uint64_t offset = dice_.below(0x10000 - 1024);
      if (dice_.chance(45)) {
        s.address = dice_.one_of({&leaf, &fabric_->leaves.back(), &fabric_->leaves.front()})->window + offset;
        if (dice_.chance(60)) s.address = peer().window + offset;
      } else {
        s.address = Fabric::kMemory + offset;
      }
      if (s.address % 4096 + s.bytes > 4096) s.address -= s.address % 4096;
      // In doublewords a payload is no longer than mps (section 2.2.2).
      if (s.write && s.address % 4 + s.bytes > mps_) s.address &= ~std::uint64_t{3};
      if (dice_.chance(5)) {
        e.kind = message;
        s.write = true;
        e.target = dice_.chance(50) ? peer().bdf : base::Bdf();
      } else if (s.write && dice_.chance(8)) {
        e.kind = compare_and_swap;
        s.bytes = 16;
        s.address &= ~std::uint64_t{15};
      }
      add(*leaf.dma, *extras, s, e);
      at = at + gap;
    }
    use(*leaf.dma, extras);
  }

  void host_traffic() {
    auto of_cpu = std::make_shared<std::vector<Extra>>(), of_unit = std::make_shared<std::vector<Extra>>();
    const unsigned count = dice_.between(0, 60);
    for (unsigned n = 0; n < count; ++n) {
      const Time at = Time::ns(dice_.below(4000));
      const Fabric::Leaf& to = peer();
      if (dice_.chance(70)) {
        Requester::Sent s{at, to.window + 8 * dice_.below(4096), dice_.chance(50), n, base::SourceId(0), 8};
        if (dice_.chance(10)) s.address = Fabric::kWindows + 0x8000000;  // nobody's
        add(fabric_->cpu, *of_cpu, s, {plain, 0, false, false, {}});
      } else {
        const bool config = dice_.chance(50);
        Requester::Sent s{at, 0, dice_.chance(50), n, base::SourceId(0), config ? 4u : 8u};
        if (config) s.address = 0x10;
        add(fabric_->unit, *of_unit, s,
            {config ? configuration : message, 0, false, false, dice_.chance(90) ? to.bdf : base::Bdf(0xf000)});
      }
    }
    use(fabric_->cpu, of_cpu);
    use(fabric_->unit, of_unit);
  }
  Fabric::Leaf& peer() { return fabric_->leaves[dice_.below(static_cast<unsigned>(fabric_->leaves.size()))]; }

  Dice dice_;
  const std::string name_;
  unsigned mps_ = 128, channels_ = 1, policy_ = 0;
  bool tight_ = true;
  std::unique_ptr<Fabric> fabric_;
};

class FabricDrain : public ::testing::TestWithParam<unsigned> {};

// Independent fabrics, all in one simulation.
TEST_P(FabricDrain, RandomTreesWithTinyBuffersAlwaysDrain) {
  constexpr unsigned kCases = 250;
  tlm::Simulation sim;
  std::vector<std::unique_ptr<Case>> cases;
  for (unsigned i = 0; i < kCases; ++i) cases.push_back(std::make_unique<Case>(sim, GetParam() * kCases + i));
  sim.scheduler.run_until(Time::ms(50));
  for (const auto& c : cases) {
    c->expect_drained();
    if (HasFailure()) break;
  }
  EXPECT_EQ("", sim.pool.leak_report());
  EXPECT_GT(Case::requests, 30000u) << "the traffic is not what it should be";
  EXPECT_GT(Case::credit_stalls, 10000u) << "the buffers are not tight";
  EXPECT_GT(Case::switches, 200u);
}

INSTANTIATE_TEST_SUITE_P(Batches, FabricDrain, ::testing::Range(0u, 8u));

}  // namespace
}  // namespace iommusim::test
