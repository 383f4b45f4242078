#include "models/pcie/messages.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "models/base/bdf.h"
#include "tests/unit/pcie/device_bench.h"

namespace iommusim::pcie {
namespace {

using base::Time;
using tlm::Message;
using tlm::Payload;
using tlm::PayloadPool;

constexpr base::SourceId who(0x0100);

// --- contents

TEST(Messages, ATranslationsBitsAreWhereTheSpecificationHasThem) {
  Translation t;
  t.address = 0x123456789000;
  EXPECT_EQ(0x123456789000u, encode(t));
  const std::pair<bool Translation::*, unsigned> bits[] = {
      {&Translation::read, 0},        {&Translation::write, 1},      {&Translation::untranslated_only, 2},
      {&Translation::execute, 3},     {&Translation::privileged, 4}, {&Translation::global, 5},
      {&Translation::non_snooped, 10}};
  for (const auto& [member, bit] : bits) {
    Translation one;
    one.*member = true;
    EXPECT_EQ(std::uint64_t{1} << bit, encode(one)) << bit;
    EXPECT_TRUE(decode_translation(std::uint64_t{1} << bit).*member) << bit;
  }
}

TEST(Messages, ARangeTellsItsSizeByTheLowestZeroAboveTheSBit) {
  Translation t;
  t.size_log2 = 13;
  t.address = 0x40000000;
  EXPECT_EQ(0x40000800u, encode(t)) << "8 KiB: S, bit 12 clear";
  t.size_log2 = 14;
  EXPECT_EQ(0x40001800u, encode(t)) << "16 KiB: bit 12 set, 13 clear";
  t.size_log2 = 21;
  EXPECT_EQ(0x400ff800u, encode(t)) << "2 MiB";
  for (unsigned log2 = 12; log2 <= 64; ++log2) {
    t.size_log2 = static_cast<std::uint8_t>(log2);
    t.address = log2 >= 63 ? 0 : std::uint64_t{1} << log2;
    const Translation back = decode_translation(encode(t));
    EXPECT_EQ(log2, back.size_log2);
    EXPECT_EQ(t.address, back.address) << log2;
  }
}

TEST(Messages, DecodingIsTheInverseOfEncoding) {
  const InvalidateRequest r{0x7fff00000000, 30, true, 31};
  const InvalidateRequest r2 = decode_invalidate_request(encode(r), r.itag);
  EXPECT_EQ(r.address, r2.address);
  EXPECT_EQ(r.size_log2, r2.size_log2);
  EXPECT_TRUE(r2.global);
  EXPECT_EQ(31, r2.itag);

  for (unsigned count = 1; count <= 8; ++count) {
    const InvalidateCompletion c{0x80000001, static_cast<std::uint8_t>(count)};
    const std::uint64_t body = encode(c, base::Bdf(0xabcd));
    EXPECT_EQ(0xabcdu, body >> 48);
    EXPECT_EQ(count, decode_invalidate_completion(body).count);
    EXPECT_EQ(0x80000001u, decode_invalidate_completion(body).itags);
  }

  const PageRequestMessage p{0xfffffffffffff000, 0x1ff, true, false, true};
  EXPECT_EQ(0xfffffffffffffffdu, encode(p));
  const PageRequestMessage p2 = decode_page_request(encode(p));
  EXPECT_EQ(p.page, p2.page);
  EXPECT_EQ(0x1ff, p2.group);
  EXPECT_TRUE(p2.last && p2.read && !p2.write);

  const PageGroupResponse g{0x155, 15};
  EXPECT_EQ(0x0100'f155'0000'0000u, encode(g, base::Bdf(0x0100)));
  EXPECT_EQ(0x155, decode_page_group_response(encode(g, base::Bdf(0))).group);
  EXPECT_EQ(15, decode_page_group_response(encode(g, base::Bdf(0))).code);
}

// --- on the wire

struct Kind {
  const char* name;
  std::function<void(PayloadPool&, Payload&)> make;
  std::uint64_t wire;  ///< framing of 8 included
  FlowClass flow;
  unsigned data_credits;
  bool down = false;
};

MessageTlp with_pasid(MessageTlp m) {
  m.has_pasid = true;
  return m;
}

const std::vector<Kind>& kinds() {
  const auto message = [](const MessageTlp& m) {
    return [m](PayloadPool& pool, Payload& p) { fill(pool, p, m, who); };
  };
  static const std::vector<Kind> list{
      {"MSI", [](PayloadPool& pool, Payload& p) { fill_msi(pool, p, 0xfee00000, 0x4041, who); }, 12 + 4 + 8,
       FlowClass::posted, 1},
      {"MSI above 4 GiB", [](PayloadPool& pool, Payload& p) { fill_msi(pool, p, high, 0x4041, who); }, 16 + 4 + 8,
       FlowClass::posted, 1},
      {"translation request",
       [](PayloadPool& pool, Payload& p) { fill_translation_request(pool, p, high, 1, false, who); }, 16 + 8,
       FlowClass::non_posted, 0},
      {"translation request below 4 GiB",
       [](PayloadPool& pool, Payload& p) { fill_translation_request(pool, p, 0x1000, 8, true, who); }, 12 + 8,
       FlowClass::non_posted, 0},
      {"translation request with PASID",
       [](PayloadPool& pool, Payload& p) {
         fill_translation_request(pool, p, high, 1, false, who);
         tlm::dma(p).has_pasid = true;
       },
       4 + 16 + 8, FlowClass::non_posted, 0},
      {"invalidate completion", message(message_of(InvalidateCompletion{1, 1}, base::Bdf(0))), 16 + 8,
       FlowClass::posted, 0},
      {"page request", message(message_of(PageRequestMessage{high, 3, true, true, true})), 16 + 8, FlowClass::posted,
       0},
      {"page request with PASID", message(with_pasid(message_of(PageRequestMessage{high, 3, true, true, true}))),
       4 + 16 + 8, FlowClass::posted, 0},
      {"invalidate request", message(message_of(InvalidateRequest{high, 12, false, 0}, bdf)), 16 + 8 + 8,
       FlowClass::posted, 1, true},
      {"invalidate request with PASID", message(with_pasid(message_of(InvalidateRequest{high, 12, false, 0}, bdf))),
       4 + 16 + 8 + 8, FlowClass::posted, 1, true},
      {"PRG response", message(message_of(PageGroupResponse{3, 0}, bdf)), 16 + 8, FlowClass::posted, 0, true},
      {"PRG response with PASID", message(with_pasid(message_of(PageGroupResponse{3, 0}, bdf))), 4 + 16 + 8,
       FlowClass::posted, 0, true},
  };
  return list;
}

// One function whose requests are made by the test.
struct MessageBench {
  explicit MessageBench(const RootComplexConfig& rc_config = {}, const ReceiveBuffer& buffer = {})
      : rc("rc", sim.context, rc_config, 1),
        device("device", sim.context, buffer, DeviceConfig{}, bdf),
        link("link", sim.context, nanosecond_per_byte(), rc.root_port(0), device.link_port),
        memory("memory", sim.context, Time::ns(100)),
        registers("registers", sim.context, Time::ns(10)) {
    rc.to_host(0).bind(memory.port());
    cpu.port.bind(rc.from_cpu);
    unit.port.bind(rc.from_unit);
    function.port.bind(device.from_function(0));
    device.to_function(0).bind(registers.port());
    rc.set_buses(1, 1, 0);
  }
  ~MessageBench() { EXPECT_EQ("", sim.pool.leak_report()); }
  tlm::Simulation sim;
  RootComplex rc;
  Device device;
  Link link;
  test::FixedMemory memory, registers;
  test::Requester cpu{"cpu", sim.context};
  Sender unit{"unit", sim.context}, function{"function", sim.context};
};

struct Observer final : TlpObserver {
  struct Seen {
    bool up, completion;
    std::uint64_t wire;
    FlowClass flow;
    Credits credits;
  };
  std::vector<Seen> seen;
  MessageBench* bench = nullptr;
  void sent(const Link&, bool up, const SentTlp& t) override {
    const Transmitter& out = up ? bench->link.up() : bench->link.down();
    const bool completion = t.flow == FlowClass::completion;
    seen.push_back(
        {up, completion, t.wire_bytes, t.flow, out.credits_of(t.payload, completion, 0, t.payload.get_data_length())});
  }
};

class OnTheWire : public ::testing::TestWithParam<std::size_t> {};

TEST_P(OnTheWire, TakesTheBytesAndCreditsOfItsKind) {
  const Kind& kind = kinds()[GetParam()];
  MessageBench b;
  Observer observer;
  observer.bench = &b;
  b.link.up().observe(&observer);
  b.link.down().observe(&observer);
  kind.make(b.sim.pool, (kind.down ? b.unit : b.function).make(Time::ns(0)));
  b.sim.scheduler.run_until(Time::us(10));
  ASSERT_FALSE(observer.seen.empty());
  const Observer::Seen& s = observer.seen[0];
  EXPECT_EQ(!kind.down, s.up);
  EXPECT_EQ(kind.wire, s.wire);
  EXPECT_EQ(kind.flow, s.flow);
  EXPECT_EQ(1u, s.credits.headers);
  EXPECT_EQ(kind.data_credits, s.credits.data);
  EXPECT_EQ(kind.flow == FlowClass::non_posted ? 2u : 1u, observer.seen.size()) << "posted ones have no answer";
  // What arrives, arrives with the last byte.
  if (!kind.down) {
    ASSERT_EQ(1u, b.memory.accesses.size());
    EXPECT_EQ(Time::ns(kind.wire), b.memory.accesses[0].at);
  }
}

INSTANTIATE_TEST_SUITE_P(Messages, OnTheWire, ::testing::Range(std::size_t{0}, kinds().size()), [](const auto& kind) {
  std::string name = kinds()[kind.param].name;
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
});

TEST(Messages, ATranslationCompletionHasEightBytesForEachTranslation) {
  MessageBench b;
  Observer observer;
  observer.bench = &b;
  b.link.down().observe(&observer);
  fill_translation_request(b.sim.pool, b.function.make(Time::ns(0)), high, 3, false, who);
  b.sim.scheduler.run_until(Time::us(10));
  ASSERT_EQ(1u, observer.seen.size());
  EXPECT_EQ(12u + 24 + 8, observer.seen[0].wire);
  EXPECT_EQ(FlowClass::completion, observer.seen[0].flow);
  EXPECT_EQ(2u, observer.seen[0].credits.data) << "24 bytes are two units of 16";
}

TEST(Messages, APayloadSaysWhatItWasMadeOf) {
  tlm::Simulation sim;
  Payload& p = sim.pool.acquire();
  fill_translation_request(sim.pool, p, 0x12345000, 2, true, who);
  EXPECT_EQ(0x12345000u, translation_address(p));
  EXPECT_TRUE(translation_no_write(p));
  write_entry(p, 0, 1);
  write_entry(p, 1, 0x1122334455667788);
  EXPECT_EQ(0x1122334455667788u, read_entry(p, 1));
  EXPECT_EQ(0x11, p.get_data_ptr()[8]) << "first byte of the address first";
  p.release();
  Payload& q = sim.pool.acquire();
  MessageTlp m = message_of(PageRequestMessage{0x5000, 4, true, true, false});
  m.has_pasid = true;
  m.prefix = {base::Pasid(77), true, true};
  fill(sim.pool, q, m, who);
  EXPECT_EQ(::tlm::TLM_IGNORE_COMMAND, q.get_command());
  const MessageTlp back = message_of(q);
  EXPECT_EQ(m.kind, back.kind);
  EXPECT_EQ(m.body, back.body);
  EXPECT_TRUE(back.has_pasid && back.prefix.execute && back.prefix.privileged);
  EXPECT_EQ(base::Pasid(77), back.prefix.pasid);
  EXPECT_EQ(who, tlm::dma(q).requester);
  q.release();
}

// --- ordering (PCIe 5.0 section 2.4.1, table 2-39)

class Ordering : public OnTheWire {};

std::vector<std::size_t> upward() {
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < kinds().size(); ++i) {
    if (!kinds()[i].down) list.push_back(i);
  }
  return list;
}

TEST_P(Ordering, NothingPassesAPostedWriteThatWaitsForCredits) {
  RootComplexConfig rc;
  rc.buffer.posted = {1, base::Bytes(0)};
  MessageBench b(rc);
  fill_msi(b.sim.pool, b.function.make(Time::ns(0)), 0xa000, 0, who);  // takes the only header until it is visible
  fill_msi(b.sim.pool, b.function.make(Time::ns(1)), 0xb000, 0, who);
  kinds()[GetParam()].make(b.sim.pool, b.function.make(Time::ns(2)));
  b.sim.scheduler.run_until(Time::us(10));
  ASSERT_EQ(3u, b.memory.accesses.size());
  EXPECT_EQ(0xb000u, b.memory.accesses[1].address);
  // Visible at 24 + 100, known to the sender 40 later.
  EXPECT_EQ(Time::ns(24 + 100 + 40 + 24), b.memory.accesses[1].at);
}

TEST_P(Ordering, PostedKindsPassANonPostedRequestThatWaitsForCredits) {
  RootComplexConfig rc;
  rc.buffer.non_posted = {1, base::Bytes(0)};
  rc.request_latency = Time::ns(1000);
  MessageBench b(rc);
  fill_translation_request(b.sim.pool, b.function.make(Time::ns(0)), 0xa000, 1, false, who);
  fill_translation_request(b.sim.pool, b.function.make(Time::ns(1)), 0xb000, 1, false, who);
  kinds()[GetParam()].make(b.sim.pool, b.function.make(Time::ns(2)));
  b.sim.scheduler.run_until(Time::us(10));
  ASSERT_EQ(3u, b.memory.accesses.size());
  const bool passed = b.memory.accesses[2].address == 0xb000u;
  EXPECT_EQ(kinds()[GetParam()].flow == FlowClass::posted, passed);
}

INSTANTIATE_TEST_SUITE_P(Messages, Ordering, ::testing::ValuesIn(upward()), [](const auto& kind) {
  std::string name = kinds()[kind.param].name;
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
});

TEST(Messages, ATranslationCompletionDoesNotPassAnInvalidateRequest) {
  MessageBench b({}, {{1, base::Bytes(0)}, {}, {}});
  fill_translation_request(b.sim.pool, b.function.make(Time::ns(0)), high, 1, false, who);  // answered at 24 + 100
  const MessageTlp m = message_of(InvalidateRequest{high, 12, false, 0}, bdf);
  fill(b.sim.pool, b.unit.make(Time::ns(122)), m, base::SourceId(0));  // 32 bytes until 154: the only header
  fill(b.sim.pool, b.unit.make(Time::ns(123)), m, base::SourceId(0));  // its credit is known at 194
  b.sim.scheduler.run_until(Time::us(10));
  EXPECT_EQ(std::vector<Time>{Time::ns(194 + 32 + 28)}, b.function.answered);
}

}  // namespace
}  // namespace iommusim::pcie
