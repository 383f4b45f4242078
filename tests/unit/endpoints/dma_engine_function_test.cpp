// The engine as a PCIe function: tags, control registers, reset, messages. One function whose registers the test
// writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "models/base/config/config.h"
#include "models/base/error.h"
#include "models/endpoints/dma_engine.h"
#include "models/pcie/ecam.h"
#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;
using pcie::cfg::bus_master_enable;
using pcie::cfg::command;
using pcie::cfg::device_control;
using pcie::cfg::initiate_flr;
using pcie::cfg::memory_space_enable;
using ::testing::ElementsAre;
using tlm::CompletionStatus;

struct Results {
  std::vector<DmaResult> list;
  void add(const DmaResult& r) { list.push_back(r); }
  DmaEngine::Done done() { return tlm::delegate<&Results::add>(this); }
};

struct FunctionBench : EngineBench {
  explicit FunctionBench(const DmaEngineConfig& config = {}, Time memory_latency = Time::ns(100))
      : EngineBench(config, nanosecond_per_byte(), memory_latency),
        script_(sim.scheduler, "script", tlm::delegate<&FunctionBench::play>(this)) {
    device.attach(0, engine);
  }
  /// Does something at that time.
  void at(Time when, std::function<void()> what) {
    acts_.push_back(std::move(what));
    script_.push(static_cast<unsigned>(acts_.size() - 1), when);
  }
  void write(std::uint16_t offset, std::uint32_t value) { device.write_config(0, offset, 2, value); }
  void master(bool on) { write(command, memory_space_enable | (on ? bus_master_enable : 0)); }

 private:
  void play(unsigned act) { acts_[act](); }
  std::vector<std::function<void()>> acts_;
  tlm::TimedQueue<unsigned> script_;
};

DmaEngineConfig with_tags(unsigned tags, unsigned bits) {
  DmaEngineConfig c;
  c.tags = tags;
  c.tag_bits = bits;
  c.dmas = 65536;
  return c;
}

// --- tags

class TagWidth : public ::testing::TestWithParam<std::pair<unsigned, unsigned>> {};

TEST_P(TagWidth, LimitsTheReadsOutstanding) {
  const auto [bits, tags] = GetParam();
  EngineBench b(with_tags(0, bits), nanosecond_per_byte(), Time::ms(1));  // nothing comes back before all could be sent
  for (unsigned i = 0; i < tags + 3; ++i) b.engine.submit(read_of(high + 64 * i, 64));
  b.run(Time::us(999));
  EXPECT_EQ(tags, b.memory.accesses.size());
  EXPECT_EQ(1u, b.engine.counters().tag_stalls.value());
  b.run(Time::ms(10));
  EXPECT_EQ(tags + 3, b.engine.counters().reads.value());
  b.expect_quiet();
}
INSTANTIATE_TEST_SUITE_P(Engine, TagWidth,
                         ::testing::Values(std::pair{5u, 32u}, std::pair{8u, 256u}, std::pair{10u, 768u},
                                           std::pair{14u, 15360u}));

/// Notes the tag of each request that passes up the link.
struct Tags final : pcie::TlpObserver {
  std::vector<unsigned> list;
  void sent(const pcie::Link&, bool up, const pcie::SentTlp& t) override {
    if (up && t.flow != pcie::FlowClass::completion) list.push_back(tlm::dma(t.payload).tag);
  }
};

TEST(Tags, OfTenBitsBeginAt256) {
  EngineBench b(with_tags(2, 10));
  Tags tags;
  b.link.up().observe(&tags);
  for (unsigned i = 0; i < 3; ++i) b.engine.submit(read_of(high, 64));
  b.run();
  EXPECT_THAT(tags.list, ElementsAre(256, 257, 256));
}

TEST(Tags, OfFourteenBitsBeginAt1024) {
  EngineBench b(with_tags(1, 14));
  Tags tags;
  b.link.up().observe(&tags);
  for (unsigned i = 0; i < 2; ++i) b.engine.submit(read_of(high, 64));
  b.run();
  EXPECT_THAT(tags.list, ElementsAre(1024, 1024));
}

TEST(Tags, MoreThanTheirWidthGivesAreAnError) {
  const auto error_of = [](const std::string& text) -> std::string {
    try {
      base::parse_config<DmaEngineConfig>("schema: 1\n" + text + "\n");
    } catch (const base::ConfigError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ("", error_of("tags: 256"));
  EXPECT_EQ("", error_of("tags: all\ntag_bits: 14"));
  EXPECT_NE(std::string::npos, error_of("tags: 257")
                                   .find("tags: is more than tags of 8 bits give, 256: set tag_bits to 10 or 14, or "
                                         "less here"));
  EXPECT_NE(std::string::npos, error_of("tag_bits: 9").find("tag_bits: must be 5, 8, 10 or 14"));
}

TEST(Tags, AreThirtyTwoWithoutExtendedTagEnable) {
  FunctionBench b(with_tags(0, 8), Time::us(100));
  b.write(pcie::cfg::device_control2, 0);
  b.write(device_control, 2u << 12 | 1u << 5);
  for (unsigned i = 0; i < 40; ++i) b.engine.submit(read_of(high, 64));
  b.run(Time::us(50));
  EXPECT_EQ(32u, b.memory.accesses.size());
  b.run();
  b.expect_quiet();
}

TEST(Tags, ChangeTheirWidthWhenNoneIsOutstanding) {
  FunctionBench b(with_tags(0, 10));
  Tags tags;
  b.link.up().observe(&tags);
  b.engine.submit(read_of(high, 64));
  b.run(Time::ns(10));
  b.write(pcie::cfg::device_control2, 0);  // 8 bits from now on
  b.engine.submit(read_of(high, 64));
  b.run();
  EXPECT_THAT(tags.list, ElementsAre(256, 0));
  EXPECT_EQ(Time::ns(208 + 24), b.memory.accesses[1].at) << "it waited for the first's completion";
}

/// Answers every read with a tag that is one too high.
class WrongTags : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  WrongTags(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context), port("port", context, *this) {}
  tlm::TargetPort port;

 private:
  bool request(tlm::TargetPort& p, tlm::Payload& payload) override {
    ++tlm::dma(payload).tag;
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    p.respond(payload);
    return true;
  }
  unsigned debug(tlm::TargetPort&, tlm::Payload&) override { return 0; }
};

TEST(Tags, ACompletionThatMatchesNothingIsDroppedAndCounted) {
  tlm::Simulation sim;
  DmaEngineConfig c;
  c.completion_timeout = Time::us(5);
  DmaEngine engine("engine", sim.context, c, {base::SourceId(1)});
  WrongTags target("target", sim.context);
  engine.port.bind(target.port);
  Results results;
  engine.submit(read_of(high, 64), results.done());
  engine.submit(read_of(high, 64), results.done());
  sim.scheduler.run_until(Time::us(10));
  // The first's completion carries the tag of the second, which it does not belong to.
  EXPECT_EQ(2u, engine.counters().unexpected_completions.value());
  ASSERT_EQ(2u, results.list.size());
  EXPECT_EQ(CompletionStatus::timeout, results.list[0].status);
  EXPECT_EQ(Time::us(5), results.list[0].done);
  EXPECT_EQ("", sim.pool.leak_report());
}

// --- control registers

TEST(Controls, SizesCutRequests) {
  FunctionBench b;
  b.write(device_control, 3u << 12 | 0u << 5 | pcie::cfg::extended_tag_enable);  // MRRS 1024, MPS 128
  b.engine.submit(read_of(high, 1024));
  b.engine.submit(write_of(high, 256));
  b.run();
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(1024u, b.memory.accesses[0].bytes);
  EXPECT_EQ(128u, b.memory.accesses[1].bytes);
}

TEST(Controls, OrderingBitsAreSentOnlyIfEnabled) {
  FunctionBench b;
  struct Bits final : pcie::TlpObserver {
    std::vector<std::pair<bool, bool>> list;
    void sent(const pcie::Link&, bool up, const pcie::SentTlp& t) override {
      if (up) list.emplace_back(tlm::dma(t.payload).relaxed_ordering, tlm::dma(t.payload).id_ordering);
    }
  } bits;
  b.link.up().observe(&bits);
  DmaRequest r = write_of(high, 64);
  r.relaxed_ordering = r.id_ordering = true;
  b.engine.submit(r);
  b.at(Time::us(1), [&] {
    b.write(device_control, 2u << 12 | 1u << 5);
    b.write(pcie::cfg::device_control2, pcie::cfg::ido_request_enable);
    r.intended = Time::us(1);
    b.engine.submit(r);
  });
  b.run();
  EXPECT_THAT(bits.list, ElementsAre(std::pair(true, false), std::pair(false, true)));
}

TEST(BusMaster, RequestsAndInterruptsWaitWithoutItAndGoWhenItIsSet) {
  FunctionBench b;
  b.master(false);
  b.engine.submit(read_of(high, 64));
  b.engine.submit(write_of(high, 64));
  b.engine.send_msi(0xfee00000, 0x41);
  b.at(Time::us(10), [&] {
    EXPECT_TRUE(b.memory.accesses.empty());
    EXPECT_EQ(1u, b.engine.counters().bus_master_stalls.value());
    b.master(true);
  });
  b.run();
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(Time::us(10) + Time::ns(24), b.memory.accesses[0].at);
  EXPECT_EQ(Time::us(10) + Time::ns(24 + 88), b.memory.accesses[1].at);
  EXPECT_EQ(Time::us(10) + Time::ns(24 + 88 + 24), b.memory.accesses[2].at);
  b.expect_quiet();
}

TEST(BusMaster, HeldRequestsDoNotTimeOut) {
  DmaEngineConfig c;
  c.completion_timeout = Time::us(5);
  FunctionBench b(c);
  Results results;
  b.master(false);
  b.engine.submit(read_of(high, 64), results.done());
  b.at(Time::us(100), [&] {
    EXPECT_TRUE(results.list.empty());
    b.master(true);
  });
  b.run();
  ASSERT_EQ(1u, results.list.size());
  EXPECT_EQ(CompletionStatus::ok, results.list[0].status);
}

TEST(BusMaster, AnswersOfRequestsAlreadySentComeAllTheSame) {
  FunctionBench b;
  Results results;
  b.engine.submit(read_of(high, 64), results.done());
  b.at(Time::ns(50), [&] { b.master(false); });
  b.run();
  ASSERT_EQ(1u, results.list.size());
  EXPECT_EQ(Time::ns(208), results.list[0].done);
}

pcie::MessageTlp page_request(std::uint64_t page) {
  return pcie::message_of(pcie::PageRequestMessage{page, 1, true, true, true});
}

TEST(BusMaster, MessagesPassWhatIsHeld) {
  DmaEngineConfig c;
  c.dmas = 1;
  FunctionBench b(c);
  b.engine.submit(write_of(high, 64));
  b.engine.submit(write_of(high, 64));
  b.engine.send_message(page_request(0xa000));  // has no slot yet
  b.master(false);
  b.engine.send_message(page_request(0xb000));
  b.run(Time::us(1));
  ASSERT_EQ(2u, b.memory.accesses.size());
  EXPECT_EQ(0xau, b.memory.accesses[0].address >> 12);
  EXPECT_EQ(0xbu, b.memory.accesses[1].address >> 12);
  b.master(true);
  b.run();
  EXPECT_EQ(4u, b.memory.accesses.size());
  b.expect_quiet();
}

TEST(BusMaster, AMessageThatHasASlotPassesToo) {
  FunctionBench b;
  b.master(false);
  b.engine.submit(write_of(high, 64));
  b.run(Time::ns(10));
  b.master(true);
  b.engine.send_message(page_request(0xa000));
  b.master(false);
  b.run(Time::us(1));
  EXPECT_EQ(1u, b.memory.accesses.size());
  b.master(true);
  b.run();
  EXPECT_EQ(2u, b.memory.accesses.size());
  b.expect_quiet();
}

TEST(Messages, KeepTheirOrderWithTheWritesSubmittedBefore) {
  DmaEngineConfig c;
  c.issue_latency = Time::ns(7);
  FunctionBench b(c);
  b.engine.submit(write_of(high, 64));
  b.engine.send_message(page_request(0xa000));
  b.engine.submit(write_of(high + 4096, 64));
  b.engine.send_message(page_request(0xb000));
  b.run();
  ASSERT_EQ(4u, b.memory.accesses.size());
  EXPECT_EQ(0xau, b.memory.accesses[1].address >> 12);
  EXPECT_EQ(Time::ns(7 + 88 + 24), b.memory.accesses[1].at) << "16 bytes of header, 8 of framing";
  EXPECT_EQ(0xbu, b.memory.accesses[3].address >> 12);
  EXPECT_EQ(2u, b.engine.counters().device_messages.value());
  EXPECT_EQ(2u, b.engine.counters().writes.value()) << "messages are no DMAs";
  b.expect_quiet();
}

TEST(Messages, AnInvalidateRequestIsAnsweredBehindTheWritesBefore) {
  DmaEngineConfig c;
  c.issue_latency = Time::ns(7);
  FunctionBench b(c);
  b.engine.submit(write_of(high, 64));
  const auto receive = [&b](const pcie::MessageTlp& m) {
    tlm::Payload& p = b.sim.context.pool.acquire();
    pcie::fill(b.sim.context.pool, p, m, base::SourceId(0));
    b.engine.message(p);
    p.release();
  };
  receive(pcie::message_of(pcie::InvalidateRequest{0x7000, 12, false, 9}, base::Bdf{}));
  receive(pcie::message_of(pcie::PageGroupResponse{3, 0}, base::Bdf{}));
  b.run();
  ASSERT_EQ(2u, b.memory.accesses.size()) << "a page response has no answer";
  EXPECT_EQ(Time::ns(7 + 88 + 24), b.memory.accesses[1].at);
  const auto done = pcie::decode_invalidate_completion(b.memory.accesses[1].address);
  EXPECT_EQ(1u << 9, done.itags);
  EXPECT_EQ(1u, done.count);
  b.expect_quiet();
}

TEST(Msix, InterruptsWaitWhileMasked) {
  FunctionBench b;
  Results results;
  b.write(pcie::cfg::msix_control, pcie::cfg::msix_enable | pcie::cfg::msix_function_mask);
  b.engine.send_msi(0xfee00000, 0x41, 5, results.done());
  b.engine.submit(write_of(high, 64));
  b.at(Time::us(1), [&] {
    EXPECT_EQ(1u, b.memory.accesses.size()) << "the write";
    EXPECT_FALSE(b.engine.quiescent());
    b.write(pcie::cfg::msix_control, pcie::cfg::msix_enable);
  });
  b.run();
  ASSERT_EQ(2u, b.memory.accesses.size());
  EXPECT_EQ(0x41u, b.memory.accesses[1].data);
  EXPECT_EQ(Time::us(1) + Time::ns(24), b.memory.accesses[1].at);
  ASSERT_EQ(1u, results.list.size());
  b.expect_quiet();
}

// --- function-level reset

TEST(Reset, EndsEveryDmaWithAStatusOfItsOwnAndDropsLateCompletions) {
  DmaEngineConfig c;
  c.tags = 2;
  c.dmas = 3;
  FunctionBench b(c);
  Results results;
  for (unsigned i = 0; i < 5; ++i) b.engine.submit(read_of(high + 64 * i, 64), results.done());
  const auto late = [&] { return b.engine.counters().late_completions.value(); };
  // Two are out, one waits for a tag, two for a slot.
  b.at(Time::ns(60), [&] {
    b.write(device_control, initiate_flr);
    EXPECT_EQ(5u, results.list.size());
    for (const DmaResult& r : results.list) {
      EXPECT_EQ(CompletionStatus::function_reset, r.status);
      EXPECT_EQ(Time::ns(60), r.done);
    }
    EXPECT_EQ(5u, b.engine.counters().reset.value());
  });
  b.at(Time::ns(208) - Time::ps(1), [&] { EXPECT_EQ(0u, late()); });
  b.at(Time::ns(208) + Time::ps(1), [&] { EXPECT_EQ(1u, late()); });
  b.run();
  EXPECT_EQ(2u, b.engine.counters().late_completions.value());
  EXPECT_EQ(0u, b.engine.counters().reads.value());
  EXPECT_EQ(2u, b.memory.accesses.size());
  b.expect_quiet();
}

TEST(Reset, LeavesTheFunctionAbleToWorkAgain) {
  FunctionBench b;
  Results results;
  for (unsigned i = 0; i < 40; ++i) b.engine.submit(read_of(high + 64 * i, 64), results.done());
  b.at(Time::ns(500), [&] { b.write(device_control, initiate_flr); });
  std::size_t before = 0;
  b.at(Time::us(150), [&] {
    EXPECT_EQ(40u, results.list.size());
    before = b.memory.accesses.size();  // what the engine had handed to the link has been sent
    EXPECT_EQ(before, b.engine.counters().reads.value() + b.engine.counters().late_completions.value());
    b.engine.submit(read_of(high, 1024, Time::us(150)), results.done());
    b.master(true);  // in vain: the function is absent
  });
  b.at(Time::ms(101), [&] {
    EXPECT_EQ(before, b.memory.accesses.size());
    b.master(true);
  });
  b.run(Time::ms(102));
  ASSERT_EQ(before + 2, b.memory.accesses.size());
  EXPECT_EQ(Time::ms(101) + Time::ns(24), b.memory.accesses[before].at);
  EXPECT_EQ(CompletionStatus::ok, results.list.back().status);
  b.expect_quiet();
}

TEST(Reset, GivesTagsBackOnlyWithTheirLateCompletions) {
  DmaEngineConfig c;
  c.tags = 1;
  FunctionBench b(c, Time::us(1));
  b.engine.submit(read_of(high, 64));
  b.at(Time::ns(30), [&] {
    b.engine.reset();
    b.engine.submit(read_of(high + 4096, 64, Time::ns(30)));
  });
  b.run();
  // The first answer comes at 24 + 1000 + 84; until then its tag could take it for another's.
  ASSERT_EQ(2u, b.memory.accesses.size());
  EXPECT_EQ(Time::ns(24 + 1000 + 84 + 24), b.memory.accesses[1].at);
  EXPECT_EQ(1u, b.engine.counters().late_completions.value());
  EXPECT_EQ(1u, b.engine.counters().reads.value());
  b.expect_quiet();
}

TEST(Reset, PostedWritesAlreadySentGoOn) {
  FunctionBench b;
  Results results;
  b.engine.submit(write_of(high, 64), results.done());
  b.engine.submit(write_of(high, 64, WriteDone::visible), results.done());
  b.at(Time::ns(1), [&] { b.engine.reset(); });
  b.run();
  EXPECT_EQ(2u, b.memory.accesses.size());
  ASSERT_EQ(2u, results.list.size());
  EXPECT_EQ(CompletionStatus::ok, results.list[0].status);
  EXPECT_EQ(CompletionStatus::function_reset, results.list[1].status) << "who waited for visibility does not learn it";
  EXPECT_EQ(1u, b.engine.counters().writes.value());
  b.expect_quiet();
}

TEST(Reset, FindsDmasInEveryStage) {
  DmaEngineConfig c;
  c.tags = 4;
  c.dmas = 16;
  c.issue_latency = Time::ns(300);
  c.completion_latency = Time::ns(400);
  c.latency_per_kib = Time::ns(100);
  FunctionBench b(c);
  ListedDmas w;
  for (unsigned i = 0; i < 60; ++i) {
    w.list.push_back(read_of(high + 640 * i, 640, Time::ns(100 * i)));
    w.list.push_back(write_of(high + 640 * i, 640, i % 2 == 0 ? WriteDone::sent : WriteDone::visible));
    w.list.back().intended = Time::ns(100 * i);
  }
  b.engine.drive(w);
  for (unsigned i = 0; i < 12; ++i) {
    b.at(Time::ns(777 * i + 333), [&b, i] {
      b.engine.send_msi(0xfee00000, i);
      b.engine.send_message(page_request(0x1000 * i));
      if (i % 3 == 2) b.engine.reset();
    });
  }
  b.run();
  EXPECT_EQ(w.list.size(), w.results.size()) << "each ended once";
  EXPECT_GT(b.engine.counters().reset.value(), 10u);
  EXPECT_GT(b.engine.counters().reads.value(), 10u);
  b.expect_quiet();
}

class RandomResets : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomResets, EndEachDmaOnceAndLeaveNothing) {
  std::mt19937_64 random(GetParam());
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  DmaEngineConfig c;
  c.tags = static_cast<unsigned>(1 + below(12));
  c.tag_bits = below(2) == 0 ? 8 : 10;
  c.dmas = static_cast<unsigned>(1 + below(20));
  c.posted_window = static_cast<unsigned>(1 + below(8));
  c.issue_latency = Time::ns(below(2) * below(400));
  c.completion_latency = Time::ns(below(2) * below(400));
  c.completion_timeout = below(2) == 0 ? Time() : Time::ns(600);
  FunctionBench b(c, Time::ns(below(800)));
  ListedDmas w;
  for (unsigned i = 0; i < 200; ++i) {
    const auto bytes = static_cast<std::uint32_t>(1 + below(1500));
    w.list.push_back(
        below(2) == 0 ? read_of(high + below(1 << 20), bytes)
                      : write_of(high + below(1 << 20), bytes, below(2) == 0 ? WriteDone::sent : WriteDone::visible));
    w.list.back().intended = Time::ns(100 * i);
  }
  b.engine.drive(w);
  Results others;
  unsigned submitted = 0;
  for (unsigned i = 0; i < 100; ++i) {
    b.at(Time::ns(200 * i + below(200)), [&, kind = below(8)] {
      switch (kind) {
        case 0: b.engine.reset(); break;
        case 1: b.master(false); break;
        case 2: b.engine.send_msi(0xfee00000, 1, 0, others.done()), ++submitted; break;
        case 3: b.engine.send_message(page_request(0x1000)); break;
        case 4:
          b.write(pcie::cfg::device_control2, static_cast<std::uint32_t>(below(2) * pcie::cfg::ten_bit_tag_enable));
          break;
        case 5: b.write(pcie::cfg::msix_control, static_cast<std::uint32_t>(below(2) * pcie::cfg::msix_enable)); break;
        default: b.master(true); break;
      }
    });
  }
  b.at(Time::us(30), [&] {
    b.master(true);
    b.write(pcie::cfg::msix_control, pcie::cfg::msix_enable);
  });
  b.run();
  EXPECT_EQ(w.list.size(), w.results.size());
  EXPECT_EQ(submitted, others.list.size());
  EXPECT_EQ(0u, b.engine.counters().unexpected_completions.value());
  b.expect_quiet();
}
INSTANTIATE_TEST_SUITE_P(Engine, RandomResets, ::testing::Range(std::uint64_t{1}, std::uint64_t{41}));

TEST(Reset, OfOneFunctionLeavesTheOthersAsTheyAre) {
  tlm::Simulation sim;
  pcie::DeviceConfig two;
  two.functions.assign(2, pcie::FunctionConfig{});
  pcie::RootComplex rc("rc", sim.context, {}, 1);
  pcie::Device device("device", sim.context, {}, two, base::Bdf(0x0300));
  pcie::Link link("link", sim.context, nanosecond_per_byte(), rc.root_port(0), device.link_port);
  test::FixedMemory memory("memory", sim.context, Time::ns(100));
  test::Requester cpu("cpu", sim.context);
  rc.to_host(0).bind(memory.port());
  cpu.port.bind(rc.from_cpu);
  rc.set_buses(3, 3, 0);
  rc.set_ecam(base::Hpa(0xe0000000), 256 * pcie::kEcamBusBytes);
  DmaEngine first("first", sim.context, {}, {base::SourceId(0x0300)});
  DmaEngine second("second", sim.context, {}, {base::SourceId(0x0301)});
  first.port.bind(device.from_function(0));
  second.port.bind(device.from_function(1));
  device.attach(0, first);
  device.attach(1, second);
  Results results;
  first.submit(read_of(high, 64), results.done());
  second.submit(read_of(high, 64), results.done());
  // The request to reset arrives at 50 + 24 ns, before any answer.
  cpu.write(Time::ns(50), pcie::ecam_address(base::Hpa(0xe0000000), base::Bdf(0x0300), device_control).value(),
            base::SourceId(0), 2, initiate_flr);
  sim.scheduler.run_until(Time::ms(1));
  ASSERT_EQ(2u, results.list.size());
  EXPECT_EQ(CompletionStatus::function_reset, results.list[0].status);
  EXPECT_EQ(Time::ns(74), results.list[0].done);
  EXPECT_EQ(CompletionStatus::ok, results.list[1].status);
  EXPECT_EQ(Time::ns(24 + 100 + 84 + 84), results.list[1].done) << "behind the completion of the first";
  EXPECT_EQ(1u, first.counters().late_completions.value());
  EXPECT_EQ("", sim.pool.leak_report());
}

TEST(Reset, ADmaSubmittedInReplyStartsAfterwards) {
  FunctionBench b;
  struct Retry {
    DmaEngine& engine;
    Results results;
    void ended(const DmaResult& r) {
      results.add(r);
      if (results.list.size() == 1) engine.submit(read_of(high + 4096, 64, r.done), tlm::delegate<&Retry::ended>(this));
    }
  } retry{b.engine, {}};
  b.engine.submit(read_of(high, 64), tlm::delegate<&Retry::ended>(&retry));
  b.at(Time::ns(30), [&] { b.engine.reset(); });
  b.run();
  ASSERT_EQ(2u, retry.results.list.size());
  EXPECT_EQ(CompletionStatus::ok, retry.results.list[1].status);
  EXPECT_EQ(Time::ns(30), retry.results.list[1].issued);
}

TEST(FirstData, IsTheFirstCompletionPacketOfARead) {
  FunctionBench b;
  b.engine.submit(read_of(high, 512));
  b.run();
  // Two completions of 256 bytes: 24 + 100 + 276, and 276 later the rest.
  EXPECT_EQ(Time::ns(400).ps(), b.engine.counters().first_data.min());
  EXPECT_EQ(Time::ns(676).ps(), b.engine.counters().read_latency.total().max());
}

TEST(TranslationRequest, IsAReadThatBringsTranslations) {
  FunctionBench b;
  Tags tags;
  b.link.up().observe(&tags);
  std::array<unsigned char, 16> entries{};
  DmaRequest r = read_of(high, 16);
  r.at = tlm::AddressType::translation_request;
  r.data = entries.data();
  b.engine.submit(r);
  b.run();
  EXPECT_EQ(1u, tags.list.size());
  EXPECT_EQ(1u, b.engine.counters().reads.value());
  EXPECT_EQ(Time::ns(24 + 100 + 12 + 8 + 16).ps(), b.engine.counters().read_latency.total().max());
}

}  // namespace
}  // namespace iommusim::ep
